import type { ActivationStatus } from '../activation/activation.js'

/** A wish to take occurrences of one activation, with everything the database must find true to grant it. */
export interface Reservation {
  /** UUID version 7. */
  id: string
  activationId: string
  sadSha256: Uint8Array
  provider: string
  clientId: string
  credentialId: string
  /** The version whose sealed row was checked. */
  credentialVersion: number
  /** Whether its SAD signs no more after this before it is renewed, so that of several reservations one is granted. */
  usesSadUp: boolean
  /** A `1` for each occurrence to be taken, one digit an occurrence. All of them must be free. */
  mask: string
  /** The same as numbers from 0, in the order of the digests. */
  positions: readonly number[]
  /** For the record, such as `pkcs1/SHA-256`. */
  scheme: string
  serverId: string
  now: Date
}

/** How a confirmed activation stands right now. */
export interface Standing {
  status: ActivationStatus
  occurrences: string
  sadSha256: Uint8Array | null
  sadExpiresAt: Date | null
  /** It has signed, and signs no more before it is renewed. */
  sadUsed: boolean
}

/** How a reservation ended. */
export interface ReservationOutcome {
  id: string
  activationId: string
  /** `partly`: some were signed, the others returned. */
  outcome: 'signed' | 'partly' | 'refused' | 'failed'
  /** By position within the reservation; null where none was made. */
  signatures: readonly (Uint8Array | null)[]
  /** Mask of the occurrences that go back to authorized, since the HSM definitely made no signature. Null: none. */
  returned: string | null
  detail: string | null
  now: Date
}

/** What this room needs of the database; `store/reservations.ts` provides it. */
export interface ReservationStore {
  standing(activationId: string): Promise<Standing | null>
  /**
   * Takes the occurrences in one statement, durable when it resolves, together with the record of the reservation.
   * @returns False when any condition did not hold: nothing changed.
   */
  reserve(reservation: Reservation): Promise<boolean>
  /**
   * Records how it ended, once. @returns False when it had ended already (this process was taken for dead): then
   * the caller must not hand the signatures out.
   */
  finish(outcome: ReservationOutcome): Promise<boolean>
}
