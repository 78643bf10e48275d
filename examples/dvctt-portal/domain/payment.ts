/** A payment dossier ("Phần II"): prepared, submitted, signed by the chief accountant, then by the account holder. */
import type { Seat } from './people.js'
import { Refusal } from './refusal.js'
import type { MadeSignature, PdfFile } from './registration.js'

export type PaymentState =
  | 'prepared'
  | 'awaitingChiefAccountant'
  | 'awaitingAccountHolder'
  | 'sent'
  | 'accepted'

export const paymentStates: Readonly<Record<PaymentState, string>> = {
  prepared: 'Chờ trình Kế toán trưởng',
  awaitingChiefAccountant: 'Chờ Kế toán trưởng phê duyệt',
  awaitingAccountHolder: 'Chờ Chủ tài khoản phê duyệt',
  sent: 'Đã gửi Kho bạc',
  accepted: 'Kho bạc đã tiếp nhận'
}

export interface PaymentLine {
  content: string
  /** "Mã NDKT", 4 digits, or empty. */
  budgetCode: string
  /** Whole đồng. */
  amount: number
}

export interface PaymentContent {
  unitCode: string
  unitName: string
  treasuryCode: string
  /** The accountant who prepared it. */
  preparedBy: string
  /** One of the unit's. */
  account: string
  beneficiary: string
  beneficiaryAccount: string
  beneficiaryBank: string
  purpose: string
  lines: readonly PaymentLine[]
}

export interface Payment extends PaymentContent {
  number: string
  state: PaymentState
  createdAt: Date
  document: PdfFile
  /** In the order they were made: the chief accountant's first. */
  signatures: readonly MadeSignature[]
  /** Whom the chief accountant chose to sign next; null until then. */
  accountHolderId: string | null
}

export const totalOf = ({ lines }: Pick<PaymentContent, 'lines'>): number =>
  lines.reduce((sum, { amount }) => sum + amount, 0)

export function payment(
  content: PaymentContent,
  number: string,
  createdAt: Date,
  document: PdfFile
): Payment {
  const blank = { state: 'prepared', signatures: [], accountHolderId: null } as const
  return Object.freeze({ ...content, ...blank, number, createdAt, document })
}

/** The accountant hands it to the chief accountant. */
export function submitted(old: Payment): Payment {
  mustBe(old, 'prepared')
  return Object.freeze({ ...old, state: 'awaitingChiefAccountant' })
}

/** Whose turn it is; null: nobody's. */
export function nextSeat({ state }: Pick<Payment, 'state'>): Seat | null {
  if (state === 'awaitingChiefAccountant') return 'chiefAccountant'
  return state === 'awaitingAccountHolder' ? 'accountHolder' : null
}

/**
 * One signature more, in its turn, by somebody who has not signed yet.
 * @param accountHolderId Whom the chief accountant chose.
 */
export function signed(
  old: Payment,
  seat: Seat,
  document: PdfFile,
  signature: MadeSignature,
  accountHolderId: string | null
): Payment {
  mustBe(old, seat === 'chiefAccountant' ? 'awaitingChiefAccountant' : 'awaitingAccountHolder')
  notTwice(old, signature.serialNumber)
  return Object.freeze({
    ...old,
    state: seat === 'chiefAccountant' ? 'awaitingAccountHolder' : 'sent',
    document,
    signatures: [...old.signatures, signature],
    accountHolderId: accountHolderId ?? old.accountHolderId
  })
}

/** The treasury has it. */
export function accepted(old: Payment): Payment {
  mustBe(old, 'sent')
  return Object.freeze({ ...old, state: 'accepted' })
}

/** @throws Refusal when the certificate has signed this dossier already. */
export function notTwice({ signatures }: Payment, serialNumber: string): void {
  if (signatures.some((made) => made.serialNumber === serialNumber))
    throw new Refusal('order', 'Người này đã ký hồ sơ rồi. Chữ ký tiếp theo phải của người khác.')
}

/** @throws Refusal when the step was taken already, or is not due yet. */
export function mustBe({ state, number }: Payment, expected: PaymentState): void {
  if (state === expected) return
  throw new Refusal(
    'order',
    `Hồ sơ ${number} đang ở trạng thái "${paymentStates[state]}", không phải "${paymentStates[expected]}". Hãy tải lại trang.`
  )
}
