import type { Delivery, DeliveryAttempt, DeliveryStatus } from '../delivery/delivery.js'
import type { ClaimedDelivery, DeliveryStore } from '../delivery/needs.js'
import type { Database } from './database.js'

interface Row {
  id: string
  transaction_id: string
  provider: string
  client_id: string
  url: string
  status: DeliveryStatus
  attempts: number
  next_attempt_at: Date
  created_at: Date
  ended_at: Date | null
}

interface AttemptRow {
  delivery_id: string
  number: number
  at: Date
  took_ms: number
  http_status: number | null
  detail: string | null
}

/** The queue of deliveries: written by `transactions.ts` with the outcome, taken and ended here. */
export function createDeliveryStore(database: Database): DeliveryStore {
  async function attemptsOf(ids: readonly string[]): Promise<Map<string, DeliveryAttempt[]>> {
    const { rows } = await database.query<AttemptRow>({
      text: `
        select delivery_id, number, at, took_ms, http_status, detail from delivery_attempts
         where delivery_id = any ($1) order by delivery_id, number`,
      values: [ids]
    })
    const byDelivery = new Map<string, DeliveryAttempt[]>(ids.map((id) => [id, []]))
    for (const { delivery_id, number, at, took_ms, http_status, detail } of rows)
      byDelivery.get(delivery_id)?.push({ number, at, tookMs: took_ms, httpStatus: http_status, detail })
    return byDelivery
  }

  return {
    async claim({ now, until, limit, perParty, loads }) {
      // From relying party to relying party along the index, and of each the few that are due longest: a long queue
      // for one costs the others nothing. The rows are locked before they are counted, so that no two servers take one.
      const { rows } = await database.query<Row>({
        name: 'deliveries-claim',
        text: `
          with recursive parties as (
            (select provider, client_id from deliveries where status = 'waiting'
              order by provider, client_id limit 1)
            union all
            select next.provider, next.client_id
              from parties
              cross join lateral (
                select provider, client_id from deliveries
                 where status = 'waiting' and (provider, client_id) > (parties.provider, parties.client_id)
                 order by provider, client_id limit 1) next
          ), loads as (
            select provider, client_id, under_way
              from unnest($5::text[], $6::text[], $7::integer[]) as given (provider, client_id, under_way)
          ), due as (
            select d.id, d.provider, d.client_id, d.next_attempt_at, coalesce(loads.under_way, 0) as under_way
              from parties
              left join loads using (provider, client_id)
              cross join lateral (
                select id, provider, client_id, next_attempt_at from deliveries
                 where status = 'waiting' and provider = parties.provider and client_id = parties.client_id
                   and next_attempt_at <= $1
                 order by next_attempt_at limit greatest($4 - coalesce(loads.under_way, 0), 0)
                   for update skip locked) d
          ), chosen as (
            select id, next_attempt_at from due
             order by under_way + row_number() over (partition by provider, client_id order by next_attempt_at),
                      next_attempt_at
             limit $3
          )
          update deliveries d set next_attempt_at = $2, attempts = d.attempts + 1
            from chosen where d.id = chosen.id
          returning d.id, coalesce(d.transaction_id, d.response_id) as transaction_id, d.provider, d.client_id, d.url, d.status, d.attempts, d.next_attempt_at,
                    d.created_at, d.ended_at`,
        values: [
          ...[now, until, limit, perParty],
          loads.map(({ provider }) => provider),
          loads.map(({ clientId }) => clientId),
          loads.map(({ underWay }) => underWay)
        ]
      })
      return rows.map(claimedOf)
    },

    async record(id, { number, at, tookMs, httpStatus, detail }, then) {
      const next = then.status === 'waiting' ? then.nextAttemptAt : null
      await database.query({
        name: 'deliveries-record',
        text: `
          with changed as (
            update deliveries
               set status = $2, next_attempt_at = coalesce($3, next_attempt_at), ended_at = $4
             where id = $1 and status = 'waiting' and (attempts = $5 or $2 = 'delivered')
          )
          insert into delivery_attempts (delivery_id, number, at, took_ms, http_status, detail)
          select id, $5, $6, $7, $8, $9 from deliveries where id = $1
          on conflict (delivery_id, number) do nothing`,
        values: [
          ...[id, then.status, next, then.status === 'waiting' ? null : then.endedAt],
          ...[number, at, tookMs, httpStatus, detail]
        ]
      })
    },

    async list({ provider, clientId, transactionId, status, after, limit }) {
      const { rows } = await database.query<Row>({
        text: `
          select id, coalesce(transaction_id, response_id) as transaction_id, provider, client_id, url, status, attempts, next_attempt_at, created_at, ended_at
            from deliveries
           where ($1::text is null or provider = $1)
             and ($2::text is null or client_id = $2)
             and ($3::text is null or transaction_id = $3 or response_id = $3)
             and ($4::text is null or status = $4)
             and ($5::text is null or id < $5)
           order by id desc
           limit $6`,
        values: [provider, clientId, transactionId, status, after, limit]
      })
      const attempts = await attemptsOf(rows.map(({ id }) => id))
      return rows.map((row) => deliveryOf(row, attempts.get(row.id) ?? []))
    }
  }
}

function claimedOf(row: Row): ClaimedDelivery {
  return {
    id: row.id,
    transactionId: row.transaction_id,
    provider: row.provider,
    clientId: row.client_id,
    url: row.url,
    createdAt: row.created_at,
    attempt: row.attempts
  }
}

function deliveryOf(row: Row, attempts: readonly DeliveryAttempt[]): Delivery {
  return {
    id: row.id,
    transactionId: row.transaction_id,
    provider: row.provider,
    clientId: row.client_id,
    url: row.url,
    status: row.status,
    createdAt: row.created_at,
    nextAttemptAt: row.status === 'waiting' ? row.next_attempt_at : null,
    endedAt: row.ended_at,
    attempts
  }
}
