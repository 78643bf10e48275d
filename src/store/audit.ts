import type { Json } from '../audit/audit.js'
import type { ChainEvent, ChainHead, StoredEvent } from '../audit/chain.js'
import type { Checkpoint } from '../audit/checkpoint.js'
import type { AuditStore } from '../audit/needs.js'
import { isCheckpoint } from './checkpoint-shape.js'
import type { Queryable } from './database.js'
import { type Months, wholeTables } from './months.js'
import { plainArray } from './plain-array.js'
import { endingValues, endReservations } from './reservation-endings.js'

/** An event's columns as `ChainEvent` wants them. Whatever somebody put there stays visible, microseconds included. */
export const eventColumns = /* sql */ `
  e.chain, e.seq, (extract(epoch from e.at) * 1000)::text as at_ms, e.type, e.actor, e.about::text as about,
  encode(e.previous_hash, 'base64') as previous_hash, encode(e.hash, 'base64') as hash`

/** One row of `eventColumns`. */
export interface EventRow {
  chain: string
  seq: string
  at_ms: string
  type: string
  actor: string
  about: string
  previous_hash: string
  hash: string
}

/** Where a listing by time goes on. */
export interface EventCursor {
  at: string
  chain: string
  seq: number
}

/** What the operator API lists. */
export interface AuditList {
  /** Events of all chains in order of time, after `cursor`; at most `limit`, which is at most 1,000. */
  list(of: { cursor: EventCursor | null; limit: number }): Promise<ChainEvent[]>
}

/** Audit chains and checkpoints: writing and listing. */
export function createAuditStore(database: Queryable, months: Months = wholeTables): AuditStore & AuditList {
  return {
    async append(events, transaction = database) {
      const table = months.of('audit_events', events[0]?.chain ?? '')
      const statement = { name: `${table}-append`, text: insertEvents(table, 1), values: eventValues(events) }
      return (await placed(() => transaction.query(statement))) !== null
    },

    async appendEndings(events, endings) {
      const values = [...endingValues(endings), ...eventValues(events)]
      const table = months.of('audit_events', events[0]?.chain ?? '')
      const endedIn = new Set(endings.map(({ id }) => months.of('reservations', id)))
      // Around the turn of a month they may be of two.
      const reservations = endedIn.size === 1 ? ([...endedIn][0] ?? '') : 'reservations'
      const statement = {
        name: `${table}-append-${reservations}`,
        text: `with ended as (${endReservations(reservations)}), stored as (${insertEvents(table, 6)})
               select id from ended`,
        values
      }
      const ended = await placed(() => database.query<{ id: string }>(statement))
      return ended === null ? null : new Set(ended.rows.map(({ id }) => id))
    },

    async head(chain) {
      const { rows } = await database.query<HeadRow>({
        name: 'audit-head',
        text: `select chain, seq, encode(hash, 'base64') as hash from audit_events
                where chain = $1 order by seq desc limit 1`,
        values: [chain]
      })
      return rows.map(headOf)[0] ?? null
    },

    async heads() {
      // From chain to chain along the primary key, so that the cost grows with chains and not with events.
      const { rows } = await database.query<HeadRow>({
        name: 'audit-heads',
        text: `
          with recursive chains as (
            (select chain from audit_events order by chain limit 1)
            union all
            select (select e.chain from audit_events e where e.chain > c.chain order by e.chain limit 1)
              from chains c where c.chain is not null
          )
          select h.chain, h.seq, encode(h.hash, 'base64') as hash
            from chains c
           cross join lateral (select e.chain, e.seq, e.hash from audit_events e
                                where e.chain = c.chain order by e.seq desc limit 1) h`
      })
      return rows.map(headOf)
    },

    async addCheckpoint({ id, at, heads, spki, signature }) {
      await database.query({
        name: 'audit-add-checkpoint',
        text: `insert into audit_checkpoints (id, at, heads, spki, signature)
               values ($1, $2, $3::jsonb, decode($4, 'base64'), decode($5, 'base64'))`,
        values: [id, at, JSON.stringify(heads), spki, signature]
      })
    },

    async list({ cursor, limit }) {
      const at = cursor === null ? '' : 'where (e.at, e.chain, e.seq) > ($2, $3, $4::bigint)'
      const { rows } = await database.query<EventRow>({
        // Two statements: one for both could not begin at the cursor.
        name: cursor === null ? 'audit-list' : 'audit-list-after',
        text: `select ${eventColumns} from audit_events e ${at} order by e.at, e.chain, e.seq limit $1`,
        values: [Math.min(limit, 1_000), ...(cursor === null ? [] : [cursor.at, cursor.chain, cursor.seq])]
      })
      return rows.map(eventOf)
    }
  }
}

