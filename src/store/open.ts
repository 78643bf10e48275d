import type { ClientConfig, PoolClient, QueryResultRow } from 'pg'
import pg from 'pg'
import { ServiceError } from '../errors.js'
import { isConnectionLoss, translated } from './connection-error.js'
import { type CopiedRows, copyRows } from './copy.js'
import type { Database, Queryable, Statement, Transaction } from './database.js'
import { createDedicatedConnection } from './dedicated-connection.js'
import type { StoreLog } from './log.js'
import { rowTypes } from './row-types.js'

/** A statement that runs longer is cancelled by the server; waiting for locks counts. */
export const statementTimeoutMs = 10_000
/** Waiting for a connection, from the pool or to the server. */
const connectionTimeoutMs = 5_000
const checkTimeoutMs = 2_000
/** How long `close` waits for work that is still running. */
const drainTimeoutMs = 1_500

/** What opening needs. */
export interface DatabaseOptions {
  /** A `postgres://` address, or the parts of one. */
  connection: string | ClientConfig
  log: StoreLog
  /** Connections for statements, at most; one more is kept for LISTEN and locks. Default 10. */
  poolSize?: number
}

/**
 * A prepared statement is planned once a connection: with arrays of a few elements PostgreSQL would take a plan made for
 * their values to be cheaper, and make one every time, which costs as much as the statement. A plan is then kept as long
 * as its connection. Made while a table is young, as each month's is at first, it would go through the whole table ever
 * after; what is asked often has an index, and where there is none this forbids nothing. Both hold for statements without a
 * name, too: one that needs a plan for its values says so in its transaction.
 */
const planning = 'set enable_seqscan = off; set plan_cache_mode = force_generic_plan'

/**
 * Opens PostgreSQL. Nothing that happens to a connection later ends the process: statements that meet a lost one
 * fail with `database_unavailable`, and the next ones find a new one.
 * @throws ServiceError `database_unavailable` when the first connection fails for want of a server; the driver's own
 *   error (a wrong password, an unknown database) otherwise.
 */
export async function openDatabase({ connection, log, poolSize = 10 }: DatabaseOptions): Promise<Database> {
  const client: ClientConfig = {
    ...(typeof connection === 'string' ? { connectionString: connection } : connection),
    application_name: 'kyso',
    types: rowTypes,
    connectionTimeoutMillis: connectionTimeoutMs,
    statement_timeout: statementTimeoutMs,
    // For a server that does not even cancel: a little later than it should have.
    query_timeout: statementTimeoutMs + 2_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000
  }
  const pool = new pg.Pool({
    ...client,
    max: poolSize,
    idleTimeoutMillis: 60_000,
    onConnect: async (connected) => {
      await connected.query(planning)
    }
  })
  // The driver's errors carry the whole client, so only their message is logged. Without a listener an idle connection
  // that breaks would end the process; while it is checked out, the pool's own listener is off, so each connection
  // gets one for life.
  let closing: Promise<void> | null = null
  pool.on('error', (error) => {
    if (closing === null) log.warn({ reason: error.message }, 'an idle database connection was lost')
  })
  pool.on('connect', (connected) => {
    connected.on('error', (error) => log.debug({ reason: error.message }, 'a database connection was lost'))
  })
  const dedicated = createDedicatedConnection({ client, log })
  let statements = 0

  /** Unlike the pool's own `query`, keeps the connection after an error of the statement alone. */
  async function withConnection<T>(work: (connected: PoolClient) => Promise<T>): Promise<T> {
    let connected: PoolClient | undefined
    try {
      connected = await pool.connect()
      const result = await work(connected)
      connected.release()
      return result
    } catch (error) {
      connected?.release(error instanceof RollbackFailed || isConnectionLoss(error))
      throw translated(error instanceof RollbackFailed ? error.cause : error)
    }
  }

  function queryable(connected: PoolClient): Queryable {
    return {
      async query<Row extends QueryResultRow>(statement: Statement) {
        statements += 1
        try {
          const { rows, rowCount } = await connected.query<Row>(statement)
          return { rows, rowCount }
        } catch (error) {
          throw translated(error)
        }
      }
    }
  }

  function transactionOn(connected: PoolClient): Transaction {
    return {
      ...queryable(connected),
      async copyRows(rows: CopiedRows) {
        statements += 1
        try {
          await copyRows(connected, rows)
        } catch (error) {
          throw translated(error)
        }
      }
    }
  }

  async function transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return withConnection(async (connected) => {
      statements += 2 // with COMMIT or ROLLBACK
      await connected.query('begin isolation level read committed')
      try {
        const result = await work(transactionOn(connected))
        // A statement that failed and was caught by `work` has aborted the transaction; COMMIT then rolls back and
        // says so only here.
        const { command } = await connected.query('commit')
        if (command !== 'COMMIT') throw new Error('the transaction was aborted by a failed statement')
        return result
      } catch (error) {
        try {
          await connected.query('rollback')
        } catch {
          // The connection is in an unknown state and must not serve another.
          throw new RollbackFailed(error)
        }
        throw error
      }
    })
  }

  async function check(): Promise<void> {
    const late = new AbortController()
    const tooLate = new Promise<never>((_, reject) => {
      const timer = setTimeout(
        () =>
          reject(
            new ServiceError('database_unavailable', `PostgreSQL did not answer within ${checkTimeoutMs} ms`)
          ),
        checkTimeoutMs
      )
      late.signal.addEventListener('abort', () => clearTimeout(timer))
    })
    try {
      await Promise.race([withConnection((connected) => connected.query('select 1')), tooLate])
    } catch (cause) {
      if (cause instanceof ServiceError) throw cause
      throw new ServiceError('database_unavailable', 'PostgreSQL refuses us', { cause })
    } finally {
      late.abort()
    }
  }

  function close(): Promise<void> {
    closing ??= drain()
    return closing
  }
  async function drain(): Promise<void> {
    await dedicated.close()
    let timer: NodeJS.Timeout | undefined
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        log.warn(`database work was still running after ${drainTimeoutMs} ms`)
        resolve()
      }, drainTimeoutMs)
    })
    await Promise.race([pool.end(), patience])
    clearTimeout(timer)
  }

  try {
    await dedicated.ready()
  } catch (error) {
    await close()
    throw error
  }
  return {
    query: <Row extends QueryResultRow>(statement: Statement) =>
      withConnection((connected) => queryable(connected).query<Row>(statement)),
    transaction,
    listen: dedicated.listen,
    tryHold: dedicated.tryHold,
    check,
    stats: () => ({
      connections: pool.totalCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
      statements
    }),
    close
  }
}

/** The work failed with `cause`, and so did undoing it. */
class RollbackFailed extends Error {
  constructor(cause: unknown) {
    super('rollback failed', { cause })
  }
}
