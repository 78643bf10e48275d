import { v7 as uuidv7 } from 'uuid'
import type { Activation, Activations } from '../../activation/activation.js'
import type { Audit, Json } from '../../audit/audit.js'
import type { Clock } from '../../clock.js'
import { ServiceError } from '../../errors.js'
import { newSecret } from '../client-secret.js'
import type { Tokens } from '../tokens.js'
import { boundScope } from './change-scope.js'
import type { AuthorizationRecord, AuthorizationStore, GrantRecord, GrantStore } from './needs.js'
import type { ChangeAsked, CredentialChange, GrantedTokens, Grants, OAuthClient, Redeemed } from './oauth.js'
import { verifierFits } from './pkce.js'
import { secretForm, sha256 } from './secrets.js'

/** How long a refresh token waits for its use, unless its API has another time. Each use begins anew. */
const refreshTtlDefaultS = 30 * 86_400
/** Seconds from the exchange of a code until the one change that its token is for, at most. */
const changeTtlS = 300

/** What exchanges stand on. */
export interface GrantsDeps {
  requests: Pick<AuthorizationStore, 'findByCode' | 'redeem'>
  grants: GrantStore
  tokens: Pick<Tokens, 'revokeToken' | 'forget'>
  activations: Pick<Activations, 'issueSad' | 'revokeSad' | 'withdraw'>
  activationOf: (id: string) => Promise<Activation | null>
  audit: Pick<Audit, 'record'>
  now: Clock
  /** Life of an access token, in seconds. */
  tokenTtlS: number
}

