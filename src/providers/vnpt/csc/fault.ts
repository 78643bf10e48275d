import { type ErrorCode, errorCodes, type ServiceError } from '../../../errors.js'
import type { DialectFault, FaultedCall } from '../../dialect/dialect.js'
import { oauthFault } from './oauth-fault.js'
import { authPath } from './paths.js'

/** HTTP status, `code` and `codeDesc` of a failure. */
type Fault = readonly [status: number, code: number, codeDesc: string]

const inputInvalid: Fault = [400, 30000, 'CLIENT_INPUT_INVALID']
/** Spelled as the real service spells it. */
const broken: Fault = [500, 50000, 'SERVAR_INTERNAL_ERROR']
const credentialUnknown: Fault = [400, 60000, 'CREDENTIAL_NOT_EXIST']
const credentialUnusable: Fault = [400, 60001, 'CREDENTIAL_NOT_MATCH_IDENTITY']
const transactionUnknown: Fault = [400, 62000, 'SIGNATURE_TRANSACTION_NOT_FOUND']
const dataInvalid: Fault = [400, 62010, 'SIGNATURE_DATA_REQUEST_INVALID_FORMAT']
const fileRefused: Fault = [400, 63002, 'CREDENTIAL_SIGN_FILE_UPLOAD_FAILED']
const fileTooLarge: Fault = [413, 63002, 'CREDENTIAL_SIGN_FILE_UPLOAD_FAILED']
const fileUnsupported: Fault = [400, 64000, 'UNSUPPORTED_FILE_TYPE']
/** The document has no numbers for these; the HTTP status is the number. */
const unauthorized: Fault = [401, 401, 'UNAUTHORIZED']
const tooMany: Fault = [429, 429, 'TOO_MANY_REQUESTS']
const later: Fault = [503, 503, 'SERVICE_UNAVAILABLE']

/** Failures by what they are (§3.4); all that is not here is `inputInvalid`. */
const faults: Readonly<Partial<Record<ErrorCode, Fault>>> = {
  authentication_required: unauthorized,
  authentication_failed: unauthorized,
  token_expired: unauthorized,
  permission_denied: [403, 403, 'FORBIDDEN'],

  request_too_large: [413, 30000, 'CLIENT_INPUT_INVALID'],
  media_type_unsupported: [415, 30000, 'CLIENT_INPUT_INVALID'],
  not_offered: [501, 30000, 'CLIENT_INPUT_INVALID'],

  credential_unusable: credentialUnusable,
  certificate_expired: credentialUnusable,
  sign_algorithm_refused: credentialUnusable,
  factor_required: credentialUnusable,
  activation_cancelled: credentialUnusable,

  digest_length_wrong: dataInvalid,
  hash_algorithm_refused: dataInvalid,
  signatures_too_many: dataInvalid,

  challenges_too_many: tooMany,
  too_many_requests: tooMany,
  login_locked: tooMany,
  hsm_busy: later,
  hsm_unavailable: later,
  database_unavailable: later,
  signature_uncertain: broken,
  integrity_broken: broken,
  internal: broken
}

/** A failure as this API says it: OAuth in the words of RFC 6749, everything else in the envelope. */
export function smartCaCscFault(failure: ServiceError, { path }: Pick<FaultedCall, 'path'>): DialectFault {
  if (path.includes(`${authPath}/`)) return oauthFault(failure)
  const [status, code, codeDesc] = byField(failure) ?? faults[failure.code] ?? inputInvalid
  const message = code === 50000 ? errorCodes[failure.code] : failure.says
  return { status, body: { code, codeDesc, message, content: null } }
}

/** Where the member at fault decides. */
function byField({ code, field = '' }: ServiceError): Fault | null {
  // 60001 and 62001, which say that something is another's, are never sent for that: it is as if there were none (I6).
  if (code === 'not_found') return field === 'tranId' ? transactionUnknown : credentialUnknown
  if (!field.startsWith('datas')) return null
  if (field.endsWith('.dataBase64')) {
    if (code === 'request_too_large') return fileTooLarge
    return code === 'request_invalid' || code === 'not_offered' ? fileRefused : null
  }
  if (code === 'not_offered') return fileUnsupported
  return code === 'request_invalid' ? dataInvalid : null
}
