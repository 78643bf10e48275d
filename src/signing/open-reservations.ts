import type { Audit } from '../audit/audit.js'
import type { ReservationStore } from './needs.js'

/** Reservations remembered one by one at most; this is far more than the HSM's queue takes. */
const rememberedMax = 50_000

/** What signing writes by, and which reservations of this process have not ended. */
export interface OpenReservations {
  store: ReservationStore
  audit: Audit
  /** The time of the oldest one that has not ended, or of which nobody knows whether it has; null: all have. */
  oldestOpen(): Date | null
}

/**
 * Remembers what is reserved until its end is recorded. What fails on the way counts as open until somebody settles
 * it, for it may be in the database all the same.
 */
export function rememberOpen(deps: { store: ReservationStore; audit: Audit }): OpenReservations {
  const { store, audit } = deps
  const open = new Map<string, Date>()
  /** Of those beyond what is remembered: they count as open for as long as this process lives. */
  let oldestForgotten: Date | null = null

  return {
    store: {
      standing: store.standing,
      async reserve(reservation) {
        const { id, now } = reservation
        if (open.size < rememberedMax) open.set(id, now)
        else oldestForgotten = earlier(oldestForgotten, now)
        const taken = await store.reserve(reservation)
        if (!taken) open.delete(id)
        return taken
      },
      async finish(outcome) {
        const finished = await store.finish(outcome)
        open.delete(outcome.id)
        return finished
      }
    },
    audit: {
      ...audit,
      async recordEnding(ending, ...events) {
        const ended = await audit.recordEnding(ending, ...events)
        open.delete(ending.id)
        return ended
      }
    },
    oldestOpen() {
      // Not by their order: a clock may be set back.
      let oldest = oldestForgotten
      for (const time of open.values()) oldest = earlier(oldest, time)
      return oldest
    }
  }
}

const earlier = (a: Date | null, b: Date): Date => (a !== null && a < b ? a : b)
