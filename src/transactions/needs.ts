import type { Activation, ActivationStatus } from '../activation/activation.js'
import type { Queryable } from '../store/database.js'
import type { Transaction, TransactionOutcome, TransactionOwner, TransactionRequest } from './transaction.js'

/** A transaction to be written. */
export interface NewTransaction {
  id: string
  request: TransactionRequest
  /** Over everything that makes it this request. */
  requestSha256: Uint8Array
  createdAt: Date
}

/** One that exists under a name, with what tells whether a request is the same. */
export interface NamedTransaction {
  transaction: Transaction
  requestSha256: Uint8Array
}

/** A reservation that took from an activation. */
export interface PastReservation {
  /** Which digests, from 0. */
  positions: readonly number[]
  /** Null: it has not ended. */
  outcome: 'signed' | 'partly' | 'refused' | 'failed' | null
  /** By position within the reservation. */
  signatures: readonly (Uint8Array | null)[] | null
}

/** How a transaction ended. */
export interface TransactionEnding {
  id: string
  outcome: TransactionOutcome
  reason: string | null
  signatures: readonly Uint8Array[] | null
  endedAt: Date
}

/** What this room needs of the database; `store/transactions.ts` provides it. */
export interface TransactionStore {
  /** Inside the transaction that opens its activation. False: the relying party has used the name before. */
  insert(database: Queryable, transaction: NewTransaction): Promise<boolean>
  find(id: string): Promise<Transaction | null>
  findByName(name: string, owner: TransactionOwner): Promise<NamedTransaction | null>
  findByRequest(requestId: string): Promise<Transaction | null>
  /** All of this provider with this name, two at most. */
  findByBareName(name: string, provider: string): Promise<Transaction[]>
  /**
   * Takes an open transaction that nobody works on, until `until`. False: it has its outcome, another server works on
   * it, or its activation waits.
   */
  claim(id: string, now: Date, until: Date): Promise<boolean>
  /** Up to `limit` transactions to be claimed: open, left alone until now, and not waiting for the subscriber. */
  due(now: Date, limit: number): Promise<string[]>
  /** Leaves a claimed transaction to the first server that comes at `at` or later. */
  release(id: string, at: Date): Promise<void>
  /** What took from its activation, oldest first. */
  reservationsOf(
    activation: Pick<Activation, 'id' | 'confirmedAt' | 'createdAt'>,
    until: Date
  ): Promise<PastReservation[]>
  /**
   * Records the outcome, once, and in the same transaction what is to be delivered.
   * @returns False when there is one already: nothing changed.
   */
  finish(ending: TransactionEnding): Promise<boolean>
  /** Forgets transactions from before `before`; answers how many. */
  purge(before: Date): Promise<number>
}

/** What an ended activation means for its transaction; null: it has not ended. */
export const outcomeOf: Readonly<Record<ActivationStatus, TransactionOutcome | null>> = {
  waiting: null,
  confirmed: null,
  spent: null,
  rejected: 'rejected',
  expired: 'expired',
  cancelled: 'cancelled'
}
