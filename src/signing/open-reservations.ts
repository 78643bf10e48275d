import type { ReservationStore } from './needs.js'

/** Reservations remembered one by one at most; this is far more than the HSM's queue takes. */
const rememberedMax = 50_000

/** A store that knows which reservations of this process have not ended. */
export interface OpenReservations extends ReservationStore {
  /** The time of the oldest one that has not ended, or of which nobody knows whether it has; null: all have. */
  oldestOpen(): Date | null
}

/**
 * Remembers what is reserved until its end is recorded. What fails on the way counts as open until somebody settles
 * it, for it may be in the database all the same.
 */
export function rememberOpen(store: ReservationStore): OpenReservations {
  const open = new Map<string, Date>()
  /** Of those beyond what is remembered: they count as open for as long as this process lives. */
  let oldestForgotten: Date | null = null

  return {
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
