import type { Database } from './database.js'

/** How long a first use may run before another request with the same key may take its place. */
export const idempotencyTakeoverAfterMs = 60_000
/** How long an answer is kept for replays. */
export const idempotencyKeptMs = 24 * 3_600_000

/** One use of an Idempotency-Key by an operator. */
export interface IdempotentUse {
  operatorId: string
  /** As sent, 1 to 255 printable characters. */
  key: string
  /** 32 octets that stand for the request and reveal nothing of it. */
  requestMac: Uint8Array
}

/**
 * What a use of a key finds. `first`: nobody used it, or whoever did is gone; do the work, then `finish` or
 * `release`. `running`: the first use has not ended. `other`: the key belongs to another request. `done`: the answer.
 */
export type IdempotentStart =
  | { state: 'first'; startedAt: Date }
  | { state: 'running' }
  | { state: 'other' }
  | { state: 'done'; status: number; body: unknown }

/** What operators' Idempotency-Keys stand for. */
export type IdempotencyKeys = ReturnType<typeof createIdempotencyKeys>

interface Row {
  request_sha256: Buffer
  status: number | null
  body: unknown
}

/** The repository of Idempotency-Keys. */
export function createIdempotencyKeys(db: Database) {
  return {
    /** Claims the key: of requests that arrive together exactly one is told `first`. */
    async start({ operatorId, key, requestMac }: IdempotentUse, now: Date): Promise<IdempotentStart> {
      const { rowCount } = await db.query({
        name: 'idempotency-start',
        text: `
          insert into idempotency_keys as kept (operator_id, key, request_sha256, status, body, created_at)
          values ($1, $2, $3, null, null, $4)
          on conflict (operator_id, key) do update
             set request_sha256 = excluded.request_sha256, status = null, body = null,
                 created_at = excluded.created_at
           where kept.created_at <= $5
              or (kept.status is null and kept.created_at <= $6
                  and kept.request_sha256 = excluded.request_sha256)`,
        values: [
          operatorId,
          key,
          requestMac,
          now,
          new Date(now.getTime() - idempotencyKeptMs),
          new Date(now.getTime() - idempotencyTakeoverAfterMs)
        ]
      })
      if (rowCount === 1) return { state: 'first', startedAt: now }
      const { rows } = await db.query<Row>({
        name: 'idempotency-find',
        text: 'select request_sha256, status, body from idempotency_keys where operator_id = $1 and key = $2',
        values: [operatorId, key]
      })
      const row = rows[0]
      if (row === undefined) return { state: 'running' } // released between the two statements
      if (!row.request_sha256.equals(requestMac)) return { state: 'other' }
      if (row.status === null) return { state: 'running' }
      return { state: 'done', status: row.status, body: row.body }
    },

    /** Keeps the answer, unless another request has taken the use over meanwhile. */
    async finish(
      { operatorId, key }: Pick<IdempotentUse, 'operatorId' | 'key'>,
      startedAt: Date,
      answer: { status: number; body: unknown }
    ): Promise<void> {
      await db.query({
        name: 'idempotency-finish',
        text: `
          update idempotency_keys set status = $4, body = $5
           where operator_id = $1 and key = $2 and created_at = $3 and status is null`,
        values: [operatorId, key, startedAt, answer.status, JSON.stringify(answer.body ?? null)]
      })
    },

    /** Gives the key back after an attempt that changed nothing and may be made again. */
    async release(
      { operatorId, key }: Pick<IdempotentUse, 'operatorId' | 'key'>,
      startedAt: Date
    ): Promise<void> {
      await db.query({
        name: 'idempotency-release',
        text: `
          delete from idempotency_keys
           where operator_id = $1 and key = $2 and created_at = $3 and status is null`,
        values: [operatorId, key, startedAt]
      })
    },

    /** Forgets what is older than replays are answered. Returns how many keys. */
    async purge(now: Date): Promise<number> {
      const { rowCount } = await db.query({
        text: 'delete from idempotency_keys where created_at <= $1',
        values: [new Date(now.getTime() - idempotencyKeptMs)]
      })
      return rowCount ?? 0
    }
  }
}
