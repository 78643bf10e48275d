import { type ErrorCode, errorCodes, type ServiceError } from '../../errors.js'
import type { DialectFault } from '../dialect/dialect.js'

/** Codes of the annex dialects (providers: VNPT sp769 §3.1.5; CA2 and the gateway share them). */
type Symbol =
  | 'BAD_REQUEST'
  | 'SP_CREDENTIAL_INVALID'
  | 'CREDENTIAL_STATUS_INVALID'
  | 'TOO_MANY_REQUESTS'
  | 'SERVICE_UNAVAILABLE'
  | 'SERVER_INTERNAL_ERROR'

const statusOf: Readonly<Record<Symbol, number>> = {
  BAD_REQUEST: 400,
  SP_CREDENTIAL_INVALID: 401,
  CREDENTIAL_STATUS_INVALID: 403,
  TOO_MANY_REQUESTS: 429,
  SERVICE_UNAVAILABLE: 503,
  SERVER_INTERNAL_ERROR: 500
}

/** Failures that are not the request's fault, and not everybody's to see; all others are BAD_REQUEST. */
const symbols: Readonly<Partial<Record<ErrorCode, Symbol>>> = {
  authentication_required: 'SP_CREDENTIAL_INVALID',
  authentication_failed: 'SP_CREDENTIAL_INVALID',
  token_expired: 'SP_CREDENTIAL_INVALID',
  credential_unusable: 'CREDENTIAL_STATUS_INVALID',
  certificate_expired: 'CREDENTIAL_STATUS_INVALID',
  too_many_requests: 'TOO_MANY_REQUESTS',
  challenges_too_many: 'TOO_MANY_REQUESTS',
  hsm_busy: 'SERVICE_UNAVAILABLE',
  hsm_unavailable: 'SERVICE_UNAVAILABLE',
  database_unavailable: 'SERVICE_UNAVAILABLE',
  signature_uncertain: 'SERVER_INTERNAL_ERROR',
  integrity_broken: 'SERVER_INTERNAL_ERROR',
  internal: 'SERVER_INTERNAL_ERROR'
}

/** A failure in the envelope: HTTP status and `status_code` alike, the symbol, and a sentence that real clients ignore. */
export function annexFault(failure: ServiceError): DialectFault {
  const symbol = symbols[failure.code] ?? 'BAD_REQUEST'
  const description = symbol === 'SERVER_INTERNAL_ERROR' ? errorCodes[failure.code] : failure.says
  return annexAnswer(statusOf[symbol], symbol, description)
}

/** How an ended transaction that has no signatures looks where it is asked for. */
export const annexEnded = {
  unusable: annexAnswer(
    statusOf.CREDENTIAL_STATUS_INVALID,
    'CREDENTIAL_STATUS_INVALID',
    errorCodes.activation_cancelled
  ),
  failed: annexAnswer(statusOf.SERVER_INTERNAL_ERROR, 'SERVER_INTERNAL_ERROR', errorCodes.signature_uncertain)
} as const

function annexAnswer(status: number, message: Symbol, description: string) {
  return { status, body: { status_code: status, message, description, data: null } }
}
