/** A unit's registration for the services ("Phần I"). Records are never changed: a step makes a new one of the old. */
import type { Member, SigningMeans } from './people.js'
import { Refusal } from './refusal.js'
import { changesWhatIsInForce, enoughSigners, oneKindOfSigning } from './rules.js'

/** The guide names the first two; the others are what follows them. */
export type RegistrationState = 'incomplete' | 'awaitingApproval' | 'sent' | 'approved'

export const registrationStates: Readonly<Record<RegistrationState, string>> = {
  incomplete: 'Chờ hoàn thiện',
  awaitingApproval: 'Chờ phê duyệt',
  sent: 'Đã gửi Kho bạc',
  approved: 'Kho bạc đã phê duyệt'
}

export interface Unit {
  name: string
  /** "Mã ĐVQHNS", 7 digits. */
  code: string
  /** "Mã KBNN", 4 digits. */
  treasuryCode: string
  phone: string
  email: string
  services: readonly string[]
}

export const services = [
  'Giao nhận và trả kết quả hồ sơ kiểm soát chi',
  'Kê khai yêu cầu thanh toán',
  'Đăng ký và sử dụng tài khoản'
] as const

/** What a registration says, before it has a number. */
export interface RegistrationContent {
  unit: Unit
  /** Such as `3511.0.9091378`. */
  accounts: readonly string[]
  members: readonly Member[]
  /** Number of the registration that this one changes (R7); null: a first one. */
  replaces: string | null
}

/** A signature that stands in a document of the portal. */
export interface MadeSignature {
  memberId: string
  signer: string
  role: Member['role']
  authorityLabel: string
  serialNumber: string
  signedAt: Date
}

export interface PdfFile {
  name: string
  pdf: Uint8Array
}

export interface Registration extends RegistrationContent {
  number: string
  state: RegistrationState
  createdAt: Date
  /** Empty until it is completed, then unsigned, then signed. */
  declarations: readonly PdfFile[]
  signature: MadeSignature | null
  approvedAt: Date | null
}

/** What the unit uses, by which registration. */
export interface InForce {
  number: string
  kind: SigningMeans['kind']
}

/** @throws Refusal by the rules on people (R4, R7 among them). */
export function registration(
  content: RegistrationContent,
  inForce: InForce | null,
  number: string,
  createdAt: Date
): Registration {
  enoughSigners(content.members)
  oneKindOfSigning(content.members)
  changesWhatIsInForce(inForce, content.replaces)
  const blank = { state: 'incomplete', declarations: [], signature: null, approvedAt: null } as const
  return Object.freeze({ ...content, ...blank, number, createdAt })
}

/** `Chờ hoàn thiện` → `Chờ phê duyệt`, with the declarations to sign. */
export function completed(old: Registration, declarations: readonly PdfFile[]): Registration {
  mustBe(old, 'incomplete')
  return Object.freeze({ ...old, state: 'awaitingApproval', declarations })
}

/** The account holder, or the deputy, has signed the declarations: they go to the treasury. */
export function declared(
  old: Registration,
  declarations: readonly PdfFile[],
  signature: MadeSignature
): Registration {
  mustBe(old, 'awaitingApproval')
  return Object.freeze({ ...old, state: 'sent', declarations, signature })
}

/** The treasury approves; from now on the unit uses this one. What it changes keeps its record (R7). */
export function approved(old: Registration, inForce: InForce | null, approvedAt: Date): Registration {
  mustBe(old, 'sent')
  changesWhatIsInForce(inForce, old.replaces)
  return Object.freeze({ ...old, state: 'approved', approvedAt })
}

/** What the unit uses now: the last one approved. */
export function inForceOf(all: Iterable<Registration>, unitCode: string): Registration | null {
  let last: Registration | null = null
  for (const one of all) {
    if (one.unit.code !== unitCode || one.approvedAt === null) continue
    // Of two approved in one moment the later in the list: each changes the one before it.
    if (last === null || one.approvedAt >= (last.approvedAt ?? 0)) last = one
  }
  return last
}

/** For the rules: what a registration in force says. */
export function asInForce(one: Registration | null): InForce | null {
  if (one === null) return null
  return { number: one.number, kind: oneKindOfSigning(one.members) ?? 'remote' }
}

/** @throws Refusal when the step was taken already, in another tab perhaps. */
export function mustBe({ state, number }: Registration, expected: RegistrationState): void {
  if (state === expected) return
  throw new Refusal(
    'order',
    `Hồ sơ ${number} đang ở trạng thái "${registrationStates[state]}", không phải "${registrationStates[expected]}". Hãy tải lại trang.`
  )
}
