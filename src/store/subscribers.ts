import type { Subscriber } from '../enrolment/enrolment.js'
import type { Sealed, SubscriberRecord, SubscriberStore } from '../enrolment/needs.js'
import type { Database } from './database.js'
import { violatedConstraint } from './violated-constraint.js'

const columns = `id, provider, login, password_hash, full_name, national_id, email, phone, second_factor, title,
  organisation, locality, province, demo, created_at, version, seal`

interface Row {
  id: string
  provider: string
  login: string
  password_hash: string | null
  full_name: string
  national_id: string
  email: string | null
  phone: string | null
  second_factor: Subscriber['secondFactor']
  title: string | null
  organisation: Subscriber['organisation']
  locality: string | null
  province: string | null
  demo: boolean
  created_at: Date
  version: number
  seal: Buffer
}

/** Subscribers. Every change is announced on `directory`. */
export function createSubscriberStore(database: Database): SubscriberStore {
  return {
    async byIds(ids) {
      const { rows } = await database.query<Row>({
        name: 'subscribers-by-ids',
        text: `select ${columns} from subscribers where id = any($1::text[])`,
        values: [ids]
      })
      return rows.map(subscriberOf)
    },

    async byLogins(names) {
      const { rows } = await database.query<Pick<Row, 'id' | 'provider' | 'login'>>({
        name: 'subscribers-by-logins',
        text: `select id, provider, login from subscribers
                where (provider, login) in (select * from unnest($1::text[], $2::text[]))`,
        values: [names.map(({ provider }) => provider), names.map(({ login }) => login)]
      })
      return rows
    },

    async list({ provider, query, after, limit }) {
      const { rows } = await database.query<Row>({
        name: 'subscribers-list',
        text: `select ${columns} from subscribers
                where ($1::text is null or provider = $1)
                  and ($2::text is null or login ilike $2 or full_name ilike $2 or national_id ilike $2)
                  and ($3::text is null or id > $3)
                order by id limit $4`,
        values: [provider, query === null ? null : `%${query.replace(/[\\%_]/g, '\\$&')}%`, after, limit]
      })
      return rows.map(subscriberOf)
    },

    async insert(subscriber) {
      const { rowCount } = await database.query({
        name: 'subscribers-insert',
        text: `insert into subscribers (${columns})
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
               on conflict (provider, login) do nothing`,
        values: valuesOf(subscriber)
      })
      return rowCount === 1
    },

    async change({ row, seal }) {
      try {
        const { rowCount } = await database.query({
          name: 'subscribers-change',
          text: `with written as (
                   update subscribers
                      set login = $2, password_hash = $3, full_name = $4, national_id = $5, email = $6, phone = $7,
                          second_factor = $8, title = $9, organisation = $10, locality = $11, province = $12,
                          version = $13, seal = $14
                    where id = $1 and version = $13 - 1
                   returning id
                 )
                 select pg_notify('directory', 'subscriber ' || id) from written`,
          values: [
            row.id,
            row.login,
            row.passwordHash,
            row.fullName,
            row.nationalId,
            row.email,
            row.phone,
            row.secondFactor,
            row.title,
            organisationOf(row),
            row.locality,
            row.province,
            row.version,
            seal
          ]
        })
        return rowCount === 1 ? 'changed' : 'stale'
      } catch (error) {
        if (violatedConstraint(error) === 'subscribers_provider_login_key') return 'login_taken'
        throw error
      }
    }
  }
}

const organisationOf = ({ organisation }: Subscriber) =>
  organisation === null ? null : JSON.stringify(organisation)

/** In the order of `columns`. */
const valuesOf = ({ row, seal }: Sealed<SubscriberRecord>) => [
  row.id,
  row.provider,
  row.login,
  row.passwordHash,
  row.fullName,
  row.nationalId,
  row.email,
  row.phone,
  row.secondFactor,
  row.title,
  organisationOf(row),
  row.locality,
  row.province,
  row.demo,
  row.createdAt,
  row.version,
  seal
]

function subscriberOf(row: Row): Sealed<SubscriberRecord> {
  return {
    row: {
      id: row.id,
      provider: row.provider,
      login: row.login,
      passwordHash: row.password_hash,
      fullName: row.full_name,
      nationalId: row.national_id,
      email: row.email,
      phone: row.phone,
      secondFactor: row.second_factor,
      title: row.title,
      organisation: row.organisation,
      locality: row.locality,
      province: row.province,
      demo: row.demo,
      createdAt: row.created_at,
      version: row.version
    },
    seal: row.seal
  }
}
