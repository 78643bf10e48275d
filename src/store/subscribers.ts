import type { Subscriber } from '../enrolment/enrolment.js'
import type { SubscriberStore } from '../enrolment/needs.js'
import type { Database, Queryable } from './database.js'
import { violatedConstraint } from './violated-constraint.js'

const columns = `id, provider, login, full_name, national_id, email, phone, title, organisation, locality, province,
  demo, created_at`

interface Row {
  id: string
  provider: string
  login: string
  full_name: string
  national_id: string
  email: string | null
  phone: string | null
  title: string | null
  organisation: Subscriber['organisation']
  locality: string | null
  province: string | null
  demo: boolean
  created_at: Date
}

/** The repository of subscribers, and of the hashes of their passwords. */
export interface Subscribers extends SubscriberStore {
  /** For the login; null: no such subscriber, or none was set. */
  passwordHash(id: string): Promise<string | null>
}

/** Subscribers. Every change is announced on `directory`. */
export function createSubscriberStore(database: Database): Subscribers {
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
      const { rows } = await database.query<Row>({
        name: 'subscribers-by-logins',
        text: `select ${columns} from subscribers
                where (provider, login) in (select * from unnest($1::text[], $2::text[]))`,
        values: [names.map(({ provider }) => provider), names.map(({ login }) => login)]
      })
      return rows.map(subscriberOf)
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

    async insert(subscriber, passwordHash) {
      const { rowCount } = await database.query({
        name: 'subscribers-insert',
        text: `insert into subscribers (${columns}, password_hash)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
               on conflict (provider, login) do nothing`,
        values: [...valuesOf(subscriber), passwordHash]
      })
      return rowCount === 1
    },

    async update(id, change) {
      try {
        return await database.transaction(async (tx) => {
          const { rows } = await tx.query<Row>({
            text: `select ${columns} from subscribers where id = $1 for no key update`,
            values: [id]
          })
          if (rows[0] === undefined) return 'missing'
          const next = change(subscriberOf(rows[0]))
          await write(tx, next)
          return next
        })
      } catch (error) {
        if (violatedConstraint(error) !== null) return 'login_taken'
        throw error
      }
    },

    async setPasswordHash(id, passwordHash) {
      const { rowCount } = await database.query({
        text: 'update subscribers set password_hash = $2 where id = $1',
        values: [id, passwordHash]
      })
      return rowCount === 1
    },

    async passwordHash(id) {
      const { rows } = await database.query<{ password_hash: string | null }>({
        name: 'subscribers-password-hash',
        text: 'select password_hash from subscribers where id = $1',
        values: [id]
      })
      return rows[0]?.password_hash ?? null
    }
  }
}

async function write(tx: Queryable, next: Subscriber): Promise<void> {
  await tx.query({
    text: `with written as (
             update subscribers
                set login = $2, full_name = $3, national_id = $4, email = $5, phone = $6, title = $7,
                    organisation = $8, locality = $9, province = $10
              where id = $1
             returning id
           )
           select pg_notify('directory', 'subscriber ' || id) from written`,
    values: [
      next.id,
      next.login,
      next.fullName,
      next.nationalId,
      next.email,
      next.phone,
      next.title,
      organisationOf(next),
      next.locality,
      next.province
    ]
  })
}

const organisationOf = ({ organisation }: Subscriber) =>
  organisation === null ? null : JSON.stringify(organisation)

/** In the order of `columns`. */
const valuesOf = (subscriber: Subscriber) => [
  subscriber.id,
  subscriber.provider,
  subscriber.login,
  subscriber.fullName,
  subscriber.nationalId,
  subscriber.email,
  subscriber.phone,
  subscriber.title,
  organisationOf(subscriber),
  subscriber.locality,
  subscriber.province,
  subscriber.demo,
  subscriber.createdAt
]

function subscriberOf(row: Row): Subscriber {
  return {
    id: row.id,
    provider: row.provider,
    login: row.login,
    fullName: row.full_name,
    nationalId: row.national_id,
    email: row.email,
    phone: row.phone,
    title: row.title,
    organisation: row.organisation,
    locality: row.locality,
    province: row.province,
    demo: row.demo,
    createdAt: row.created_at
  }
}
