import type { RequestNote, RequestNotes } from '../transactions/request-notes.js'
import type { Database } from './database.js'

interface Row {
  request_id: string
  at: Date
  provider: string
  client_id: string
  call: string
  error: string | null
  diagnoses: RequestNote['diagnoses']
}

/** What requests had wrong. */
export function createRequestNotes(database: Database): RequestNotes {
  return {
    async record({ requestId, at, provider, clientId, call, error, diagnoses }) {
      await database.query({
        name: 'request-notes-insert',
        text: `insert into request_notes (request_id, at, provider, client_id, call, error, diagnoses)
               values ($1, $2, $3, $4, $5, $6, $7) on conflict (request_id) do nothing`,
        values: [requestId, at, provider, clientId, call, error, JSON.stringify(diagnoses)]
      })
    },

    async find(requestId) {
      const { rows } = await database.query<Row>({
        name: 'request-notes-find',
        text: `select request_id, at, provider, client_id, call, error, diagnoses
                 from request_notes where request_id = $1`,
        values: [requestId]
      })
      const row = rows[0]
      return row === undefined
        ? null
        : {
            requestId: row.request_id,
            at: row.at,
            provider: row.provider,
            clientId: row.client_id,
            call: row.call,
            error: row.error,
            diagnoses: row.diagnoses
          }
    },

    async purge(before) {
      const { rowCount } = await database.query({
        text: 'delete from request_notes where at < $1',
        values: [before]
      })
      return rowCount ?? 0
    }
  }
}
