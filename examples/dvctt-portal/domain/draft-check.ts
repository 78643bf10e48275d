/** From a filled form to the content of a registration: every field, in the order of the form. */
import type { RemoteAuthority } from '../authorities/remote-authority.js'
import { type Draft, type DraftMember, emptyMember } from './draft.js'
import { type Member, roles, type SigningMeans } from './people.js'
import { Refusal } from './refusal.js'
import { type Registration, type RegistrationContent, services } from './registration.js'
import { authorityNamed, enoughSigners, oneKindOfSigning } from './rules.js'

/** Sentences about what is missing or wrong; none: the draft can be registered, as `contentOf` says it. */
export function faultsOf(draft: Draft, authorities: readonly RemoteAuthority[]): string[] {
  const { name, unitCode, treasuryCode, phone, email, accounts, members } = draft
  const faults: string[] = []
  const need = (holds: boolean, sentence: string): void => {
    if (!holds) faults.push(sentence)
  }
  need(/^\d{4}$/.test(treasuryCode), 'Mã KBNN gồm 4 chữ số, ví dụ 0064.')
  need(name !== '', 'Hãy nhập tên đơn vị.')
  need(/^\d{7}$/.test(unitCode), 'Mã ĐVQHNS gồm 7 chữ số, ví dụ 1001163.')
  need(isPhone(phone), 'Số điện thoại gồm từ 8 chữ số.')
  need(isEmail(email), 'Hãy nhập thư điện tử của đơn vị, ví dụ donvi@example.vn.')
  need(chosenServices(draft).length > 0, 'Hãy chọn ít nhất một dịch vụ.')
  const written = accounts.filter((account) => account !== '')
  need(written.length > 0, 'Hãy nhập ít nhất một tài khoản tại Kho bạc.')
  for (const account of written)
    need(/^\d{4}\.\d\.\d{7}$/.test(account), `Tài khoản "${account}" không đúng dạng, ví dụ 3511.0.9091378.`)
  for (const member of members) faults.push(...memberFaults(member, authorities))
  need(
    members.some(({ role }) => role === 'accountant'),
    'Đơn vị cần một Kế toán viên để lập hồ sơ.'
  )
  if (faults.length > 0) return faults
  const content = contentOf(draft, authorities)
  for (const rule of [enoughSigners, oneKindOfSigning]) {
    try {
      rule(content.members)
    } catch (error) {
      faults.push(sentenceOf(error))
    }
  }
  return faults
}

function memberFaults(member: DraftMember, authorities: readonly RemoteAuthority[]): string[] {
  const { label, seat } = roles[member.role]
  const faults = []
  if (member.fullName === '') faults.push(`${label}: hãy nhập họ và tên.`)
  if (!isEmail(member.email)) faults.push(`${label}: hãy nhập thư điện tử.`)
  if (!isPhone(member.phone)) faults.push(`${label}: hãy nhập số điện thoại.`)
  if (seat === null) return faults
  if (member.kind === 'token') {
    if (!/^[0-9A-Fa-f]{8,40}$/.test(member.tokenSerial))
      faults.push(`${label}: hãy nhập số sê-ri của chứng thư số trong USB token (8 đến 40 ký tự 0-9, A-F).`)
    if (dayOf(member.tokenFrom) === null || dayOf(member.tokenTo) === null)
      faults.push(`${label}: hãy nhập ngày hiệu lực và ngày hết hạn của chứng thư số trong USB token.`)
    return faults
  }
  try {
    authorityNamed(authorities, member.authority)
    if (member.found === null)
      faults.push(`${label}: hãy bấm "Lấy thông tin" để lấy chứng thư số từ nhà cung cấp.`)
  } catch (error) {
    faults.push(`${label}: ${sentenceOf(error)}`)
  }
  return faults
}

/** Of a draft without faults. */
export function contentOf(draft: Draft, authorities: readonly RemoteAuthority[]): RegistrationContent {
  const { name, unitCode: code, treasuryCode, phone, email, replaces } = draft
  return {
    unit: { name, code, treasuryCode, phone, email, services: chosenServices(draft) },
    accounts: draft.accounts.filter((account) => account !== ''),
    members: draft.members.map((member) => ({
      id: member.id,
      role: member.role,
      fullName: member.fullName,
      email: member.email,
      phone: member.phone,
      means: meansOf(member, authorities)
    })),
    replaces
  }
}

function meansOf(member: DraftMember, authorities: readonly RemoteAuthority[]): SigningMeans | null {
  if (roles[member.role].seat === null) return null
  if (member.kind === 'token') {
    const [notBefore, notAfter] = [dayOf(member.tokenFrom), dayOf(member.tokenTo)]
    if (notBefore === null || notAfter === null) return null
    return { kind: 'token', serialNumber: member.tokenSerial.toUpperCase(), notBefore, notAfter }
  }
  if (member.found === null) return null
  const { id: authority, label: authorityLabel } = authorityNamed(authorities, member.found.authority)
  const { login, certificate } = member.found
  return { kind: 'remote', authority, authorityLabel, login, certificate }
}

/**
 * The form of a registration that is there: to complete it again, or, as a change, for a new one beside it (R7).
 * @param mode `edit` keeps the number; `change` makes a new registration that names the old one.
 */
export function draftOf(
  { unit, accounts, members, number, replaces, state }: Registration,
  mode: 'edit' | 'change',
  id: string
): Draft {
  if (mode === 'edit' && state !== 'incomplete')
    throw new Refusal('order', 'Hồ sơ đã hoàn thiện không sửa được nữa. Hãy lập hồ sơ mới.')
  return {
    id,
    number: mode === 'edit' ? number : null,
    replaces: mode === 'edit' ? replaces : number,
    name: unit.name,
    unitCode: unit.code,
    treasuryCode: unit.treasuryCode,
    phone: unit.phone,
    email: unit.email,
    services: unit.services,
    accounts,
    members: members.map(draftMember),
    faults: []
  }
}

function draftMember({ id, role, fullName, email, phone, means }: Member): DraftMember {
  const person = { ...emptyMember(id, role), fullName, email, phone }
  if (means === null) return person
  if (means.kind === 'token') {
    const { serialNumber: tokenSerial, notBefore, notAfter } = means
    const days = {
      tokenFrom: notBefore.toISOString().slice(0, 10),
      tokenTo: notAfter.toISOString().slice(0, 10)
    }
    return { ...person, kind: 'token', tokenSerial, ...days }
  }
  const { authority, login, certificate } = means
  return { ...person, authority, login, found: { authority, login, certificate } }
}

const chosenServices = ({ services: chosen }: Draft): string[] =>
  services.filter((service) => chosen.includes(service))
const isPhone = (text: string): boolean => /^\+?[\d .]{8,20}$/.test(text)
/** Midnight UTC of a day written `2026-11-22`; null: it is none. */
const dayOf = (text: string): Date | null => {
  const day = new Date(`${text}T00:00:00Z`)
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(day.getTime()) ? day : null
}
const isEmail = (text: string): boolean => /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text)
const sentenceOf = (error: unknown): string => {
  if (error instanceof Refusal) return error.message
  throw error
}
