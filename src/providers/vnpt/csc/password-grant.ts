import type { Logins } from '../../../access/logins.js'
import type { GrantedTokens, Grants, OAuthClient } from '../../../access/oauth/oauth.js'
import { ServiceError } from '../../../errors.js'
import { refreshTtlS } from './terms.js'

/**
 * Tokens for a password (RFC 6749 §4.3). Wrong ones are counted for each relying party by itself, also for logins that
 * nobody has, and lock the login for a while.
 * @throws ServiceError `authentication_failed` with `field` `password`, `login_locked`, `second_factor_required`,
 *   `too_many_requests`.
 */
export async function passwordGrant(
  { logins, oauth }: { logins: Pick<Logins, 'verify'>; oauth: Pick<Grants, 'grant'> },
  client: OAuthClient,
  { login, password }: { login: string; password: string }
): Promise<GrantedTokens> {
  const { provider, clientId } = client
  try {
    const { id: subscriberId } = await logins.verify({
      provider,
      clientId,
      login,
      password,
      sendsCode: false
    })
    return await oauth.grant({ ...client, subscriberId, refreshTtlS })
  } catch (error) {
    throw error instanceof ServiceError ? told(error) : error
  }
}

/** The same in the words of the grant. */
function told(failure: ServiceError): ServiceError {
  const { code, message, retryAfterS, attemptsLeft = 0 } = failure
  const as = (says: string, more: { retryAfterS?: number } = {}) =>
    new ServiceError(code, message, { says, field: 'password', cause: failure, ...more })
  switch (code) {
    case 'authentication_failed':
      return as(`The username or the password is wrong. Attempts left: ${attemptsLeft}.`)
    case 'login_locked':
      return as(`Too many wrong passwords: the login is locked for ${retryAfterS ?? 1} s.`, {
        ...(retryAfterS !== undefined && { retryAfterS })
      })
    case 'second_factor_required':
      return as('This login asks for a one-time code besides: use auth/authorize.')
    default:
      return failure
  }
}
