import { type ErrorCode, errorCodes, type ServiceError } from '../../../errors.js'
import type { DialectFault } from '../../dialect/dialect.js'

/** HTTP status and `error` of a failure. */
type Fault = readonly [status: number, error: string]

/** What was sent cannot be read or served. */
const inputInvalid: Fault = [400, '30000']
const badToken: Fault = [401, 'invalid_token']
const later: Fault = [503, 'temporarily_unavailable']
const tooMany: Fault = [429, 'temporarily_unavailable']
const broken: Fault = [500, '50000']

/**
 * Numbers of §4.2 and §4.3 where there are any; VNPT's of §3.4 for what those leave out, since both number alike; words
 * of OAuth (RFC 6749 §5.2, RFC 6750 §3.1) for the rest. All that is not here is `inputInvalid`.
 */
const faults: Readonly<Partial<Record<ErrorCode, Fault>>> = {
  authentication_required: badToken,
  token_expired: badToken,
  // 58007, an unknown client, is never sent: it would tell strangers which names exist (I6).
  authentication_failed: [401, '86024'],
  permission_denied: [403, 'insufficient_scope'],

  request_too_large: [413, '30000'],
  media_type_unsupported: [415, '30000'],
  not_found: [400, '60000'],
  not_offered: [501, 'not_implemented'],

  credential_unusable: [400, '13004'],
  certificate_expired: [400, '13004'],
  activation_cancelled: [400, '13004'],
  activation_waiting: [400, '4000'],
  activation_expired: [400, '4001'],
  activation_rejected: [400, '4002'],
  signature_uncertain: [500, '4004'],

  session_open: [400, '60110'],
  challenges_too_many: tooMany,
  too_many_requests: tooMany,
  login_locked: tooMany,
  hsm_busy: later,
  hsm_unavailable: later,
  database_unavailable: later,
  integrity_broken: broken,
  internal: broken
}

/** What was not found, by the member that named it; 58008, an unknown user, is never sent (I6). */
const unknown: Readonly<Record<string, Fault>> = {
  user_id: [401, '59033'],
  transactionId: [400, '62000']
}

/** A failure as `{error, error_description}` (§4.2). */
export function mySignFault(failure: ServiceError): DialectFault {
  const named = failure.code === 'not_found' ? unknown[failure.field ?? ''] : undefined
  const [status, error] = named ?? faults[failure.code] ?? inputInvalid
  const error_description = error === '50000' ? errorCodes[failure.code] : failure.says
  return { status, body: { error, error_description } }
}
