import type { QueryResultRow } from 'pg'
import type { CopiedRows } from './copy.js'

/** A statement with its values. Named statements are prepared once a connection; name what runs often. */
export interface Statement {
  name?: string
  text: string
  values?: unknown[]
}

/** What a repository needs to run SQL: the pool, or one connection inside a transaction. */
export interface Queryable {
  query<Row extends QueryResultRow>(statement: Statement): Promise<{ rows: Row[]; rowCount: number | null }>
}

/** One connection inside a transaction. */
export interface Transaction extends Queryable {
  /** Inserts rows with large values. */
  copyRows(rows: CopiedRows): Promise<void>
}

/** PostgreSQL as the house sees it. Made by `openDatabase` in `open.ts`. */
export interface Database extends Queryable {
  /** Runs `work` in one READ COMMITTED transaction; commits when it returns, rolls back when it throws. */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  /**
   * Calls `handler` for every NOTIFY on `channel` from now on, with its payload; after a lost connection it is
   * called once with `null`, since something may have been missed. Resolves when the server listens.
   * @returns Stops listening.
   */
  listen(channel: string, handler: (payload: string | null) => void): Promise<() => void>
  /**
   * Tries for a lock that lives as long as this process's own database connection, and that any other process
   * sharing the database can see. Lost with the connection and then tried for again when asked again.
   */
  tryHold(name: string): Promise<boolean>
  /** @throws ServiceError `database_unavailable` when no answer came within 2 s. */
  check(): Promise<void>
  /** Numbers for /metrics. */
  stats(): DatabaseStats
  /** Idempotent. */
  close(): Promise<void>
}

/**
 * How the pool stands: connections open, of these without work, and statements that wait for one; and how many
 * statements were sent since opening, BEGIN and COMMIT included.
 */
export interface DatabaseStats {
  connections: number
  idle: number
  waiting: number
  statements: number
}
