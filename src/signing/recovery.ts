import { v7 } from 'uuid'
import type { Audit } from '../audit/audit.js'
import type { Clock } from '../clock.js'

/** Reservations ended by one transaction. */
const reservationsPerStep = 200
/** What a reservation of a dead server says in the end. */
const ending = 'the server stopped before it recorded how the signing ended'

/** A reservation whose server will not end it any more. */
export interface LostReservation {
  id: string
  activationId: string
  credentialId: string
  /** Null where the activation is gone. */
  provider: string | null
  clientId: string | null
  positions: readonly number[]
  scheme: string
  reservedAt: Date
  /** Its `reservation.failed` event is in a chain already: an earlier attempt got that far. */
  announced: boolean
}

/** One try at ending what dead servers left, noted on every reservation it is about to end. */
export interface Attempt {
  /** UUIDv7. */
  id: string
  /** The server that tries, in whose chain the events will be. */
  by: string
  at: Date
}

/**
 * Which server processes there are and what they left behind; `store/servers.ts` provides it. A server is dead when
 * the lock that it held in the database is free.
 */
export interface ServerStore {
  /** Holds this process's lock, then writes its row, in this order. False: another process holds that lock. */
  register(serverId: string, startedAt: Date): Promise<boolean>
  /**
   * Holds the lock again if it was lost, takes back that others marked this server as stopped, and notes that its
   * reservations from before `settledUntil` have ended.
   */
  keep(serverId: string, settledUntil: Date): Promise<'kept' | 'regained' | 'lost'>
  markStopped(serverId: string, at: Date): Promise<void>
  /** Servers, but for one, that have not stopped. Most of them are alive. */
  suspects(except: string): Promise<string[]>
  /**
   * Notes on the open reservations of a dead server that they are about to be ended, so that a later attempt knows in
   * whose chain to look for events. Those that carry a note keep it. False: the server lives, nothing was noted.
   */
  note(serverId: string, attempt: Attempt): Promise<boolean>
  /**
   * Ends up to `limit` noted reservations as failed, in one transaction that holds their rows while `announce` runs.
   * @returns How many; null: the server lives.
   */
  fail(
    of: { serverId: string; attempt: Attempt; limit: number; now: Date; detail: string },
    announce: (lost: readonly LostReservation[]) => Promise<void>
  ): Promise<number | null>
  /** Marks a dead server as stopped, after `announce`, which is left out when it was stopped before. */
  bury(serverId: string, at: Date, announce: () => Promise<void>): Promise<void>
}

/** What recovering stands on. */
export interface RecoveryDeps {
  servers: ServerStore
  audit: Pick<Audit, 'record'>
  now: Clock
  /** This process. */
  serverId: string
  /** The time of its oldest reservation that has not ended; null: all have. */
  oldestOpen: () => Date | null
}

/** This process among others that share its database. */
export interface Recovery {
  /** Makes this process known and alive. @throws Error when its id is in use. */
  register(): Promise<void>
  /**
   * Ends what dead servers left open: each reservation as failed, with one event; then the server itself. To be called
   * at start and every 10 s. One run at a time; a call during a run shares it.
   * @throws ServiceError `database_unavailable`; the next call goes on where this one stopped.
   */
  recoverDeadServers(): Promise<Recovered>
  /** This process stops in order. What it could not end is left to whoever finds it dead. */
  unregister(): Promise<void>
}

/** What a run did. `self`: how this process's own lock stood. */
export interface Recovered {
  self: 'kept' | 'regained' | 'lost'
  servers: string[]
  reservations: number
}

/**
 * Order and crashes: a note with the own chain's name is committed first; then, holding the rows against a server that
 * is not so dead after all, the events are recorded and the outcomes committed. After a crash between event and
 * outcome, the next attempt finds the note, looks into the chain it names, and does not record a second event. A
 * `server.recovered` may come twice, by each of two attempts.
 */
export function createRecovery({ servers, audit, now, serverId, oldestOpen }: RecoveryDeps): Recovery {
  const actor = `server:${serverId}`
  let running: Promise<Recovered> | null = null

  function keep() {
    // In this order: what is reserved between the two is later than either.
    const at = now()
    return servers.keep(serverId, oldestOpen() ?? at)
  }

  async function recover(): Promise<Recovered> {
    const recovered: Recovered = { self: await keep(), servers: [], reservations: 0 }
    for (const dead of await servers.suspects(serverId)) {
      const at = now()
      const attempt = { id: v7({ msecs: at.getTime() }), by: serverId, at }
      if (!(await servers.note(dead, attempt))) continue
      const failed = await failAll(dead, attempt)
      recovered.reservations += failed
      await servers.bury(dead, now(), async () => {
        recovered.servers.push(dead)
        await audit.record({
          type: 'server.recovered',
          actor,
          about: { serverId: dead, reservationsFailed: failed }
        })
      })
    }
    return recovered
  }

  async function failAll(dead: string, attempt: Attempt): Promise<number> {
    for (let total = 0; ; ) {
      const step = { serverId: dead, attempt, limit: reservationsPerStep, now: now(), detail: ending }
      const failed = await servers.fail(step, (lost) => announce(dead, lost))
      total += failed ?? 0
      if (failed === null || failed < reservationsPerStep) return total
    }
  }

  async function announce(dead: string, lost: readonly LostReservation[]): Promise<void> {
    const unheard = lost.filter(({ announced }) => !announced)
    if (unheard.length === 0) return
    await audit.record(
      ...unheard.map((reservation) => ({
        type: 'reservation.failed' as const,
        actor,
        about: {
          reservationId: reservation.id,
          activationId: reservation.activationId,
          provider: reservation.provider,
          clientId: reservation.clientId,
          credentialID: reservation.credentialId,
          serverId: dead,
          positions: reservation.positions,
          scheme: reservation.scheme,
          reservedAt: reservation.reservedAt.toISOString(),
          detail: ending
        }
      }))
    )
  }

  return {
    async register() {
      if (!(await servers.register(serverId, now()))) throw new Error(`another process is server ${serverId}`)
    },
    recoverDeadServers() {
      running ??= recover().finally(() => {
        running = null
      })
      return running
    },
    async unregister() {
      await running?.catch(() => undefined)
      if (oldestOpen() === null) await servers.markStopped(serverId, now())
      else await keep()
    }
  }
}
