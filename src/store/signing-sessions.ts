import type { SessionStore } from '../activation/needs.js'
import type { Database } from './database.js'

/**
 * The `signing_sessions` table: which activation is the session of a relying party and credential. What it allows is told,
 * and proved, by the activation alone.
 */
export function createSessionStore(database: Database): SessionStore {
  return {
    async claim(tx, { provider, clientId, credentialId, activationId, sadSha256, now }) {
      const { rowCount } = await tx.query({
        text: `
          insert into signing_sessions as known (provider, client_id, credential_id, activation_id, sad_sha256)
          values ($1, $2, $3, $4, $5)
          on conflict (provider, client_id, credential_id) do update
             set activation_id = excluded.activation_id, sad_sha256 = excluded.sad_sha256
           where not exists (
             select from activations a
              where a.id = known.activation_id and a.valid_until > $6
                and (a.status = 'confirmed' or (a.status = 'waiting' and a.expires_at > $6)))`,
        values: [provider, clientId, credentialId, activationId, sadSha256, now]
      })
      return rowCount === 1
    },

    async find({ provider, clientId, credentialId }) {
      const { rows } = await database.query<{ activation_id: string; sad_sha256: Buffer }>({
        name: 'signing-sessions-find',
        text: `select activation_id, sad_sha256 from signing_sessions
                where provider = $1 and client_id = $2 and credential_id = $3`,
        values: [provider, clientId, credentialId]
      })
      const row = rows[0]
      return row === undefined ? null : { activationId: row.activation_id, sadSha256: row.sad_sha256 }
    }
  }
}
