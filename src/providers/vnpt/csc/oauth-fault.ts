import { type ErrorCode, errorCodes, type ServiceError } from '../../../errors.js'
import type { DialectFault } from '../../dialect/dialect.js'

/** HTTP status and `error` of a failure (RFC 6749 §5.2). */
type Fault = readonly [status: number, error: string]

const invalidGrant: Fault = [400, 'invalid_grant']
const later: Fault = [503, 'temporarily_unavailable']
const broken: Fault = [500, 'server_error']

/** Failures of the OAuth calls; all that is not here is `invalid_request`. */
const faults: Readonly<Partial<Record<ErrorCode, Fault>>> = {
  authentication_required: [400, 'invalid_client'],
  authentication_failed: [400, 'invalid_client'],
  token_expired: invalidGrant,
  login_locked: invalidGrant,
  second_factor_required: invalidGrant,
  request_too_large: [413, 'invalid_request'],
  media_type_unsupported: [415, 'invalid_request'],
  too_many_requests: [429, 'temporarily_unavailable'],
  challenges_too_many: [429, 'temporarily_unavailable'],
  hsm_busy: later,
  hsm_unavailable: later,
  database_unavailable: later,
  signature_uncertain: broken,
  integrity_broken: broken,
  internal: broken
}

/** A parameter that was wrong, where its name decides. */
const wrong: Readonly<Record<string, string>> = {
  grant_type: 'unsupported_grant_type',
  response_type: 'unsupported_response_type',
  scope: 'invalid_scope'
}

/** Proofs of a person: with one of these wrong it is the grant that is refused, and not the client. */
const proofs: ReadonlySet<string> = new Set([
  'password',
  'code',
  'redirect_uri',
  'code_verifier',
  'refresh_token'
])

/** HTTP status and `error` of a failure. */
function faultOf({ code, field = '' }: ServiceError): Fault {
  const [status, error] = faults[code] ?? [400, 'invalid_request']
  if (code === 'authentication_failed' && proofs.has(field)) return invalidGrant
  return [status, code === 'request_invalid' ? (wrong[field] ?? error) : error]
}

/** A failure in two words, the second in ASCII (RFC 6749 §5.2). */
export function oauthError(failure: ServiceError): { error: string; description: string } {
  const [status, error] = faultOf(failure)
  const text = status >= 500 ? errorCodes[failure.code] : failure.says
  return { error, description: text.replaceAll(/[^\x20-\x7e]|["\\]/g, "'") }
}

/** A failure as `{error, error_description}`. */
export function oauthFault(failure: ServiceError): DialectFault {
  const { error, description } = oauthError(failure)
  return { status: faultOf(failure)[0], body: { error, error_description: description } }
}

/** Why a person's way through the pages came to nothing (RFC 6749 §4.1.2.1). */
export const refusedBy = (code: ErrorCode): { error: string; description: string } =>
  code === 'internal'
    ? { error: 'server_error', description: errorCodes.internal }
    : { error: 'access_denied', description: errorCodes[code] }
