import { type ErrorCode, errorCodes, type ServiceError } from '../../../errors.js'
import type { DialectFault, FaultedCall } from '../../dialect/dialect.js'
import { loginAnswer } from './login-envelope.js'
import { inLoginEnvelope } from './paths.js'

/** A kind of failure as the real service might name it. Only e400, e2001 and their texts are known (§5.5); the rest follows them. */
interface Kind {
  /** HTTP status. */
  status: number
  /** `error` of a bare failure. */
  error: string
  /** `errorCode` of a bare failure; in the envelope of logins it is a number. */
  errorCode: string
  loginErrorCode: number
  userMsg: string
}

const invalid: Kind = {
  status: 400,
  error: 'bad_request',
  errorCode: 'e400',
  loginErrorCode: 400,
  userMsg: 'Dữ liệu gửi lên không đúng. Vui lòng xem danh sách validationFailures.'
}
const client: Kind = {
  status: 401,
  error: 'client_invalid',
  errorCode: 'e2000',
  loginErrorCode: 401,
  userMsg: 'Ứng dụng tích hợp chưa được xác thực.'
}
const token: Kind = {
  status: 401,
  error: 'access_token_invalid',
  errorCode: 'e2001',
  loginErrorCode: 401,
  userMsg: 'Phiên đăng nhập không hợp lệ hoặc đã hết hạn.'
}
const refreshToken: Kind = { ...token, error: 'refresh_token_invalid', errorCode: 'e2002' }
const password: Kind = {
  status: 401,
  error: 'login_failed',
  errorCode: 'e1000',
  loginErrorCode: 1000,
  userMsg: 'Tên đăng nhập hoặc mật khẩu không đúng.'
}
const code: Kind = {
  status: 400,
  error: 'otp_invalid',
  errorCode: 'e1001',
  loginErrorCode: 1001,
  userMsg: 'Mã xác thực không đúng hoặc đã hết hạn.'
}
const locked: Kind = {
  status: 403,
  error: 'login_locked',
  errorCode: 'e1003',
  loginErrorCode: 1003,
  userMsg: 'Tài khoản tạm khoá vì nhập sai vượt quá số lần cho phép.'
}
const unknown: Kind = {
  status: 404,
  error: 'not_found',
  errorCode: 'e404',
  loginErrorCode: 404,
  userMsg: 'Không tìm thấy dữ liệu.'
}
const noMethod: Kind = {
  status: 405,
  error: 'method_not_allowed',
  errorCode: 'e405',
  loginErrorCode: 405,
  userMsg: 'Địa chỉ này không nhận yêu cầu.'
}
const certificate: Kind = {
  status: 403,
  error: 'certificate_inactive',
  errorCode: 'e403',
  loginErrorCode: 403,
  userMsg: 'Chứng thư số không còn hiệu lực hoặc đang tạm dừng.'
}
const crowded: Kind = {
  status: 429,
  error: 'too_many_requests',
  errorCode: 'e429',
  loginErrorCode: 429,
  userMsg: 'Có quá nhiều yêu cầu đang chờ. Vui lòng thử lại sau.'
}
const broken: Kind = {
  status: 500,
  error: 'server_error',
  errorCode: 'e500',
  loginErrorCode: 500,
  userMsg: 'Hệ thống gặp lỗi.'
}
const notOffered: Kind = {
  status: 501,
  error: 'not_offered',
  errorCode: 'e501',
  loginErrorCode: 501,
  userMsg: 'Chức năng chưa được cung cấp.'
}
const down: Kind = {
  status: 503,
  error: 'unavailable',
  errorCode: 'e503',
  loginErrorCode: 503,
  userMsg: 'Hệ thống đang bận. Vui lòng thử lại sau.'
}

/** All others are the request's fault. */
const kinds: Readonly<Partial<Record<ErrorCode, Kind>>> = {
  authentication_required: client,
  authentication_failed: client,
  token_expired: token,
  login_locked: locked,
  not_found: unknown,
  method_unknown: noMethod,
  credential_unusable: certificate,
  certificate_expired: certificate,
  request_too_large: { ...invalid, status: 413 },
  media_type_unsupported: { ...invalid, status: 415 },
  too_many_requests: crowded,
  challenges_too_many: crowded,
  hsm_busy: down,
  hsm_unavailable: down,
  database_unavailable: down,
  signature_uncertain: broken,
  integrity_broken: broken,
  internal: broken,
  not_offered: notOffered
}

/** Which of the secrets that a call carries was wrong. */
const kindsByField: Readonly<Record<string, Kind>> = { password, code, refreshToken }

/**
 * A failure in the dialect's words: bare for signing calls and `refreshtoken`, in the envelope of logins for the others
 * (§5.2, §5.5). What was invalid is listed in `validationFailures`.
 */
export function fault(failure: ServiceError, { path, requestId }: FaultedCall): DialectFault {
  const kind = kindOf(failure)
  const { status, userMsg } = kind
  const devMsg = status === broken.status ? errorCodes[failure.code] : failure.says
  if (inLoginEnvelope(path)) {
    const { loginErrorCode: errorCode } = kind
    return { status, body: loginAnswer({ code: status, error: true, errorCode, devMsg, userMsg }, null) }
  }
  const bare = { error: kind.error, errorCode: kind.errorCode, devMsg, userMsg }
  if (kind.errorCode !== invalid.errorCode) return { status, body: bare }
  const validationFailures = [{ property: failure.field ?? '', failureReason: failure.says }]
  return { status, body: { ...bare, moreInfo: null, traceId: requestId, validationFailures } }
}

function kindOf({ code: failed, field = '' }: ServiceError): Kind {
  const secret =
    failed === 'authentication_failed' || failed === 'token_expired' ? kindsByField[field] : undefined
  return secret ?? kinds[failed] ?? invalid
}
