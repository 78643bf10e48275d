import type { BaseLogger } from 'pino'
import type { Queryable } from '../store/database.js'
import type { ReservationEnding } from './audit.js'
import type { ChainEvent, ChainHead, StoredEvent } from './chain.js'
import type { Checkpoint } from './checkpoint.js'

/** What this room needs of the server's log. */
export type AuditLog = Pick<BaseLogger, 'info' | 'warn' | 'error'>

/** What writing needs of the database; `store/audit.ts` provides it. */
export interface AuditStore {
  /**
   * Adds events, all or none, in one statement, by itself or in a transaction. An error leaves open whether they were
   * stored.
   * @returns False: one of the places (chain, seq) is taken, and nothing was stored.
   */
  append(events: readonly StoredEvent[], transaction?: Queryable): Promise<boolean>
  /**
   * Adds events and ends reservations, all in one statement.
   * @returns The ids of the reservations that had not ended before. Null: a place is taken, and nothing was stored.
   */
  appendEndings(
    events: readonly StoredEvent[],
    endings: readonly ReservationEnding[]
  ): Promise<ReadonlySet<string> | null>
  /** The last durable event of a chain; null: there is none. */
  head(chain: string): Promise<ChainHead | null>
  /** The last durable event of every chain. */
  heads(): Promise<ChainHead[]>
  addCheckpoint(checkpoint: Checkpoint): Promise<void>
}

/** What retention needs of the database; `store/retention.ts` provides it. What is called again goes on where it was. */
export interface RetentionStore {
  /** True for one server among those that share the database, until it ends. */
  tryHold(): Promise<boolean>
  /**
   * Ends of chains, but for one, whose last event is from before `limit`, whose server has stopped or was found dead,
   * and that were not retired yet.
   */
  endedBefore(limit: Date, except: string): Promise<ChainHead[]>
  /** Up to `limit` events of a chain behind a place, in order. */
  events(chain: string, afterSeq: number, limit: number): Promise<ChainEvent[]>
  lastCheckpoint(): Promise<Checkpoint | null>
  /** Marks a chain as retired, in one transaction with what `announce` adds to it. */
  retire(end: ChainHead, announce: (transaction: Queryable) => Promise<void>): Promise<void>
  /**
   * Removes the events of retired chains: by whole months where nothing else is in them, else by and by.
   * @returns The tables dropped.
   */
  removeRetired(limit: Date): Promise<string[]>
  /** Drops the months of activations, confirmations and reservations that no event kept can need. */
  removeEvidence(limit: Date): Promise<string[]>
  /** Removes checkpoints from before `limit` that name none of the chains kept; the last one stays. */
  removeCheckpoints(limit: Date): Promise<void>
}
