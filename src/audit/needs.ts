import type { BaseLogger } from 'pino'
import type { Queryable } from '../store/database.js'
import type { ReservationEnding } from './audit.js'
import type { ChainHead, StoredEvent } from './chain.js'
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
