import type { TotpStore } from '../access/needs.js'
import type { Database } from './database.js'

interface Row {
  id: string
  subscriber_id: string
  secret: Buffer
  created_at: Date
}

/** The `totp_secrets` table: one row a subscriber. */
export function createTotpStore(database: Database): TotpStore {
  return {
    async find(subscriberId) {
      const { rows } = await database.query<Row>({
        name: 'totp-secrets-find',
        text: 'select id, subscriber_id, secret, created_at from totp_secrets where subscriber_id = $1',
        values: [subscriberId]
      })
      const row = rows[0]
      return row === undefined
        ? null
        : {
            id: row.id,
            subscriberId: row.subscriber_id,
            secretEncrypted: row.secret,
            createdAt: row.created_at
          }
    },

    set: ({ id, subscriberId, secretEncrypted, createdAt }, recordIn) =>
      database.transaction(async (tx) => {
        await tx.query({
          text: `
            insert into totp_secrets (id, subscriber_id, secret, last_step, created_at) values ($1, $2, $3, 0, $4)
                on conflict (subscriber_id) do update
               set id = excluded.id, secret = excluded.secret, last_step = 0, created_at = excluded.created_at`,
          values: [id, subscriberId, secretEncrypted, createdAt]
        })
        await recordIn(tx)
      }),

    remove: (subscriberId, recordIn) =>
      database.transaction(async (tx) => {
        const { rowCount } = await tx.query({
          text: 'delete from totp_secrets where subscriber_id = $1',
          values: [subscriberId]
        })
        if (rowCount !== 1) return false
        await recordIn(tx)
        return true
      }),

    async use(id, step) {
      const { rowCount } = await database.query({
        name: 'totp-secrets-use',
        text: 'update totp_secrets set last_step = $2 where id = $1 and last_step < $2',
        values: [id, step]
      })
      return rowCount === 1
    }
  }
}
