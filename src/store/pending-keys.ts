import type { PendingKeyStore } from '../enrolment/needs.js'
import type { Database } from './database.js'
import { lockKey } from './dedicated-connection.js'
import { lockOf } from './servers.js'

/** Keys in the HSM that have no owner's row yet. */
export function createPendingKeyStore(database: Database): PendingKeyStore {
  return {
    async add({ id, serverId, createdAt }) {
      await database.query({
        text: 'insert into pending_keys (id, server_id, created_at) values ($1, $2, $3)',
        values: [id, serverId, createdAt]
      })
    },

    async remove(id) {
      const { rowCount } = await database.query({
        text: 'delete from pending_keys where id = $1',
        values: [id]
      })
      return rowCount === 1
    },

    async list() {
      const { rows } = await database.query<{ id: string; server_id: string; created_at: Date }>({
        text: 'select id, server_id, created_at from pending_keys order by created_at, id limit 10000'
      })
      return rows.map((row) => ({ id: row.id, serverId: row.server_id, createdAt: row.created_at }))
    },

    async owned(ids) {
      const { rows } = await database.query<{ id: string }>({
        text: `select id from pending_keys where id = any($1::text[])
               union select id from credentials where id = any($1::text[])
               union select id from devices where id = any($1::text[])`,
        values: [ids]
      })
      return rows.map(({ id }) => id)
    },

    async makerIsGone(serverId) {
      // The lock that a server holds while it lives (`servers.ts`); outside a transaction it is let go at once.
      const { rows } = await database.query<{ gone: boolean }>({
        text: 'select pg_try_advisory_xact_lock($1) as gone',
        values: [lockKey(lockOf(serverId))]
      })
      return rows[0]?.gone === true
    }
  }
}
