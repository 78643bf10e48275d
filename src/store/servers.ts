import type { Attempt, LostReservation, ServerStore } from '../signing/recovery.js'
import type { Database, Queryable } from './database.js'
import { lockKey } from './dedicated-connection.js'
import { clockToleranceMs, uuidFrom } from './uuid-time.js'

/** The lock that a server process holds while it lives. */
export const lockOf = (serverId: string): string => `server:${serverId}`

/** A note in `reservations.detail` of an open reservation: who is about to end it, since when. */
const noteOf = ({ id, by, at }: Attempt): string => `recovery ${id} ${by} ${at.toISOString()}`
const notePattern = /^recovery (\S+) (\S+) (\S+)$/

/** Server processes that share this database, and the reservations that dead ones left open. */
export function createServerStore(database: Database): ServerStore {
  /**
   * Runs `work` in a transaction while holding a dead server's lock, which ends with the transaction, so that nothing
   * need be released. Null: the lock is held, by the server or by another one that recovers it.
   */
  async function whileDead<T>(serverId: string, work: (tx: Queryable) => Promise<T>): Promise<T | null> {
    return database.transaction(async (tx) => {
      const { rows } = await tx.query<{ held: boolean }>({
        name: 'servers-lock-dead',
        text: 'select pg_try_advisory_xact_lock($1) as held',
        values: [lockKey(lockOf(serverId))]
      })
      return rows[0]?.held === true ? work(tx) : null
    })
  }

  return {
    async register(serverId, startedAt) {
      // Without the lock, the row would look like a dead server's.
      if (!(await database.tryHold(lockOf(serverId)))) return false
      await database.query({
        text: `insert into servers (id, started_at, settled_until) values ($1, $2, $2)
               on conflict (id) do nothing`,
        values: [serverId, startedAt]
      })
      return true
    },

    async keep(serverId, settledUntil) {
      if (!(await database.tryHold(lockOf(serverId)))) return 'lost'
      const { rows } = await database.query<{ stopped: boolean }>({
        name: 'servers-keep',
        text: `with before as (select id, stopped_at from servers where id = $1 for update)
               update servers s set stopped_at = null, settled_until = $2
                 from before where s.id = before.id
               returning before.stopped_at is not null as stopped`,
        values: [serverId, settledUntil]
      })
      return rows[0]?.stopped === true ? 'regained' : 'kept'
    },

    async markStopped(serverId, at) {
      await database.query({
        text: 'update servers set stopped_at = $2 where id = $1 and stopped_at is null',
        values: [serverId, at]
      })
    },

    async suspects(except) {
      const { rows } = await database.query<{ id: string }>({
        name: 'servers-suspects',
        text: 'select id from servers where stopped_at is null and id <> $1 order by id',
        values: [except]
      })
      return rows.map(({ id }) => id)
    },

    async note(serverId, attempt) {
      const noted = await whileDead(serverId, async (tx) =>
        tx.query({
          name: 'servers-note-reservations',
          text: `update reservations set detail = $2
                  where id >= $3 and server_id = $1 and outcome is null
                    and (detail is null or detail not like 'recovery %')`,
          values: [serverId, noteOf(attempt), await reservationsOpenFrom(tx, serverId)]
        })
      )
      return noted !== null
    },

    fail: ({ serverId, attempt, limit, now, detail }, announce) =>
      whileDead(serverId, async (tx) => {
        const lost = await lostReservations(tx, serverId, attempt, limit)
        if (lost.length === 0) return 0
        await announce(lost)
        await tx.query({
          name: 'servers-fail-reservations',
          text: `update reservations set outcome = 'failed', finished_at = $2, detail = $3 where id = any($1::text[])`,
          values: [lost.map(({ id }) => id), now, detail]
        })
        return lost.length
      }),

    async bury(serverId, at, announce) {
      await whileDead(serverId, async (tx) => {
        const { rows } = await tx.query({
          name: 'servers-bury-lock',
          text: 'select id from servers where id = $1 and stopped_at is null for update',
          values: [serverId]
        })
        if (rows.length === 0) return
        await announce()
        await tx.query({
          name: 'servers-bury',
          text: 'update servers set stopped_at = $2 where id = $1',
          values: [serverId, at]
        })
      })
    }
  }
}

/**
 * Lower bound of the ids of all reservations that a server may have left open, or that any server may that has not
 * stopped. So they are found along the primary key, without an index that every end of a reservation would write to.
 */
export async function reservationsOpenFrom(tx: Queryable, serverId: string | null = null): Promise<string> {
  const { rows } = await tx.query<{ settled_until: Date | null }>({
    name: 'servers-settled-until',
    text: `select min(settled_until) as settled_until from servers
            where stopped_at is null and ($1::text is null or id = $1)`,
    values: [serverId]
  })
  const settledUntil = rows[0]?.settled_until ?? null
  return settledUntil === null ? '' : uuidFrom(new Date(settledUntil.getTime() - clockToleranceMs))
}

interface LostRow {
  id: string
  activation_id: string
  credential_id: string
  provider: string | null
  client_id: string | null
  positions: number[]
  scheme: string
  reserved_at: Date
  detail: string | null
}

/** Noted open reservations, their rows locked until the transaction ends. */
async function lostReservations(
  tx: Queryable,
  serverId: string,
  attempt: Attempt,
  limit: number
): Promise<LostReservation[]> {
  const { rows } = await tx.query<LostRow>({
    name: 'servers-lost-reservations',
    text: `
      select r.id, r.activation_id, r.credential_id, a.provider, a.client_id, r.positions, r.scheme, r.reserved_at,
             r.detail
        from reservations r left join activations a on a.id = r.activation_id
       where r.id >= $3 and r.server_id = $1 and r.outcome is null and r.detail like 'recovery %'
       order by r.id limit $2 for update of r`,
    values: [serverId, limit, await reservationsOpenFrom(tx, serverId)]
  })
  // What this attempt noted, nobody has announced.
  const announced = await announcedBefore(
    tx,
    rows.filter(({ detail }) => detail !== noteOf(attempt))
  )
  return rows.map((row) => ({
    id: row.id,
    activationId: row.activation_id,
    credentialId: row.credential_id,
    provider: row.provider,
    clientId: row.client_id,
    positions: row.positions,
    scheme: row.scheme,
    reservedAt: row.reserved_at,
    announced: announced.has(row.id)
  }))
}

/** Which of them have their event: looked for in the chains that their notes name, from the notes' times on. */
async function announcedBefore(tx: Queryable, noted: readonly LostRow[]): Promise<Set<string>> {
  const since = new Map<string, number>()
  for (const { detail } of noted) {
    const [, , chain, at] = notePattern.exec(detail ?? '') ?? []
    if (chain === undefined || at === undefined) continue
    since.set(
      chain,
      Math.min(since.get(chain) ?? Number.POSITIVE_INFINITY, Date.parse(at) - clockToleranceMs)
    )
  }
  const ids = noted.map(({ id }) => id)
  const announced = new Set<string>()
  for (const [chain, sinceMs] of since) {
    const { rows } = await tx.query<{ id: string }>({
      name: 'servers-announced-reservations',
      text: `select about->>'reservationId' as id from audit_events
              where at >= $2 and chain = $1 and type = 'reservation.failed' and about->>'reservationId' = any($3::text[])`,
      values: [chain, new Date(sinceMs), ids]
    })
    for (const { id } of rows) announced.add(id)
  }
  return announced
}
