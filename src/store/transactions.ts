import { v7 as uuidv7 } from 'uuid'
import type { ActivationStatus } from '../activation/activation.js'
import type { Json } from '../audit/audit.js'
import type { PastReservation, TransactionStore } from '../transactions/needs.js'
import type { Transaction, TransactionOutcome, TransactionState } from '../transactions/transaction.js'
import type { Database } from './database.js'
import { clockToleranceMs, uuidFrom } from './uuid-time.js'

/** Rows removed by one statement. */
const rowsPerStep = 2_000

interface Row {
  id: string
  provider: string
  client_id: string
  dialect: string
  name: string | null
  request_id: string
  request_sha256: Buffer
  subscriber_id: string
  credential_id: string
  details: { documentIds: string[]; said: { [key: string]: Json } }
  callback_url: string | null
  created_at: Date
  outcome: TransactionOutcome | null
  ended_at: Date | null
  reason: string | null
  signatures: Buffer[] | null
  activation_status: ActivationStatus
  expires_at: Date
}

/** Of `transactions t join activations a`: what the dialects answer, also while there is no outcome. */
const columns = `t.id, t.provider, t.client_id, t.dialect, t.name, t.request_id, t.request_sha256, t.subscriber_id,
  t.credential_id, t.details, t.callback_url, t.created_at, t.outcome, t.ended_at, t.reason, t.signatures,
  a.status as activation_status, a.expires_at`
const joined = 'transactions t join activations a on a.id = t.id'

/** Transactions of dialects: their names, and how they ended. */
export function createTransactionStore(database: Database): TransactionStore {
  return {
    async insert(queryable, { id, request, requestSha256, createdAt }) {
      const { rowCount } = await queryable.query({
        name: 'transactions-insert',
        text: `
          insert into transactions (id, provider, client_id, dialect, name, request_id, request_sha256, subscriber_id,
            credential_id, details, callback_url, created_at, try_after)
          values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
          on conflict (provider, client_id, name) do nothing`,
        values: [
          id,
          request.provider,
          request.clientId,
          request.dialect,
          request.name,
          request.requestId,
          requestSha256,
          request.subscriberId,
          request.credentialId,
          JSON.stringify({ documentIds: request.documents.map(({ id }) => id), said: request.details }),
          request.callbackUrl,
          createdAt
        ]
      })
      return rowCount === 1
    },

    async find(id) {
      const { rows } = await database.query<Row>({
        name: 'transactions-find',
        text: `select ${columns} from ${joined} where t.id = $1 and a.id = $1`,
        values: [id]
      })
      return rows[0] === undefined ? null : transactionOf(rows[0])
    },

    async findByName(name, { provider, clientId }) {
      const { rows } = await database.query<Row>({
        name: 'transactions-find-by-name',
        text: `select ${columns} from ${joined} where t.provider = $1 and t.client_id = $2 and t.name = $3`,
        values: [provider, clientId, name]
      })
      const row = rows[0]
      return row === undefined ? null : { transaction: transactionOf(row), requestSha256: row.request_sha256 }
    },

    async findByRequest(requestId) {
      const { rows } = await database.query<Row>({
        text: `select ${columns} from ${joined} where t.request_id = $1 limit 1`,
        values: [requestId]
      })
      return rows[0] === undefined ? null : transactionOf(rows[0])
    },

    async findByBareName(name, provider) {
      const { rows } = await database.query<Row>({
        name: 'transactions-find-by-bare-name',
        text: `select ${columns} from ${joined} where t.provider = $1 and t.name = $2 limit 2`,
        values: [provider, name]
      })
      return rows.map(transactionOf)
    },

    async claim(id, now, until) {
      const { rowCount } = await database.query({
        name: 'transactions-claim',
        text: `
          update transactions t set try_after = $3
            from activations a
           where t.id = $1 and a.id = $1 and t.outcome is null and t.try_after <= $2 and a.status <> 'waiting'`,
        values: [id, now, until]
      })
      return rowCount === 1
    },

    async due(now, limit) {
      const { rows } = await database.query<{ id: string }>({
        name: 'transactions-due',
        text: `
          select t.id from ${joined}
           where t.outcome is null and t.try_after <= $1 and a.status <> 'waiting' order by t.id limit $2`,
        values: [now, limit]
      })
      return rows.map(({ id }) => id)
    },

    async release(id, at) {
      await database.query({
        name: 'transactions-release',
        text: 'update transactions set try_after = $2 where id = $1 and outcome is null',
        values: [id, at]
      })
    },

    async reservationsOf({ id, confirmedAt, createdAt }, until) {
      // Along the primary key: none is made before the confirmation.
      const from = new Date((confirmedAt ?? createdAt).getTime() - clockToleranceMs)
      const { rows } = await database.query<PastReservation>({
        text: `
          select positions, outcome, signatures from reservations
           where activation_id = $1 and id >= $2 and id < $3 order by id`,
        values: [id, uuidFrom(from), uuidFrom(new Date(until.getTime() + clockToleranceMs))]
      })
      return rows
    },

    async finish({ id, outcome, reason, signatures, endedAt }) {
      const { rows } = await database.query<{ id: string }>({
        name: 'transactions-finish',
        text: `
          with finished as (
            update transactions set outcome = $2, reason = $3, signatures = $4, ended_at = $5
             where id = $1 and outcome is null
            returning id, provider, client_id, callback_url
          ), queued as (
            insert into deliveries (id, transaction_id, provider, client_id, url, status, next_attempt_at, created_at)
            select $6, id, provider, client_id, callback_url, 'waiting', $5, $5 from finished where callback_url is not null
          )
          select id from finished`,
        values: [id, outcome, reason, signatures, endedAt, uuidv7({ msecs: endedAt.getTime() })]
      })
      return rows.length === 1
    },

    async purge(before) {
      for (let total = 0; ; ) {
        const { rowCount } = await database.query({
          text: `delete from transactions where id in (
                   select id from transactions where created_at < $1 and outcome is not null limit $2)`,
          values: [before, rowsPerStep]
        })
        total += rowCount ?? 0
        if ((rowCount ?? 0) < rowsPerStep) return total
      }
    }
  }
}

function transactionOf(row: Row): Transaction {
  return {
    id: row.id,
    provider: row.provider,
    clientId: row.client_id,
    dialect: row.dialect,
    name: row.name,
    requestId: row.request_id,
    subscriberId: row.subscriber_id,
    credentialId: row.credential_id,
    documentIds: row.details.documentIds,
    details: row.details.said,
    callbackUrl: row.callback_url,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    state: stateOf(row),
    endedAt: row.ended_at,
    reason: row.reason,
    signatures: row.signatures
  }
}

function stateOf({ outcome, activation_status }: Row): TransactionState {
  if (outcome !== null) return outcome
  return activation_status === 'confirmed' || activation_status === 'spent' ? 'signing' : 'waiting'
}