interface HeadRow {
  chain: string
  seq: string
  hash: string
}

const headOf = ({ chain, seq, hash }: HeadRow): ChainHead => ({ chain, seq: Number(seq), hash })

/** A row as it was hashed, unless somebody changed it. */
export function eventOf(row: EventRow): ChainEvent {
  return {
    chain: row.chain,
    seq: Number(row.seq),
    at: timeOf(row.at_ms),
    type: row.type,
    actor: row.actor,
    about: JSON.parse(row.about) as { readonly [key: string]: Json },
    previousHash: unbroken(row.previous_hash),
    hash: unbroken(row.hash)
  }
}

/** Columns of a checkpoint for `checkpointOf`. */
export const checkpointColumns = /* sql */ `
  id, (extract(epoch from at) * 1000)::text as at_ms, heads, encode(spki, 'base64') as spki,
  encode(signature, 'base64') as signature`

/** One row of `checkpointColumns`. */
export interface CheckpointRow {
  id: string
  at_ms: string
  heads: unknown
  spki: string
  signature: string
}

/** Null: the row does not have the shape of a checkpoint. */
export function checkpointOf(row: CheckpointRow): Checkpoint | null {
  const { id, at_ms, heads, spki, signature } = row
  const value = {
    id,
    at: timeOf(at_ms),
    heads,
    spki: unbroken(spki),
    signature: unbroken(signature)
  }
  return isCheckpoint(value) ? value : null
}

/** RFC 3339 of whole milliseconds since 1970; anything else (microseconds, infinity, another era) as it is. */
function timeOf(ms: string): string {
  const whole = /^(-?\d{1,15})\.0+$/.exec(ms)?.[1]
  return whole === undefined ? ms : new Date(Number(whole)).toISOString()
}

/** PostgreSQL breaks base64 after 76 characters (RFC 2045). */
const unbroken = (base64: string): string => base64.replaceAll('\n', '')

/** The INSERT of events into a table, whose parameters, `eventValues`, begin with this number. */
function insertEvents(table: string, first: number): string {
  const [at, type, actor, previousHash, hash, about] = [2, 3, 4, 5, 6, 7].map((place) => `$${first + place}`)
  return `
    insert into ${table} (chain, seq, at, type, actor, about, previous_hash, hash)
    select $${first}::text, $${first + 1}::bigint + e.n - 1, e.at, e.type, e.actor, e.about,
           decode(e.previous_hash, 'base64'), decode(e.hash, 'base64')
      from rows from (unnest(${at}::timestamptz[], ${type}::text[], ${actor}::text[], ${previousHash}::text[],
                             ${hash}::text[]),
                      jsonb_array_elements(${about}::jsonb))
             with ordinality as e (at, type, actor, previous_hash, hash, about, n)`
}

/** Events of one chain, in its order. One JSON text for all `about`s: an array of texts would escape each twice. */
function eventValues(events: readonly StoredEvent[]): unknown[] {
  const first = events[0]
  return [
    first?.chain ?? '',
    first?.seq ?? 0,
    plainArray(events.map(({ at }) => at)),
    plainArray(events.map(({ type }) => type)),
    events.map(({ actor }) => actor),
    plainArray(events.map(({ previousHash }) => previousHash)),
    plainArray(events.map(({ hash }) => hash)),
    `[${events.map(({ aboutCanonical }) => aboutCanonical).join(',')}]`
  ]
}

/** Null: a place in the chain is taken (SQLSTATE 23505, unique_violation: nothing else there is unique). */
async function placed<Result>(run: () => Promise<Result>): Promise<Result | null> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === '23505') return null
    throw error
  }
}