/** See `Grants`. */
export function createGrants(deps: GrantsDeps): Grants {
  const { requests, grants, activations, audit, now, tokenTtlS } = deps

  /** A secret, the row that stands for it, and its event. */
  function freshAccess({ id, provider, audience, clientId, subscriberId, scope }: GrantRecord, ttlS: number) {
    const accessToken = newSecret()
    const issuedAt = now()
    const tokenSha256 = sha256(accessToken).toString('hex')
    const expiresAt = new Date(issuedAt.getTime() + ttlS * 1000)
    const of = { provider, audience, clientId, subscriberId, scope }
    const access = { ...of, tokenSha256, issuedAt, expiresAt, revokedAt: null, grantId: id }
    const event = {
      type: 'client.authenticated' as const,
      actor: actorOf(of),
      about: { ...of, grantId: id, tokenSha256, expiresAt: expiresAt.toISOString() }
    }
    return { access, answer: { accessToken, expiresInS: ttlS }, event }
  }

  /** The same with a refresh token. */
  function freshTokens(grant: GrantRecord, refreshTtlS = refreshTtlDefaultS) {
    const { access, answer, event } = freshAccess(grant, tokenTtlS)
    const { issuedAt } = access
    const refreshToken = newSecret()
    const refresh = {
      tokenSha256: sha256(refreshToken),
      grantId: grant.id,
      issuedAt,
      expiresAt: new Date(issuedAt.getTime() + refreshTtlS * 1000),
      usedAt: null
    }
    const granted: GrantedTokens = { ...answer, refreshToken }
    return { rows: { access, refresh }, answer: granted, event }
  }

  function newGrant({ provider, audience, clientId }: OAuthClient, subscriberId: string, scope: string) {
    const createdAt = now()
    const id = uuidv7({ msecs: createdAt.getTime() })
    const of = { provider, audience, clientId, subscriberId, scope }
    return { ...of, id, createdAt, expiresAt: createdAt, revokedAt: null } satisfies GrantRecord
  }

  async function open(
    client: OAuthClient,
    subscriberId: string,
    requestId: string | null,
    refreshTtlS: number | undefined
  ): Promise<GrantedTokens | null> {
    const grant = newGrant(client, subscriberId, 'service')
    const { rows, answer, event } = freshTokens(grant, refreshTtlS)
    if (!(await grants.open({ ...grant, expiresAt: rows.refresh.expiresAt }, rows, requestId))) return null
    await audit.record(event)
    return answer
  }

  /** A token for one change of the person's credentials. */
  async function openForChange(
    client: OAuthClient,
    { id: requestId, subscriberId }: { id: string; subscriberId: string },
    change: CredentialChange,
    asked: ChangeAsked
  ): Promise<Redeemed | null> {
    const grant = newGrant(client, subscriberId, boundScope(change, asked.credentialId))
    const { access, answer, event } = freshAccess(grant, Math.min(changeTtlS, tokenTtlS))
    const tokens = { access, refresh: null }
    if (!(await grants.open({ ...grant, expiresAt: access.expiresAt }, tokens, requestId))) return null
    await audit.record(event)
    return { scope: change, ...answer, asked }
  }

  async function revokeGrant(
    grant: GrantRecord | (OAuthClient & { id: string }),
    why: string
  ): Promise<void> {
    const revoked = await grants.revoke(grant.id, now())
    if (revoked === null) return
    deps.tokens.forget(revoked) // before the announcement arrives
    const about: Record<string, Json> = {
      grantId: grant.id,
      provider: grant.provider,
      audience: grant.audience
    }
    await audit.record({
      type: 'grant.revoked',
      actor: actorOf(grant),
      about: { ...about, clientId: grant.clientId, accessTokens: revoked.length, reason: why }
    })
  }

  /** A code that comes again: what it was exchanged for ends (RFC 6749 §4.1.2). */
  async function endExchanged(client: OAuthClient, id: string, code: string): Promise<void> {
    const present = await requests.findByCode(sha256(code))
    const { provider, clientId } = client
    if (present?.grantId != null) await revokeGrant({ ...client, id: present.grantId }, 'code-reused')
    const activationId = present?.activationId ?? null
    if (activationId !== null && present?.id === id)
      await activations.withdraw({ provider, clientId, activationId, reason: 'code-reused' })
  }

  async function redeemForSad(client: OAuthClient, record: AuthorizationRecord): Promise<Redeemed | null> {
    const { provider, audience, clientId } = client
    const { id, activationId, asked } = record
    if (activationId === null || asked.credential === null)
      throw new TypeError('approved without an activation')
    if (!(await requests.redeem({ id, at: now() }))) return null
    const activation = await deps.activationOf(activationId)
    const { sad, expiresInS } = await activations.issueSad({ provider, clientId, activationId, audience })
    const credentialId = activation?.credentialId ?? ''
    return { scope: 'credential', sad, expiresInS, credentialId, asked: asked.credential }
  }

  return {
    async redeemCode(client, { code, redirectUri, codeVerifier, details, refreshTtlS }) {
      const wrong = (field: string, why: string) => new ServiceError('authentication_failed', why, { field })
      const record = secretForm.test(code) ? await requests.findByCode(sha256(code)) : null
      if (record === null || !isOf(client, record)) throw wrong('code', 'unknown code, or another client’s')
      const { asked } = record
      if (redirectUri === null ? asked.redirectUriGiven : redirectUri !== asked.redirectUri)
        throw wrong('redirect_uri', 'not the redirect_uri of the request')
      if (!verifierFits(asked.pkce, codeVerifier)) throw wrong('code_verifier', 'the verifier does not fit')
      const activation = record.activationId === null ? null : await deps.activationOf(record.activationId)
      const { credential, change } = asked
      const same =
        credential === null
          ? change === undefined || details.change(change)
          : details.credential(credential, activation?.credentialId ?? null)
      if (!same) throw wrong('authorization_details', 'not those of the request')
      const expired = record.codeExpiresAt === null || record.codeExpiresAt <= now()
      if (record.status === 'answered' && expired)
        throw new ServiceError('token_expired', 'the code is too old', { field: 'code' })

      const { subscriberId } = record
      if (subscriberId === null) throw new TypeError('approved by nobody')
      let redeemed: Redeemed | null = null
      if (asked.scope === 'credential') redeemed = await redeemForSad(client, record)
      else if (asked.scope !== 'service') {
        if (change === undefined) throw new TypeError('a change of nothing')
        redeemed = await openForChange(client, { id: record.id, subscriberId }, asked.scope, change)
      } else {
        const tokens = await open(client, subscriberId, record.id, refreshTtlS)
        if (tokens !== null) redeemed = { scope: 'service', ...tokens }
      }
      if (redeemed !== null) return redeemed
      await endExchanged(client, record.id, code)
      throw wrong('code', 'the code was exchanged before')
    },

    async grant({ subscriberId, refreshTtlS, ...client }) {
      const tokens = await open(client, subscriberId, null, refreshTtlS)
      if (tokens === null) throw new TypeError('no code was to be exchanged')
      return tokens
    },

    async refresh(client, refreshToken, refreshTtlS) {
      const field = 'refresh_token'
      const found = secretForm.test(refreshToken) ? await grants.findRefreshToken(sha256(refreshToken)) : null
      if (found === null || !isOf(client, found.grant))
        throw new ServiceError('authentication_failed', 'unknown refresh token, or another client’s', {
          field
        })
      const { grant, token } = found
      if (grant.revokedAt !== null)
        throw new ServiceError('authentication_failed', 'the grant was revoked', { field })
      if (token.usedAt === null && token.expiresAt <= now())
        throw new ServiceError('token_expired', 'the refresh token has expired', { field })
      const { rows, answer, event } = freshTokens(grant, refreshTtlS)
      if (token.usedAt === null && (await grants.rotate(token.tokenSha256, rows))) {
        await audit.record(event)
        return answer
      }
      await revokeGrant(grant, 'refresh-token-reused')
      throw new ServiceError('authentication_failed', 'the refresh token was used before', { field })
    },

    async revoke(client, token) {
      const { provider, audience, clientId } = client
      if (!secretForm.test(token)) return activations.revokeSad({ provider, clientId, sad: token })
      const found = await grants.findRefreshToken(sha256(token))
      if (found === null) return deps.tokens.revokeToken({ provider, audience, clientId, accessToken: token })
      if (!isOf(client, found.grant)) return false
      await revokeGrant(found.grant, 'revoked')
      return true
    }
  }
}

const actorOf = ({ provider, clientId }: Pick<OAuthClient, 'provider' | 'clientId'>) =>
  `relying-party:${provider}/${clientId}`

const isOf = (client: OAuthClient, of: OAuthClient): boolean =>
  of.provider === client.provider && of.audience === client.audience && of.clientId === client.clientId
