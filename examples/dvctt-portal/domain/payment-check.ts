/** From a filled form to the content of a payment dossier. */
import type { PaymentContent, PaymentLine } from './payment.js'
import type { Registration } from './registration.js'

/** Highest amount of one line, in đồng: what a number holds exactly, and more than a treasury pays at once. */
const amountMax = 999_999_999_999

/** What the form says; lines without any field filled in are left out. */
export interface TypedPayment {
  preparedBy: string
  account: string
  beneficiary: string
  beneficiaryAccount: string
  beneficiaryBank: string
  purpose: string
  lines: readonly { content: string; budgetCode: string; amount: string }[]
}

/** Either the content, or sentences about what is missing or wrong. */
export function checkPayment(
  typed: TypedPayment,
  { unit, accounts, members }: Registration
): { content: PaymentContent } | { faults: string[] } {
  const { account, beneficiary, beneficiaryAccount, beneficiaryBank, purpose } = typed
  const faults: string[] = []
  const need = (holds: boolean, sentence: string): void => {
    if (!holds) faults.push(sentence)
  }
  const accountant = members.find(({ id, role }) => id === typed.preparedBy && role === 'accountant')
  need(accountant !== undefined, 'Hãy chọn Kế toán viên của đơn vị.')
  need(accounts.includes(account), 'Hãy chọn tài khoản chi trong các tài khoản đã đăng ký.')
  need(beneficiary !== '', 'Hãy nhập tên đơn vị nhận tiền.')
  need(/^[\d.]{4,30}$/.test(beneficiaryAccount), 'Số tài khoản nhận gồm các chữ số.')
  need(beneficiaryBank !== '', 'Hãy nhập ngân hàng của đơn vị nhận tiền.')
  need(purpose !== '', 'Hãy nhập lý do thanh toán.')
  const lines: PaymentLine[] = []
  for (const [index, { content, budgetCode, amount }] of typed.lines.entries()) {
    if (content === '' && budgetCode === '' && amount === '') continue
    const value = amountOf(amount)
    need(content !== '', `Dòng ${index + 1}: hãy nhập nội dung.`)
    need(/^(\d{4})?$/.test(budgetCode), `Dòng ${index + 1}: mã NDKT gồm 4 chữ số, hoặc để trống.`)
    need(value !== null, `Dòng ${index + 1}: số tiền là số đồng nguyên, ví dụ 3.500.000.`)
    if (value !== null) lines.push({ content, budgetCode, amount: value })
  }
  need(lines.length > 0 || faults.length > 0, 'Hãy nhập ít nhất một dòng nội dung thanh toán.')
  if (faults.length > 0 || accountant === undefined) return { faults }
  return {
    content: {
      ...{ unitCode: unit.code, unitName: unit.name, treasuryCode: unit.treasuryCode },
      ...{ preparedBy: accountant.fullName, account, beneficiary, beneficiaryAccount, beneficiaryBank },
      ...{ purpose, lines }
    }
  }
}

/** `3500000` and `3.500.000`; null for anything else, and for nothing at all. */
function amountOf(text: string): number | null {
  if (!/^(\d{1,12}|\d{1,3}(\.\d{3})+)$/.test(text)) return null
  const amount = Number(text.replaceAll('.', ''))
  return amount > 0 && amount <= amountMax ? amount : null
}
