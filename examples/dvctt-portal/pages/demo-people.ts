/** The people that a kyso server has on an untouched start, and forms filled in with them. */
import type { AuthorityId } from '../authorities/remote-authority.js'
import { type Draft, emptyDraft, emptyMember } from '../domain/draft.js'
import type { Role } from '../domain/people.js'
import { services } from '../domain/registration.js'

const school = { name: 'Trường THCS Sông Lô', code: '1001163', account: '3511.0.9091378' }
const projects = { name: 'BQL DA ĐTXD huyện Phước Long', code: '9091378', account: '3512.0.1001163' }

/** One button each. */
export const demoUnits = [school, projects]

interface DemoPerson {
  authority: AuthorityId
  authorityLabel: string
  login: string
  password: string | null
  fullName: string
  role: Role
  unit: typeof school
}

/** Their logins are those of the server's demo seed. */
export const demoPeople: readonly DemoPerson[] = [
  {
    ...{ unit: school, role: 'chiefAccountant', fullName: 'Nguyễn Văn An' },
    ...{ authority: 'viettel', authorityLabel: 'VIETTEL SMART CA', login: 'CMT_0123456789', password: null }
  },
  {
    ...{ unit: school, role: 'accountHolder', fullName: 'Trần Thị Bình' },
    ...{ authority: 'vnpt', authorityLabel: 'VNPT SMART CA', login: '001088035895', password: 'vnpt-demo' }
  },
  {
    ...{ unit: projects, role: 'chiefAccountant', fullName: 'Lê Hòa Bình' },
    ...{
      authority: 'misa',
      authorityLabel: 'MISA SMART CA',
      login: 'binh.le@example.vn',
      password: 'misa-demo'
    }
  },
  {
    ...{ unit: projects, role: 'accountHolder', fullName: 'Phạm Thu Hà' },
    ...{ authority: 'nacencomm', authorityLabel: 'Nacencomm CA', login: '036090001234', password: 'ca2-demo' }
  }
]

/** A form with a demo unit in it, all but what "Lấy thông tin" brings; an empty one for any other code. */
export function demoDraft(unitCode: string, id: string, newId: () => string): Draft {
  const draft = emptyDraft(id, newId)
  const unit = demoUnits.find(({ code }) => code === unitCode)
  if (unit === undefined) return draft
  const contact = { email: 'donvi@example.vn', phone: '024 1234 5678' }
  return {
    ...draft,
    ...contact,
    name: unit.name,
    unitCode: unit.code,
    treasuryCode: '0064',
    services,
    accounts: [unit.account],
    members: [
      { ...emptyMember(newId(), 'accountant'), fullName: 'Vũ Minh Châu', ...contact },
      ...demoPeople
        .filter((one) => one.unit === unit)
        .map(({ role, fullName, authority, login }) => ({
          ...emptyMember(newId(), role),
          ...{ fullName, ...contact, authority, login }
        }))
    ]
  }
}
