import { type DestinationStream, destination as fileDescriptor, type Logger, pino } from 'pino'
import { ServiceError } from '../errors.js'

/** Members whose value never reaches the log, at the first three levels of what is logged. */
const secretNames = [
  'authorization',
  'cookie',
  'SAD',
  'sad',
  'PIN',
  'pin',
  'OTP',
  'otp',
  'password',
  'secret',
  'code',
  'token',
  'jwt',
  'access_token',
  'accessToken',
  'refresh_token',
  'refreshToken',
  'client_secret',
  'clientSecret',
  'callbackAuthSecret',
  'sp_password',
  'activationCode',
  'signatureData',
  'key'
]

/**
 * The server's log: JSON lines on standard error, so that standard output is left to people. Bodies, headers and
 * query strings are never handed to it; the redaction is for the day when one is by mistake.
 */
export function createLog(level: string, destination: DestinationStream = standardError()): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
        censor: '[redacted]'
      },
      serializers: { err: describeError, error: describeError }
    },
    destination
  )
}

/**
 * Written a block at a time and every 100 ms, and at the end by pino's exit handler: a system call a line would cost
 * the event loop more than the line itself. What must survive a crash is in the audit.
 */
const standardError = (): DestinationStream =>
  fileDescriptor({ fd: 2, sync: false, minLength: 8_192, periodicFlush: 100 })

/** What is logged of an error: never all its members, since a driver's error carries values and whole clients. */
export interface ErrorDescription {
  type: string
  /** `code` of the error, under a name that is not redacted. */
  errorCode?: string
  message: string
  stack?: string
  cause?: ErrorDescription
}

/** Describes an error and what caused it, at most four deep. */
export function describeError(error: unknown, depth = 0): ErrorDescription {
  if (!(error instanceof Error)) return { type: typeof error, message: 'not an error was thrown' }
  // Since Node 20 the message of a JSON syntax error quotes the text, which may be a body.
  const message = error instanceof SyntaxError ? 'malformed text' : error.message
  const code = 'code' in error ? error.code : undefined
  const expected = error instanceof ServiceError && error.code !== 'internal'
  return {
    type: error.name,
    ...(typeof code === 'string' ? { errorCode: code } : {}),
    message,
    ...(error.stack === undefined || expected || error instanceof SyntaxError
      ? {}
      : { stack: error.stack.slice(error.stack.indexOf('\n    at ') + 1) }),
    ...(error.cause === undefined || depth > 2 ? {} : { cause: describeError(error.cause, depth + 1) })
  }
}
