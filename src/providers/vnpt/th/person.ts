import { Type } from 'typebox'
import type { Logins } from '../../../access/logins.js'
import type { Totp } from '../../../access/totp.js'
import type { Subscriber } from '../../../enrolment/enrolment.js'
import { ServiceError } from '../../../errors.js'
import type { DialectCaller } from '../../dialect/caller.js'

/** The member that both calls have. */
export const password = Type.String({ minLength: 1, maxLength: 128, description: 'Of the subscriber' })

/**
 * Proves a person by password, in addition to what the phone confirms.
 * @throws ServiceError `authentication_failed` with `field` `password` (unknown login or wrong password, not told
 *   apart), `login_locked`, `too_many_requests`.
 */
export async function requirePassword(
  logins: Pick<Logins, 'verify'>,
  by: { provider: string; clientId: string; login: string; password: string }
): Promise<void> {
  try {
    await logins.verify({ ...by, sendsCode: false })
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error
    // The password is right; the code that is asked for here is a stronger second factor than one that is sent.
    if (error.code === 'second_factor_required') return
    if (error.code !== 'authentication_failed') throw error
    throw new ServiceError('authentication_failed', error.message, {
      field: 'password',
      says: 'Nobody has this user_id, or the password is wrong.'
    })
  }
}

/** @throws ServiceError as `Totp.require`; where the subscriber has no secret it says whose call gives one. */
export async function requireOtp(
  totp: Pick<Totp, 'require'>,
  { party, findings }: DialectCaller,
  subscriber: Subscriber,
  otp: string
): Promise<void> {
  try {
    await totp.require({ clientId: party.clientId, subscriber }, otp)
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code !== 'factor_required') throw error
    findings.refuse(
      {
        code: 'totp_missing',
        field: 'otp',
        found: 'The subscriber has no TOTP secret, so no one-time code is right.',
        remedy:
          'An operator gives one by POST /operator/subscribers/{id}/totp; version 1 of sign asks for none.'
      },
      'factor_required'
    )
  }
}
