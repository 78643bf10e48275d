import { hash } from 'node:crypto'
import type { Audit } from '../audit/audit.js'
import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'
import { batched } from '../store/batch.js'
import type { Access, AccessGrant } from './access.js'
import { newSecret } from './client-secret.js'
import type { AccessTokenRecord, AccessTokenStore } from './needs.js'
import { createRecent } from './recent.js'
import { accessCacheMaxAgeMs, type RelyingPartyLookup } from './relying-parties.js'

/** Tokens kept in memory, at most; some 0.5 KB each. */
const tokensKept = 50_000
/** Tokens that share one statement, at most. */
const batchLimit = 256
/** How long after its end a token is still answered with `token_expired` instead of as unknown. */
const expiredKnownForMs = 24 * 3_600_000

/** The longest life of a token, in seconds. */
const ttlMaxS = 366 * 86_400

const tokenForm = /^[A-Za-z0-9_-]{43}$/

/** Issues, checks and revokes access tokens. */
export interface Tokens extends Pick<Access, 'issueToken' | 'verifyToken' | 'redeemToken'> {
  /**
   * Makes a token useless from now on, on every server within moments and after 10 s at the latest (RFC 7009).
   * @returns False: it is not a token of this client at this provider and audience, and was left alone.
   */
  revokeToken(of: {
    provider: string
    audience: string
    clientId: string
    accessToken: string
  }): Promise<boolean>
  /** Reads these anew when they come next: something ended them. Hashes as in the record. */
  forget(tokensSha256: readonly string[]): void
  /** Forgets tokens that ended a day ago. Called by the server's timer; returns how many. */
  purge(): Promise<number>
  close(): Promise<void>
}

/** Opaque tokens: 256 random bits, stored as SHA-256, remembered for at most `accessCacheMaxAgeMs`. */
export async function openTokens(deps: {
  store: AccessTokenStore
  parties: Pick<RelyingPartyLookup, 'relyingParty'>
  audit: Audit
  now: Clock
  tokenTtlS: number
}): Promise<Tokens> {
  const { store, parties, audit, now, tokenTtlS } = deps

  const add = batched<AccessTokenRecord, null>(
    async (records) => {
      await store.add(records)
      return records.map(() => null)
    },
    { limit: batchLimit, lanes: 2 }
  )
  const find = batched<string, AccessTokenRecord | null>((tokens) => store.find(tokens), {
    limit: batchLimit,
    lanes: 2
  })
  const recent = createRecent<AccessTokenRecord>({
    max: tokensKept,
    maxAgeMs: accessCacheMaxAgeMs,
    now,
    load: find
  })
  const stop = await store.watch((tokenSha256) => recent.forget(tokenSha256))

  /** What a record is good for now. @throws as `verifyToken`. */
  async function grantOf(
    record: AccessTokenRecord | null,
    { provider, audience }: { provider: string; audience: string }
  ): Promise<AccessGrant> {
    if (record === null || record.provider !== provider || record.audience !== audience) {
      throw new ServiceError(
        'authentication_failed',
        record === null ? 'unknown token' : 'token for another audience'
      )
    }
    if (record.revokedAt !== null) throw new ServiceError('token_expired', 'the token was revoked')
    if (record.expiresAt <= now()) throw new ServiceError('token_expired', 'the token has expired')
    if ((await parties.relyingParty(provider, record.clientId)) === null) {
      throw new ServiceError('token_expired', 'the relying party of the token was removed')
    }
    const { clientId, subscriberId, scope, expiresAt } = record
    return { provider, audience, clientId, subscriberId, scope, expiresAt }
  }

  return {
    async issueToken(grant) {
      const { provider, audience, clientId, subscriberId, scope, ttlS = tokenTtlS } = grant
      if (!Number.isInteger(ttlS) || ttlS < 1 || ttlS > ttlMaxS) throw new RangeError(`ttlS ${ttlS}`)
      const accessToken = newSecret()
      const tokenSha256 = sha256(accessToken)
      const issuedAt = now()
      const expiresAt = new Date(issuedAt.getTime() + ttlS * 1000)
      await add({
        provider,
        audience,
        clientId,
        subscriberId,
        scope,
        tokenSha256,
        issuedAt,
        expiresAt,
        revokedAt: null,
        grantId: null
      })
      await audit.record({
        type: 'client.authenticated',
        actor: `relying-party:${provider}/${clientId}`,
        about: {
          provider,
          clientId,
          audience,
          subscriberId,
          scope,
          tokenSha256,
          expiresAt: expiresAt.toISOString()
        }
      })
      return { accessToken, expiresInS: ttlS }
    },

    async verifyToken(provider, audience, accessToken): Promise<AccessGrant> {
      const record = tokenForm.test(accessToken) ? await recent.get(sha256(accessToken)) : null
      return grantOf(record, { provider, audience })
    },

    async redeemToken({ accessToken, ...of }) {
      const tokenSha256 = sha256(accessToken)
      const record = tokenForm.test(accessToken) ? await find(tokenSha256) : null
      if (record !== null && record.clientId !== of.clientId)
        throw new ServiceError('authentication_failed', 'token of another relying party')
      const grant = await grantOf(record, of)
      if (!(await store.revoke({ ...of, tokenSha256 }, now())))
        throw new ServiceError('token_expired', 'the token was used up meanwhile')
      recent.forget(tokenSha256) // before the announcement arrives
      await audit.record({
        type: 'token.redeemed',
        actor: `relying-party:${of.provider}/${of.clientId}`,
        about: { ...of, subscriberId: grant.subscriberId, tokenSha256 }
      })
      return grant
    },

    async revokeToken({ accessToken, ...of }) {
      if (!tokenForm.test(accessToken)) return false
      const tokenSha256 = sha256(accessToken)
      const record = await find(tokenSha256)
      const { provider, audience, clientId } = of
      if (record?.provider !== provider || record.audience !== audience || record.clientId !== clientId)
        return false
      if (!(await store.revoke({ ...of, tokenSha256 }, now()))) return true // it was before
      recent.forget(tokenSha256) // before the announcement arrives
      await audit.record({
        type: 'token.revoked',
        actor: `relying-party:${of.provider}/${of.clientId}`,
        about: { ...of, tokenSha256 }
      })
      return true
    },

    forget(tokensSha256) {
      for (const token of tokensSha256) recent.forget(token)
    },

    purge: () => store.purge(new Date(now().getTime() - expiredKnownForMs)),

    async close() {
      await stop()
    }
  }
}

/** Lower-case hex: half the time of a hash object, and fit to be a key of the cache. */
const sha256 = (token: string) => hash('sha256', token, 'hex')
