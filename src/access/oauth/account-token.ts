import { jwtVerify } from 'jose'
import type { Clock } from '../../clock.js'
import { ServiceError } from '../../errors.js'
import type { OAuth } from './oauth.js'

/** How old an account_token may be, and how far its clock may be ahead of ours; the standard leaves it to us. */
const maxAgeS = 300
const clockToleranceS = 30
const lengthMax = 4096

/** What reading account tokens stands on. */
export interface AccountTokenDeps {
  /** SHA-256 of the client secret; null: there is no such relying party. */
  clientKey(provider: string, clientId: string): Promise<Uint8Array | null>
  /** True for one caller: single use of a token's id. */
  claimTokenId(use: { issuer: string; jti: string; rememberUntil: Date }): Promise<boolean>
  now: Clock
}

/**
 * `account_token` (CSC API v2 §8.4.1): a JWT, HS256 under the SHA-256 of the client secret, by which a relying party
 * says for which account of its own it opens the authorization page.
 */
export function createAccountTokens(deps: AccountTokenDeps): Pick<OAuth, 'readAccountToken'> {
  const { now } = deps
  const refuse = (why: string): ServiceError =>
    new ServiceError('authentication_failed', `account_token: ${why}`, { field: 'account_token' })

  return {
    async readAccountToken({ provider, clientId }, accountToken) {
      if (accountToken.length > lengthMax) throw refuse('too long')
      const key = await deps.clientKey(provider, clientId)
      if (key === null) throw refuse('of nobody')
      const { payload } = await jwtVerify(accountToken, key, {
        algorithms: ['HS256'],
        typ: 'JWT',
        requiredClaims: ['sub', 'iat', 'jti', 'azp'],
        maxTokenAge: maxAgeS,
        clockTolerance: clockToleranceS,
        currentDate: now()
      }).catch((error: unknown) => {
        throw refuse(error instanceof Error ? error.message : 'unreadable')
      })
      const { sub, jti, iat = 0, azp } = payload
      if (azp !== clientId) throw refuse('of another client')
      if (typeof sub !== 'string' || !/^\P{C}{1,128}$/u.test(sub)) throw refuse('sub is no account')
      if (typeof jti !== 'string' || !/^[!-~]{1,128}$/.test(jti)) throw refuse('jti is no identifier')
      const rememberUntil = new Date((iat + maxAgeS + 2 * clockToleranceS) * 1000)
      if (!(await deps.claimTokenId({ issuer: `account-token ${provider} ${clientId}`, jti, rememberUntil })))
        throw refuse('used before')
      return sub
    }
  }
}
