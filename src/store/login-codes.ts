import type { CodeOwner, LoginCodeStore } from '../access/needs.js'
import type { Queryable } from './database.js'

/** The `login_codes` table. A row is one subscriber's wait for a code at one relying party, for one purpose. */
export function createLoginCodeStore(db: Queryable): LoginCodeStore {
  return {
    async start({ codeMac, at, expiresAt, sentMax, ...owner }) {
      const { rowCount } = await db.query({
        name: 'login-codes-start',
        text: `
          insert into login_codes as kept (provider, client_id, subscriber_id, purpose, code_mac, expires_at, tries, sent)
          values ($1, $2, $3, $4, $5, $6, 0, 1)
          on conflict (provider, client_id, subscriber_id, purpose) do update
             set code_mac = excluded.code_mac, expires_at = excluded.expires_at, tries = 0,
                 sent = case when kept.expires_at <= $7 then 1 else kept.sent + 1 end
           where kept.expires_at <= $7 or kept.sent < $8`,
        values: [...valuesOf(owner), codeMac, expiresAt, at, sentMax]
      })
      return rowCount === 1
    },

    async replace({ codeMac, at, sentMax, ...owner }) {
      const { rows } = await db.query<{ expires_at: Date }>({
        name: 'login-codes-replace',
        text: `
          update login_codes set code_mac = $5, tries = 0, sent = sent + 1
           where provider = $1 and client_id = $2 and subscriber_id = $3 and purpose = $4 and expires_at > $6
             and sent < $7
          returning expires_at`,
        values: [...valuesOf(owner), codeMac, at, sentMax]
      })
      return rows[0] === undefined ? null : { expiresAt: rows[0].expires_at }
    },

    async attempt({ at, triesMax, ...owner }) {
      const { rows } = await db.query<{ code_mac: Buffer }>({
        name: 'login-codes-attempt',
        text: `
          update login_codes set tries = tries + 1
           where provider = $1 and client_id = $2 and subscriber_id = $3 and purpose = $4 and expires_at > $5
             and tries < $6
          returning code_mac`,
        values: [...valuesOf(owner), at, triesMax]
      })
      return rows[0] === undefined ? null : { codeMac: rows[0].code_mac }
    },

    async use({ codeMac, ...owner }) {
      const { rowCount } = await db.query({
        name: 'login-codes-use',
        text: `
          delete from login_codes
           where provider = $1 and client_id = $2 and subscriber_id = $3 and purpose = $4 and code_mac = $5`,
        values: [...valuesOf(owner), codeMac]
      })
      return rowCount === 1
    },

    async purge(now) {
      await db.query({ text: 'delete from login_codes where expires_at <= $1', values: [now] })
    }
  }
}

const valuesOf = ({ provider, clientId, subscriberId, purpose }: CodeOwner) => [
  provider,
  clientId,
  subscriberId,
  purpose
]
