import { ServiceError } from '../../errors.js'
import { CscFault, invalidRequest, invalidRequestText } from '../faults.js'
import { missing } from '../validation.js'

/** What v1 says of a malformed Authorization header: each table has its own text (CSC API v1 §11). */
export const malformedText = invalidRequestText
export const requiredText = invalidRequestText.replace('a required parameter', 'a REQUIRED parameter')
/** As it is printed in §11.8. */
export const malformedForOtp = 'Malformed authroization header.'

/** Failures that v1 has words of its own for (CSC API v1 §11.6); all others are said as in v2. */
export function inV1Words(error: unknown): never {
  if (!(error instanceof ServiceError)) throw error
  const { code, field } = error
  if (code === 'factor_wrong')
    throw field === 'PIN'
      ? new CscFault(400, 'invalid_pin', 'The PIN is invalid')
      : new CscFault(400, 'invalid_otp', 'The OTP is invalid')
  if (code === 'factor_locked') {
    const { retryAfterS } = error
    const headers: Record<string, string> =
      retryAfterS === undefined ? {} : { 'retry-after': String(retryAfterS) }
    throw new CscFault(400, 'invalid_request', `${field ?? 'PIN'} locked`, headers)
  }
  if (code === 'factor_required' && field !== undefined) throw invalidRequest(missing('string', field))
  if (code === 'request_invalid' && field === 'hashes') throw invalidRequest(missing('array', 'hash'))
  throw error
}
