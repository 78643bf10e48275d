/** The document of a payment dossier: an order to pay ("Uỷ nhiệm chi"), signed by chief accountant and account holder. */
import { amountInWords, shownAmount } from './amounts.js'
import { facts, letterhead, section, table, title } from './parts.js'
import { Sheet } from './sheet.js'
import { shownDate } from './times.js'

export interface PaymentLine {
  content: string
  /** Code of the budget's index ("Mã NDKT"), or empty. */
  budgetCode: string
  /** In đồng, a whole number. */
  amount: number
}

/** What is to be paid. The amount is the sum of the lines. */
export interface PaymentOrder {
  number: string
  madeAt: Date
  unit: { name: string; code: string; account: string; treasuryCode: string }
  payee: { name: string; account: string; bank: string }
  purpose: string
  lines: readonly PaymentLine[]
}

/** @throws RangeError for an amount that is not a whole number of đồng, or none at all. */
export async function makePaymentOrder(order: PaymentOrder): Promise<Uint8Array> {
  const { number, madeAt, unit, payee, purpose, lines } = order
  if (lines.length === 0) throw new RangeError('an order to pay has at least one line')
  const amount = lines.reduce((sum, line) => sum + line.amount, 0)

  const heading = 'UỶ NHIỆM CHI'
  const sheet = await Sheet.create(`${heading} ${number}`, madeAt)
  letterhead(sheet, { name: unit.name, under: `Mã ĐVQHNS: ${unit.code}` })
  title(sheet, heading, `Số: ${number}. Lập ngày ${shownDate(madeAt)}`)
  section(sheet, '1. Đơn vị trả tiền')
  facts(sheet, [
    ['Tên đơn vị', unit.name],
    ['Mã ĐVQHNS', unit.code],
    ['Tài khoản', unit.account],
    ['Tại Kho bạc Nhà nước, mã', unit.treasuryCode]
  ])
  section(sheet, '2. Đơn vị nhận tiền')
  facts(sheet, [
    ['Tên', payee.name],
    ['Tài khoản', payee.account],
    ['Tại ngân hàng', payee.bank]
  ])
  section(sheet, '3. Nội dung thanh toán')
  sheet.write(purpose)
  sheet.skip(4)
  table(
    sheet,
    [
      { title: 'STT', share: 8, align: 'center' },
      { title: 'Nội dung', share: 52 },
      { title: 'Mã NDKT', share: 14, align: 'center' },
      { title: 'Số tiền (đồng)', share: 26, align: 'right' }
    ],
    [
      ...lines.map((line, index) => [
        `${index + 1}`,
        line.content,
        line.budgetCode,
        shownAmount(line.amount)
      ]),
      ['', 'Tổng cộng', '', shownAmount(amount)]
    ]
  )
  sheet.skip(6)
  sheet.write(`Tổng số tiền: ${shownAmount(amount)} đồng.`, { weight: 'bold' })
  sheet.write(`Bằng chữ: ${amountInWords(amount)} đồng.`)
  sheet.signers({ left: 'Kế toán trưởng', right: 'Chủ tài khoản' })
  return sheet.save()
}
