import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { type ErrorCode, errorCodes, ServiceError } from '../errors.js'

/** The HTTP status of each failure on our own surfaces (RFC 9110 §15, RFC 6585 §4 for 429). */
export const problemStatus: Readonly<Record<ErrorCode, number>> = {
  authentication_required: 401,
  authentication_failed: 401,
  token_expired: 401,
  permission_denied: 403,

  request_invalid: 400,
  request_too_large: 413,
  media_type_unsupported: 415,
  host_unknown: 421,
  not_found: 404,
  method_unknown: 405,
  too_many_requests: 429,
  idempotency_conflict: 409,

  login_taken: 409,
  state_conflict: 409,
  consent_required: 409,
  activation_code_invalid: 400,
  login_locked: 403,
  second_factor_required: 401,
  credential_unusable: 409,
  certificate_expired: 409,

  factor_required: 409,
  factor_wrong: 400,
  factor_locked: 403,

  challenges_too_many: 429,
  signatures_too_many: 400,
  session_open: 409,
  hash_algorithm_refused: 400,
  digest_length_wrong: 400,
  challenge_ended: 409,
  biometric_token_refused: 400,
  activation_waiting: 409,
  activation_rejected: 409,
  activation_expired: 409,
  activation_cancelled: 409,
  transaction_taken: 409,

  sad_invalid: 400,
  sad_expired: 400,
  digest_not_authorized: 400,
  sign_algorithm_refused: 400,

  hsm_busy: 503,
  hsm_unavailable: 503,
  signature_uncertain: 500,
  database_unavailable: 503,
  integrity_broken: 500,
  not_offered: 501,
  internal: 500
}

/** A problem details object (RFC 9457), with our extension members. */
export interface Problem {
  /** Names the code; there is nothing to fetch at it. */
  type: string
  title: string
  status: number
  detail: string
  code: ErrorCode
  requestId: string
  field?: string
  /** The state that stands in the way, such as that of a challenge which has ended. */
  state?: string
}

export const problemMediaType = 'application/problem+json'

export function problemOf(error: ServiceError, requestId: string): Problem {
  return {
    type: `urn:kyso:problem:${error.code}`,
    title: errorCodes[error.code],
    status: problemStatus[error.code],
    detail: error.says,
    code: error.code,
    requestId,
    ...(error.field === undefined ? {} : { field: error.field }),
    ...(error.state === undefined ? {} : { state: error.state })
  }
}

/**
 * Any error as the failure it means to a client: what fastify says of the request, and everything unknown as
 * `internal`. Every surface's error handler starts with it.
 */
export function asServiceError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error
  if (!(error instanceof Error))
    return new ServiceError('internal', 'something that is not an error was thrown')
  const { validation, validationContext, code, statusCode } = error as Partial<FastifyError>
  if (validation !== undefined) return invalidRequest(validation[0], validationContext)
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new ServiceError('request_too_large', error.message)
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return new ServiceError('media_type_unsupported', error.message)
  // The parser's own message quotes what was sent.
  if (error instanceof SyntaxError || code === 'FST_ERR_CTP_INVALID_JSON_BODY')
    return new ServiceError('request_invalid', 'malformed JSON', {
      says: 'The body is not well-formed JSON.'
    })
  if (statusCode === 404) return new ServiceError('not_found', error.message)
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new ServiceError('request_invalid', error.message)
  return new ServiceError('internal', error.message, { cause: error })
}

/** `first`: what the validator (ajv) found first. */
function invalidRequest(
  first: NonNullable<FastifyError['validation']>[number] | undefined,
  part: FastifyError['validationContext']
): ServiceError {
  if (first === undefined) return new ServiceError('request_invalid', 'refused by its schema')
  const missing = first.keyword === 'required' ? first.params.missingProperty : undefined
  const path = first.instancePath.split('/').slice(1)
  if (typeof missing === 'string') path.push(missing)
  // JSON pointer (RFC 6901 §4) to the way people write it: hashes[0].name
  const field = path
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce(
      (name, step) => (/^[0-9]+$/.test(step) ? `${name}[${step}]` : name === '' ? step : `${name}.${step}`),
      ''
    )
  const where = part === undefined || part === 'body' ? '' : ` (${part})`
  const name = field === '' ? 'The body' : field
  const what = missing === undefined ? (first.message ?? 'is not acceptable') : 'is required'
  return new ServiceError('request_invalid', `${name}${where} ${what}`, {
    says: `${name} ${what}.`,
    ...(field === '' ? {} : { field })
  })
}

/** Answers an error as a problem and writes the part that is not for the client to the log, under the request's id. */
export function problemErrorHandler(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply
): FastifyReply {
  const failure = asServiceError(error)
  logFailure(failure, request)
  return sendProblem(failure, request, reply)
}

/** Expected failures in one line, what is ours to mend with its causes. */
export function logFailure(failure: ServiceError, request: FastifyRequest): void {
  if (problemStatus[failure.code] >= 500) request.log.error({ err: failure }, 'request failed')
  else request.log.info({ problem: failure.code, reason: failure.message }, 'request refused')
}

export function sendProblem(
  failure: ServiceError,
  request: FastifyRequest,
  reply: FastifyReply
): FastifyReply {
  const status = problemStatus[failure.code]
  if (status === 401) reply.header('www-authenticate', 'Bearer')
  const retryAfterS = failure.retryAfterS ?? (status === 503 ? 1 : undefined)
  if (retryAfterS !== undefined) reply.header('retry-after', String(Math.ceil(retryAfterS)))
  // Serialized here: a route's response schema is for what succeeds.
  return reply
    .code(status)
    .type(problemMediaType)
    .serializer((body: unknown) => JSON.stringify(body))
    .send(problemOf(failure, request.id))
}
