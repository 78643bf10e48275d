import { ServiceError } from '../errors.js'

/** What the socket says when nobody is there, or no longer. */
const systemCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'ENOENT', // the Unix socket of a server that is not running
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EACCES'
])

/**
 * SQLSTATEs (PostgreSQL manual, appendix A) that say something about the server and nothing about the statement:
 * connection exceptions, insufficient resources, a shutdown, a standby, a statement that ran out of time.
 */
const sqlStates = /^(08...|53...|57P0[1-5]|57014|25006|58...)$/

/** pg reports these without a code. */
const messages =
  /^(Connection terminated|Connection ended|Query read timeout|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|Client was closed|Cannot use a pool after calling end)/

/** Whether `error` means that the database did not answer, as opposed to: it answered, and refused. */
export function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  // Several addresses of one name were tried (localhost is often two).
  if (error instanceof AggregateError) return error.errors.every(isConnectionLoss)
  const code = 'code' in error ? String(error.code) : ''
  return systemCodes.has(code) || sqlStates.test(code) || messages.test(error.message)
}

/** `error` as the rest of the house may see it: `database_unavailable` for a lost connection, else itself. */
export function translated(error: unknown): unknown {
  if (!isConnectionLoss(error)) return error
  const cause = error as Error
  return new ServiceError('database_unavailable', `PostgreSQL does not answer: ${cause.message}`, {
    cause,
    retryAfterS: 1
  })
}
