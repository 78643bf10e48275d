import pkcs11 from 'pkcs11js'
import { ServiceError } from '../errors.js'

/** Return values that decide what is done next (PKCS #11 v2.40, base specification §5.1). */
export const CKR = {
  GENERAL_ERROR: 5,
  ARGUMENTS_BAD: 7,
  ATTRIBUTE_TYPE_INVALID: 18,
  ATTRIBUTE_VALUE_INVALID: 19,
  DATA_INVALID: 32,
  DATA_LEN_RANGE: 33,
  DEVICE_REMOVED: 50,
  ENCRYPTED_DATA_INVALID: 64,
  ENCRYPTED_DATA_LEN_RANGE: 65,
  KEY_HANDLE_INVALID: 96,
  KEY_FUNCTION_NOT_PERMITTED: 104,
  MECHANISM_INVALID: 112,
  MECHANISM_PARAM_INVALID: 113,
  OBJECT_HANDLE_INVALID: 130,
  OPERATION_ACTIVE: 144,
  OPERATION_NOT_INITIALIZED: 145,
  PIN_INCORRECT: 160,
  SESSION_CLOSED: 176,
  SESSION_HANDLE_INVALID: 179,
  TEMPLATE_INCOMPLETE: 208,
  TEMPLATE_INCONSISTENT: 209,
  TOKEN_NOT_PRESENT: 224,
  UNWRAPPING_KEY_HANDLE_INVALID: 240,
  USER_ALREADY_LOGGED_IN: 256,
  USER_NOT_LOGGED_IN: 257,
  WRAPPING_KEY_HANDLE_INVALID: 275,
  BUFFER_TOO_SMALL: 336,
  CRYPTOKI_NOT_INITIALIZED: 400,
  CRYPTOKI_ALREADY_INITIALIZED: 401
} as const

/** What C_Sign returns only before it has computed anything. All else from it may hide a signature. */
const definiteFromSign: ReadonlySet<number> = new Set([
  CKR.ARGUMENTS_BAD,
  CKR.DATA_INVALID,
  CKR.DATA_LEN_RANGE,
  CKR.KEY_HANDLE_INVALID,
  CKR.OBJECT_HANDLE_INVALID,
  CKR.OPERATION_NOT_INITIALIZED,
  CKR.SESSION_HANDLE_INVALID,
  CKR.USER_NOT_LOGGED_IN,
  CKR.CRYPTOKI_NOT_INITIALIZED
])

/**
 * The return value behind an error of the binding, null if it is another kind of error. Some calls throw a plain
 * `Error` with the message `CKR_NAME:number` instead of a `Pkcs11Error`.
 */
export function readCkr(error: unknown): number | null {
  if (!(error instanceof Error)) return null
  if (error instanceof pkcs11.Pkcs11Error && error.code !== 0) return error.code
  const number = /^CKR_\w+:(\d+)/.exec(error.message)?.[1]
  return number === undefined ? null : Number(number)
}

/** Whether an error of C_Sign proves that no signature was made. */
export function refusedBySign(error: unknown): boolean {
  const code = readCkr(error)
  return code !== null && definiteFromSign.has(code)
}

/** An error of the binding as a phrase for the log: call and return value, never an argument. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  const code = readCkr(error)
  if (code === null) return error.message
  const name = /CKR_\w+/.exec(error.message)?.[0] ?? 'CKR'
  const method = error instanceof pkcs11.Pkcs11Error && error.method !== '' ? `${error.method}: ` : ''
  return `${method}${name} (${code})`
}

/** Any failure of the HSM as the rest of the house may see it. A `ServiceError` is passed on as it is. */
export function hsmUnavailable(what: string, cause: unknown): ServiceError {
  if (cause instanceof ServiceError) return cause
  return new ServiceError('hsm_unavailable', `${what}: ${describe(cause)}`, { cause })
}
