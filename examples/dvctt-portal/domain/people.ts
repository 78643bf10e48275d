/** Who belongs to a unit, and what each of them may sign. */
import type { AuthorityId, SignerCertificate } from '../authorities/remote-authority.js'

export type Role =
  | 'accountant'
  | 'chiefAccountant'
  | 'deputyChiefAccountant'
  | 'accountHolder'
  | 'deputyAccountHolder'

/** The two places for a signature on a dossier. A deputy signs in the place of the principal. */
export type Seat = 'chiefAccountant' | 'accountHolder'

/** In the order of the forms. `seat` null: prepares dossiers and signs nothing. */
export const roles: Readonly<Record<Role, { label: string; seat: Seat | null }>> = {
  accountant: { label: 'Kế toán viên', seat: null },
  chiefAccountant: { label: 'Kế toán trưởng', seat: 'chiefAccountant' },
  deputyChiefAccountant: { label: 'Ủy quyền Kế toán trưởng', seat: 'chiefAccountant' },
  accountHolder: { label: 'Chủ tài khoản', seat: 'accountHolder' },
  deputyAccountHolder: { label: 'Ủy quyền Chủ tài khoản', seat: 'accountHolder' }
}

export const seatLabels: Readonly<Record<Seat, string>> = {
  chiefAccountant: roles.chiefAccountant.label,
  accountHolder: roles.accountHolder.label
}

export const isRole = (text: string): text is Role => Object.hasOwn(roles, text)

/** What the portal keeps of a certificate: enough to know it again, nothing to sign with. */
export type RegisteredCertificate = Pick<
  SignerCertificate,
  'serialNumber' | 'subject' | 'commonName' | 'organisation' | 'title' | 'notBefore' | 'notAfter'
>

/** How a member signs. A password is no part of it: it serves one call and is forgotten. */
export type SigningMeans =
  | {
      kind: 'remote'
      authority: AuthorityId
      authorityLabel: string
      /** "Tên đăng nhập cts". */
      login: string
      certificate: RegisteredCertificate
    }
  | { kind: 'token'; serialNumber: string; notBefore: Date; notAfter: Date }

export type RemoteMeans = Extract<SigningMeans, { kind: 'remote' }>

export const meansLabels: Readonly<Record<SigningMeans['kind'], string>> = {
  remote: 'Ký số từ xa (remote CA)',
  token: 'USB token'
}

export interface Member {
  id: string
  role: Role
  fullName: string
  email: string
  phone: string
  /** Null for accountants, who sign nothing. */
  means: SigningMeans | null
}

/** Members who may sign in a place, the principals first. */
export function signersOf(members: readonly Member[], seat: Seat): Member[] {
  const ofSeat = members.filter(({ role }) => roles[role].seat === seat)
  return [...ofSeat.filter(({ role }) => role === seat), ...ofSeat.filter(({ role }) => role !== seat)]
}

/** What of a certificate is registered. */
export function registered(certificate: SignerCertificate): RegisteredCertificate {
  const { serialNumber, subject, commonName, organisation, title, notBefore, notAfter } = certificate
  return { serialNumber, subject, commonName, organisation, title, notBefore, notAfter }
}
