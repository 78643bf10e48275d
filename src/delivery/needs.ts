import type { Delivery, DeliveryAttempt, DeliveryStatus } from './delivery.js'

/** A delivery that this process has taken, to try it now. */
export interface ClaimedDelivery {
  id: string
  transactionId: string
  provider: string
  clientId: string
  url: string
  createdAt: Date
  /** Number of this attempt, from 1; with those that no outcome is recorded of, since a server died. */
  attempt: number
}

/** Calls of this process under way to one relying party. */
export interface PartyLoad {
  provider: string
  clientId: string
  underWay: number
}

/** What this room needs of the database; `store/deliveries.ts` provides it. */
export interface DeliveryStore {
  /**
   * Takes what is due and nobody works on, until `until`: then it is due again. Those first whose relying party has
   * the fewest under way, then the longest due.
   * @param of.perParty Under way to one relying party, at most, with those of `loads`.
   */
  claim(of: {
    now: Date
    until: Date
    limit: number
    perParty: number
    loads: readonly PartyLoad[]
  }): Promise<ClaimedDelivery[]>
  /**
   * Records an attempt and what follows from it. One that was acknowledged ends the delivery whoever works on it by
   * now; any other one only while nobody has taken it since.
   * @param next When to try again; null with `waiting` is not possible.
   */
  record(
    id: string,
    attempt: DeliveryAttempt,
    then:
      | { status: 'waiting'; nextAttemptAt: Date }
      | { status: Exclude<DeliveryStatus, 'waiting'>; endedAt: Date }
  ): Promise<void>
  /** Latest first. */
  list(of: {
    provider: string | null
    clientId: string | null
    transactionId: string | null
    status: DeliveryStatus | null
    after: string | null
    limit: number
  }): Promise<Delivery[]>
}
