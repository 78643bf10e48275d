import { validate as isUuid } from 'uuid'
import type { ReservationOutcome } from '../signing/needs.js'
import type { ResponseRecord, ResponseState, ResponseStore } from '../signing/responses.js'
import type { Transaction } from '../transactions/transaction.js'
import type { Database } from './database.js'

interface Row {
  id: string
  provider: string
  client_id: string
  subscriber_id: string
  credential_id: string
  keep_until: Date
  response_uri: string | null
  created_at: Date
  outcome: ReservationOutcome['outcome'] | null
  signatures: (Buffer | null)[] | null
  finished_at: Date | null
}

/** The `signature_responses` table: requests whose signatures are fetched later, and whom to tell. */
export function createResponseStore(database: Database): ResponseStore & {
  /** What a delivery tells of one that has ended. */
  asTransaction(id: string): Promise<Transaction | null>
} {
  async function read(id: string): Promise<Row | null> {
    if (!isUuid(id)) return null
    const { rows } = await database.query<Row>({
      name: 'responses-find',
      text: `
        select r.id, r.provider, r.client_id, r.subscriber_id, r.credential_id, r.keep_until, r.response_uri,
               r.created_at, v.outcome, v.signatures, v.finished_at
          from signature_responses r join reservations v on v.id = r.id
         where r.id = $1 and v.id = $1`,
      values: [id]
    })
    return rows[0] ?? null
  }

  return {
    async add(record) {
      await database.query({
        name: 'responses-add',
        text: `
          insert into signature_responses (id, provider, client_id, subscriber_id, credential_id, keep_until, response_uri,
            created_at)
          values ($1, $2, $3, $4, $5, $6, $7, $8)`,
        values: [
          record.id,
          record.provider,
          record.clientId,
          record.subscriberId,
          record.credentialId,
          record.keepUntil,
          record.responseUri,
          record.createdAt
        ]
      })
    },

    async remove(id) {
      await database.query({ text: 'delete from signature_responses where id = $1', values: [id] })
    },

    async find(id) {
      const row = await read(id)
      return row === null ? null : { record: recordOf(row), state: stateOf(row) }
    },

    async asTransaction(id) {
      const row = await read(id)
      if (row === null || row.outcome === null) return null
      const signed = row.outcome === 'signed'
      return {
        id,
        provider: row.provider,
        clientId: row.client_id,
        dialect: 'csc/v2',
        name: null,
        requestId: '',
        subscriberId: row.subscriber_id,
        credentialId: row.credential_id,
        documentIds: [],
        details: {},
        callbackUrl: row.response_uri,
        createdAt: row.created_at,
        expiresAt: row.keep_until,
        state: signed ? 'signed' : 'failed',
        endedAt: row.finished_at,
        reason: signed ? null : row.outcome,
        signatures: null
      }
    },

    async queueEnded(now) {
      const { rowCount } = await database.query({
        name: 'responses-queue',
        text: `
          with ended as (
            update signature_responses r set queued_at = $1
              from reservations v
             where r.response_uri is not null and r.queued_at is null and v.id = r.id and v.outcome is not null
            returning r.id, r.provider, r.client_id, r.response_uri
          )
          insert into deliveries (id, response_id, provider, client_id, url, status, next_attempt_at, created_at)
          select id, id, provider, client_id, response_uri, 'waiting', $1, $1 from ended
          returning id`,
        values: [now]
      })
      return rowCount ?? 0
    },

    async purge(before) {
      await database.query({
        text: 'delete from signature_responses where keep_until < $1',
        values: [before]
      })
    }
  }
}

const recordOf = (row: Row): ResponseRecord => ({
  id: row.id,
  provider: row.provider,
  clientId: row.client_id,
  subscriberId: row.subscriber_id,
  credentialId: row.credential_id,
  keepUntil: row.keep_until,
  responseUri: row.response_uri,
  createdAt: row.created_at
})

function stateOf({ outcome, signatures }: Row): ResponseState {
  if (outcome === null) return { state: 'running' }
  const made = (signatures ?? []).filter((signature) => signature !== null)
  if (outcome === 'signed' && made.length > 0) return { state: 'signed', signatures: made }
  return { state: 'failed', again: outcome === 'refused' }
}
