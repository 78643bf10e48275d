import type { ServiceError } from '../../../errors.js'
import { annexFault } from '../../annex/envelope.js'
import type { DialectFault } from '../../dialect/dialect.js'

/** `status_code` of whatever is wrong with the one-time code (§3.1.5). */
const otpTrouble = 1003

/** A failure as sp769 has it, and what only these calls meet: passwords and one-time codes. */
export function thFault(failure: ServiceError): DialectFault {
  const answer = (status: number, status_code: number, message: string): DialectFault => ({
    status,
    body: { status_code, message, description: failure.says, data: null }
  })
  switch (failure.code) {
    case 'factor_required':
    case 'factor_wrong':
      return answer(400, otpTrouble, 'OTP_INVALID')
    case 'factor_locked':
      return answer(429, otpTrouble, 'OTP_LOCKED')
    case 'login_locked':
      return answer(429, 429, 'TOO_MANY_REQUESTS')
    case 'authentication_failed':
      return failure.field === 'password' ? answer(401, 401, 'USER_CREDENTIAL_INVALID') : annexFault(failure)
    default:
      return annexFault(failure)
  }
}
