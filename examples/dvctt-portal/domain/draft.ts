/** A registration form while it is filled in. Certificates in it came from a provider, never from the form. */
import type { AuthorityId } from '../authorities/remote-authority.js'
import type { RegisteredCertificate, Role, SigningMeans } from './people.js'

/** Members a unit names at most. */
export const membersMax = 12
/** Its accounts at the treasury, at most. */
export const accountsMax = 5

export interface DraftMember {
  id: string
  role: Role
  fullName: string
  email: string
  phone: string
  kind: SigningMeans['kind']
  /** As chosen in the form: a provider of the list, `bcy`, or empty. */
  authority: string
  login: string
  tokenSerial: string
  /** `2026-11-22`, as the form has them. */
  tokenFrom: string
  tokenTo: string
  /** What "Lấy thông tin" filled in, and for whom; null: not asked yet. */
  found: { authority: AuthorityId; login: string; certificate: RegisteredCertificate } | null
  /** What there is to say beside this member, after the last try. */
  fault: string | null
}

export interface Draft {
  id: string
  /** The registration that this form completes again; null: it has no number yet. */
  number: string | null
  /** R7: the one that it changes; null: a first registration. */
  replaces: string | null
  name: string
  unitCode: string
  treasuryCode: string
  phone: string
  email: string
  services: readonly string[]
  accounts: readonly string[]
  members: readonly DraftMember[]
  /** What there is to say about the whole form. */
  faults: readonly string[]
}

export function emptyDraft(id: string, newId: () => string): Draft {
  return {
    id,
    number: null,
    replaces: null,
    name: '',
    unitCode: '',
    treasuryCode: '',
    phone: '',
    email: '',
    services: [],
    accounts: [''],
    members: (['accountant', 'chiefAccountant', 'accountHolder'] as const).map((role) =>
      emptyMember(newId(), role)
    ),
    faults: []
  }
}

export const emptyMember = (id: string, role: Role): DraftMember => ({
  id,
  role,
  fullName: '',
  email: '',
  phone: '',
  kind: 'remote',
  authority: '',
  login: '',
  tokenSerial: '',
  tokenFrom: '',
  tokenTo: '',
  found: null,
  fault: null
})
