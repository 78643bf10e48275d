import type { Access } from '../../../access/access.js'
import { ServiceError } from '../../../errors.js'

/** What each of the three tokens is good for; none passes for another. */
export const audiences = {
  /** `accessToken`: the person's MISA ID, which no signing call takes. */
  access: 'misa/access',
  /** `remoteSigningAccessToken`. */
  remoteSigning: 'misa/remote-signing',
  /** `refreshToken`, single use. */
  refresh: 'misa/refresh'
} as const

/** Life of a refresh token. Nothing public says how long a real one lives. */
const refreshTtlS = 30 * 86_400

/** The tokens of one login, in the words of the answer. */
export interface Session {
  accessToken: string
  remoteSigningAccessToken: string
  refreshToken: string
  /** Seconds that the first two live. */
  expiresIn: number
}

/** Whose session: one subscriber at one relying party. */
export interface SessionOwner {
  provider: string
  clientId: string
  subscriberId: string
}

/** Issues the three tokens of a login or of a renewal. */
export async function openSession(access: Pick<Access, 'issueToken'>, owner: SessionOwner): Promise<Session> {
  const [login, signing, refresh] = await Promise.all([
    access.issueToken({ ...owner, audience: audiences.access, scope: 'misa-id' }),
    access.issueToken({ ...owner, audience: audiences.remoteSigning, scope: 'remote-signing' }),
    access.issueToken({ ...owner, audience: audiences.refresh, scope: 'refresh', ttlS: refreshTtlS })
  ])
  return {
    accessToken: login.accessToken,
    remoteSigningAccessToken: signing.accessToken,
    refreshToken: refresh.accessToken,
    expiresIn: signing.expiresInS
  }
}

/**
 * Trades a refresh token for a new session; the old refresh token is used up, of two calls with it one is served.
 * @throws ServiceError `token_expired`, whatever is wrong with the token.
 */
export async function renewSession(
  access: Pick<Access, 'issueToken' | 'redeemToken'>,
  { provider, clientId, refreshToken }: { provider: string; clientId: string; refreshToken: string }
): Promise<Session> {
  const { subscriberId } = await access
    .redeemToken({ provider, clientId, audience: audiences.refresh, accessToken: refreshToken })
    .catch((cause: unknown) => {
      throw asUnusable(cause, 'refreshToken')
    })
  if (subscriberId === null) throw new TypeError('a refresh token of nobody')
  return openSession(access, { provider, clientId, subscriberId })
}

/** Unknown, of another kind, of another relying party, expired: to whoever sends it, a token that is not good (I6). */
export function asUnusable(cause: unknown, field: string): unknown {
  if (!(cause instanceof ServiceError)) return cause
  if (cause.code !== 'authentication_failed' && cause.code !== 'token_expired') return cause
  return new ServiceError('token_expired', cause.message, { cause, field, says: `${field} is not valid.` })
}
