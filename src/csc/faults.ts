import type { ErrorCode, ServiceError } from '../errors.js'

/** An answer that is not a success, in the words of CSC API §10: `error` and `error_description`. */
export class CscFault extends Error {
  override readonly name = 'CscFault'
  /** Fastify reads the status from here when a validator returns the fault. */
  readonly statusCode: number
  readonly error: string
  readonly description: string
  readonly headers: Readonly<Record<string, string>>

  constructor(statusCode: number, error: string, description: string, headers: Record<string, string> = {}) {
    super(`${error}: ${description}`)
    this.statusCode = statusCode
    this.error = error
    this.description = description
    this.headers = headers
  }
}

/** The standard description of `invalid_request` (CSC API v1 §10.1). */
export const invalidRequestText =
  'The request is missing a required parameter, includes an invalid parameter value, includes a parameter more than once, or is otherwise malformed.'
const serverErrorText =
  'The authorization server encountered an unexpected condition that prevented it from fulfilling the request.'
const unavailableText =
  'The authorization server is currently unable to handle the request due to a temporary overloading or maintenance of the server.'
const expiredTokenText = 'The access or refresh token is expired or has been revoked.'
const invalidTokenText = 'The token provided is not a valid OAuth access or refresh token.'
/** RFC 6750 §3. */
const bearer = (error: string) => ({ 'www-authenticate': `Bearer error="${error}"` })

/** A parameter or state that the tables of the standard answer with 400 `invalid_request`. */
export const invalidRequest = (description: string = invalidRequestText): CscFault =>
  new CscFault(400, 'invalid_request', description)

/** How each failure of the service looks here. `named` is what the call in question calls the thing it names. */
const faults: Readonly<Record<ErrorCode, (failure: ServiceError, named: string) => CscFault>> = {
  authentication_required: () =>
    new CscFault(401, 'invalid_token', invalidTokenText, bearer('invalid_token')),
  authentication_failed: () => new CscFault(401, 'invalid_token', invalidTokenText, bearer('invalid_token')),
  token_expired: () => new CscFault(401, 'expired_token', expiredTokenText, bearer('invalid_token')),
  permission_denied: () =>
    new CscFault(400, 'unauthorized_client', 'The client is not authorized to use this method.'),
  request_invalid: ({ field }) =>
    invalidRequest(field === undefined ? undefined : `Invalid value for parameter ${field}`),
  request_too_large: () => new CscFault(413, 'invalid_request', 'The request is too large.'),
  media_type_unsupported: () =>
    new CscFault(415, 'invalid_request', 'The request body must be application/json.'),
  host_unknown: () => new CscFault(421, 'invalid_request', 'The Host header does not name this server.'),
  not_found: (_, named) => invalidRequest(`Invalid parameter ${named}`),
  method_unknown: () => new CscFault(404, 'invalid_request', 'There is no such method.'),
  too_many_requests: (failure) => tooMany(failure, 'Too many requests are open at once.'),
  idempotency_conflict: () => invalidRequest(),
  login_taken: () => invalidRequest(),
  state_conflict: () => invalidRequest(),
  consent_required: () => invalidRequest(),
  activation_code_invalid: () => invalidRequest(),
  login_locked: () => new CscFault(400, 'access_denied', 'The login is locked.'),
  second_factor_required: () => invalidRequest(),
  credential_unusable: () => invalidRequest('The credential identified by credentialID is disabled'),
  certificate_expired: () => invalidRequest('Signing certificate is expired.'),
  factor_required: () =>
    new CscFault(400, 'unauthorized_client', 'The client is not authorized to use this method.'),
  factor_wrong: () => new CscFault(400, 'invalid_authentication_data', 'The authentication data is invalid'),
  factor_locked: () => invalidRequest('Credential locked'),
  challenges_too_many: (failure) => tooMany(failure, 'Too many requests wait for this user.'),
  session_open: () => invalidRequest(),
  signatures_too_many: () => invalidRequest('Numbers of signatures is too high'),
  hash_algorithm_refused: () => invalidRequest('Invalid parameter hashAlgorithmOID'),
  digest_length_wrong: () => invalidRequest('Invalid digest value length'),
  challenge_ended: (_, named) => invalidRequest(`Invalid parameter ${named}`),
  biometric_token_refused: () => invalidRequest(),
  activation_waiting: () => new CscFault(202, 'accepted_request', 'The user has not answered yet.'),
  activation_rejected: () => new CscFault(400, 'access_denied', 'The user rejected the request.'),
  activation_expired: () =>
    new CscFault(400, 'access_denied', 'The request expired before the user confirmed it.'),
  activation_cancelled: () => new CscFault(400, 'access_denied', 'The request was cancelled.'),
  transaction_taken: () => invalidRequest(),
  sad_invalid: (_, named) => invalidRequest(`Invalid parameter ${named === 'handle' ? 'handle' : 'SAD'}`),
  sad_expired: () => invalidRequest('SAD expired'),
  digest_not_authorized: () => invalidRequest('Hash is not authorized by the SAD.'),
  sign_algorithm_refused: () => invalidRequest('Invalid parameter signAlgo'),
  hsm_busy: (failure) => unavailable(failure),
  hsm_unavailable: (failure) => unavailable(failure),
  signature_uncertain: () => new CscFault(500, 'server_error', serverErrorText),
  database_unavailable: (failure) => unavailable(failure),
  integrity_broken: () => new CscFault(500, 'server_error', serverErrorText),
  not_offered: () => new CscFault(501, 'not_implemented', 'The service does not offer this method.'),
  internal: () => new CscFault(500, 'server_error', serverErrorText)
}

/**
 * The one place where a failure of the service becomes a CSC error.
 * @param named The parameter that names what was not found: `credentialID`, `handle`, `userID`.
 */
export function faultOf(failure: ServiceError, named: string): CscFault {
  return faults[failure.code](failure, named)
}

function unavailable({ retryAfterS = 5 }: ServiceError): CscFault {
  return new CscFault(503, 'temporarily_unavailable', unavailableText, { 'retry-after': String(retryAfterS) })
}

function tooMany({ retryAfterS = 30 }: ServiceError, description: string): CscFault {
  return new CscFault(429, 'temporarily_unavailable', description, { 'retry-after': String(retryAfterS) })
}
