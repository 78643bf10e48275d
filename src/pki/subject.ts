import { ServiceError } from '../errors.js'
import type { CaName, LeafProfile } from './ceremony.js'
import type { SubjectFields } from './pki.js'
import * as x509 from './x509.js'

/**
 * Longest value of an attribute, in characters. RFC 5280 appendix A has 64 for names; Vietnamese units have longer
 * ones, public CAs issue them, and no verifier in use counts.
 */
const attributeLimit = 256

const uid = '0.9.2342.19200300.100.1.1'

/** Attribute types by the words of the ceremony. */
const types: Readonly<Record<string, string>> = {
  C: '2.5.4.6',
  ST: '2.5.4.8',
  L: '2.5.4.7',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  T: '2.5.4.12',
  CN: '2.5.4.3',
  E: '1.2.840.113549.1.9.1'
}

/** A name of the ceremony. */
export function caName(name: CaName): x509.Name {
  return new x509.Name(name.map(([type, value]) => rdn(type, value)))
}

/**
 * The subject of a leaf, in the provider's order. What the person does not have is left out; the word SIMULATED
 * has an OU of its own, since relying parties read CN and UID by pattern.
 * @throws ServiceError `request_invalid` for a value that no certificate can carry.
 */
export function leafSubject(profile: LeafProfile, subject: SubjectFields): x509.Name {
  const organisation = subject.organisation
  const values: Record<LeafProfile['subject'][number], readonly (string | null | undefined)[]> = {
    C: ['VN'],
    ST: [subject.province],
    L: [subject.locality],
    O: [organisation?.name],
    OU: ['SIMULATED'],
    T: [subject.title],
    CN: [subject.fullName.toLocaleUpperCase('vi')],
    'UID:organisation': [
      organisation?.budgetUnitCode && `MNS:${organisation.budgetUnitCode}`,
      organisation?.taxCode && `MST:${organisation.taxCode}`
    ],
    'UID:person': [personId(subject.nationalId)],
    E: [profile.email.inSubject ? asciiEmail(subject.email) : null]
  }
  return new x509.Name(
    profile.subject.flatMap((part) =>
      values[part].flatMap((value) => (value ? [rdn(part, checked(part, value))] : []))
    )
  )
}

/** The national id with the prefix of its kind. */
const personId = (nationalId: string): string => `${nationalIdKind(nationalId)}:${nationalId}`

/** 12 digits: CCCD; 9 digits: CMND; anything else: HC (passport). */
export function nationalIdKind(nationalId: string): 'CCCD' | 'CMND' | 'HC' {
  if (/^[0-9]{12}$/.test(nationalId)) return 'CCCD'
  return /^[0-9]{9}$/.test(nationalId) ? 'CMND' : 'HC'
}

/** The e-mail address if an IA5String can carry it (RFC 5280 §4.2.1.6), else null. */
export function asciiEmail(email: string | null): string | null {
  return email !== null && /^[!-~]+@[!-~]+$/.test(email) && email.length <= 255 ? email : null
}

/** RFC 5280 §4.1.2.4 asks for UTF8String; C is a PrintableString and E an IA5String by definition. */
function rdn(part: string, value: string): Record<string, { [form: string]: string }[]> {
  const type = part.startsWith('UID') ? uid : (types[part] ?? part)
  const form = part === 'C' ? 'printableString' : part === 'E' ? 'ia5String' : 'utf8String'
  return { [type]: [{ [form]: value }] }
}

/** One encoding of a value only: NFC, so that names that look alike compare alike. */
function checked(part: string, value: string): string {
  const text = value.normalize('NFC').trim()
  if (text.length === 0 || text.length > attributeLimit || /\p{Cc}/u.test(text)) {
    throw new ServiceError('request_invalid', `subject attribute ${part} cannot be certified`, {
      says: `A name in the certificate has 1 to ${attributeLimit} characters, none of them a control character.`,
      field: fields[part] ?? part
    })
  }
  return text
}

/** What the operator API calls the source of an attribute. */
const fields: Readonly<Record<string, string>> = {
  CN: 'fullName',
  T: 'title',
  O: 'organisation.name',
  L: 'locality',
  ST: 'province',
  E: 'email',
  'UID:person': 'nationalId',
  'UID:organisation': 'organisation'
}
