import type { Audit } from '../audit/audit.js'
import type { Clock } from '../clock.js'
import type { Reservation, ReservationOutcome, ReservationStore } from './needs.js'

/** Ends remembered at most; what is beyond is ended when this server stops, by another or by the next. */
const rememberedMax = 10_000

/** Reservations whose end the database did not take when it came. Nothing of them was handed out. */
export interface Unfinished {
  /**
   * Nobody knows whether the reservation is stored, and the HSM was not asked: its occurrences go back.
   */
  notAsked(reservation: Reservation): void
  /** The HSM was asked, and what came of it could not be recorded: the occurrences stay spent. */
  notRecorded(reservation: Reservation): void
  /** Tries to record them. @throws ServiceError `database_unavailable`: the rest waits for the next turn. */
  settle(): Promise<void>
}

/** A lost connection must not leave a reservation open for as long as this process lives. */
export function createUnfinished(deps: {
  store: Pick<ReservationStore, 'finish'>
  audit: Pick<Audit, 'record'>
  now: Clock
  actor: string
}): Unfinished {
  const { store, audit, now, actor } = deps
  const waiting = new Map<string, { reservation: Reservation; asked: boolean }>()

  function remember(reservation: Reservation, asked: boolean): void {
    if (waiting.size < rememberedMax) waiting.set(reservation.id, { reservation, asked })
  }

  async function settleOne({
    reservation,
    asked
  }: {
    reservation: Reservation
    asked: boolean
  }): Promise<void> {
    const { id, activationId, positions, mask, credentialId, provider, clientId } = reservation
    const detail = asked
      ? 'its end could not be recorded in time'
      : 'it was made while the database went away'
    const outcome: ReservationOutcome = {
      id,
      activationId,
      outcome: asked ? 'failed' : 'refused',
      signatures: positions.map(() => null),
      returned: asked ? null : mask,
      detail,
      now: now()
    }
    const ended = await store.finish(outcome)
    if (ended && asked) {
      const about = {
        activationId,
        reservationId: id,
        provider,
        clientId,
        credentialID: credentialId,
        detail
      }
      await audit.record({ type: 'reservation.failed', actor, about })
    }
  }

  return {
    notAsked: (reservation) => remember(reservation, false),
    notRecorded: (reservation) => remember(reservation, true),
    async settle() {
      for (const [id, one] of [...waiting]) {
        await settleOne(one)
        waiting.delete(id)
      }
    }
  }
}
