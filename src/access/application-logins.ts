import { ServiceError } from '../errors.js'
import type { Access } from './access.js'
import type { Logins } from './logins.js'
import type { GrantedTokens, Grants, OAuthApi } from './oauth/oauth.js'
import type { RelyingPartyRegister } from './relying-parties.js'

/**
 * The relying party of subscribers who log in with an application that names none (CSC API v1 §11.2, v2 §11.2): a
 * standing one of each provider. Wrong passwords are counted against it alone, so that nobody locks a login at another
 * relying party by it; devices show its name; an operator who removes it ends all such logins.
 */
export const applicationClientId = 'auth-login'
const applicationName = 'Ứng dụng ký số đăng nhập bằng mật khẩu'

/** Subscribers who log in with an application of their own. */
export interface ApplicationLogins {
  /**
   * @param by.remember Whether a refresh token is wanted.
   * @returns User-specific tokens of scope `service`; `refreshToken` null where none is wanted.
   * @throws ServiceError as `Logins.verify`; `second_factor_required` also means that no code was sent, since there
   *   is no way to bring one; `not_offered` after an operator removed the relying party.
   */
  logIn(
    by: OAuthApi & { login: string; password: string; remember: boolean }
  ): Promise<Omit<GrantedTokens, 'refreshToken'> & { refreshToken: string | null }>
  /** Exchanges a refresh token, which is used up by that. @throws ServiceError as `Grants.refresh`. */
  refresh(api: OAuthApi, refreshToken: string): Promise<GrantedTokens>
}

/** See `ApplicationLogins`. */
export function createApplicationLogins(deps: {
  logins: Pick<Logins, 'verify'>
  relyingParties: Pick<RelyingPartyRegister, 'ensure'>
  access: Pick<Access, 'issueToken'>
  grants: Pick<Grants, 'grant' | 'refresh'>
  /** Of audit events. */
  actor: string
}): ApplicationLogins {
  const { logins, relyingParties, access, grants, actor } = deps
  const clientId = applicationClientId

  return {
    async logIn({ provider, audience, login, password, remember }) {
      const { id: subscriberId } = await logins.verify({
        provider,
        clientId,
        login,
        password,
        sendsCode: false
      })
      // After the password, so that strangers make no rows and learn nothing.
      const party = await relyingParties.ensure({ provider, clientId, name: applicationName }, actor)
      if (party === null) throw new ServiceError('not_offered', `${provider}/${clientId} was removed`)
      const client = { provider, audience, clientId }
      if (remember) return grants.grant({ ...client, subscriberId })
      const issued = await access.issueToken({ ...client, subscriberId, scope: 'service' })
      return { ...issued, refreshToken: null }
    },

    refresh: ({ provider, audience }, refreshToken) =>
      grants.refresh({ provider, audience, clientId }, refreshToken)
  }
}
