import type { SubjectFields } from '../pki/pki.js'

/** A person of the demo seed. */
export interface DemoPerson extends SubjectFields {
  provider: string
  login: string
  /** Null where the provider asks none. */
  password: string | null
}

/** Published, like everything here. */
export const demoOperatorKey = 'operator-demo'
export const demoClient = { clientId: 'dvctt', clientSecret: 'dvctt-secret' }

// Units as in docs/api.md. Their tax codes and places are invented and belong to nobody that we know of.
const school = {
  organisation: { name: 'Trường THCS Sông Lô', taxCode: '2500998877', budgetUnitCode: '1001163' },
  locality: 'Xã Sông Lô',
  province: 'Phú Thọ'
}
const projects = {
  organisation: { name: 'BQL DA ĐTXD huyện Phước Long', taxCode: '1900998866', budgetUnitCode: '9091378' },
  locality: 'Xã Phước Long',
  province: 'Cà Mau'
}

/** The same on every machine: docs/api.md, "Demo seed". One a provider; nobody real. */
export const demoPeople: readonly DemoPerson[] = [
  {
    provider: 'viettel',
    login: 'CMT_0123456789',
    password: null,
    fullName: 'Nguyễn Văn An',
    title: 'Kế toán trưởng',
    nationalId: '036081001234',
    email: null,
    ...school
  },
  {
    provider: 'vnpt',
    login: '001088035895',
    password: 'vnpt-demo',
    fullName: 'Trần Thị Bình',
    title: 'Chủ tài khoản',
    nationalId: '001088035895',
    email: null,
    ...school
  },
  {
    provider: 'misa',
    login: 'binh.le@example.vn',
    password: 'misa-demo',
    fullName: 'Lê Hòa Bình',
    title: 'Kế toán trưởng',
    nationalId: '051079004321',
    email: 'binh.le@example.vn',
    ...projects
  },
  {
    provider: 'nacencomm',
    login: '036090001234',
    password: 'ca2-demo',
    fullName: 'Phạm Thu Hà',
    title: 'Chủ tài khoản',
    nationalId: '036090001234',
    email: null,
    ...projects
  }
]
