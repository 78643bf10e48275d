import type { ErrorCode } from '../../errors.js'
import type { Queryable } from '../../store/database.js'
import type { AccessTokenRecord } from '../needs.js'
import type { AuthorizationAsked, OAuthClient } from './oauth.js'

/** Each named in the condition of the statement that leaves it. */
export type AuthorizationStatus =
  | 'pushed'
  | 'login'
  | 'code'
  | 'phone'
  | 'approved'
  | 'denied'
  | 'answered'
  | 'redeemed'

/** An authorization request as stored. Of every secret only its SHA-256 is. */
export interface AuthorizationRecord extends OAuthClient {
  id: string
  status: AuthorizationStatus
  asked: AuthorizationAsked
  requestUriSha256: Uint8Array | null
  /** Of the browser it was opened in. */
  bindingSha256: Uint8Array | null
  /** While a one-time code is waited for. */
  login: string | null
  subscriberId: string | null
  activationId: string | null
  refusal: ErrorCode | null
  codeExpiresAt: Date | null
  /** What its code was exchanged for. */
  grantId: string | null
  createdAt: Date
  expiresAt: Date
}

/** Authorization requests; `store/oauth-requests.ts` provides them. Each call is one statement unless it says otherwise. */
export interface AuthorizationStore {
  /** @returns False: its relying party has `limit.max` open already that were made after `limit.since`. */
  add(record: AuthorizationRecord, limit: { max: number; since: Date }): Promise<boolean>
  find(id: string): Promise<AuthorizationRecord | null>
  findPushed(requestUriSha256: Uint8Array): Promise<AuthorizationRecord | null>
  findByCode(codeSha256: Uint8Array): Promise<AuthorizationRecord | null>
  /** pushed → login. */
  open(of: {
    id: string
    bindingSha256: Uint8Array
    state: string | null
    at: Date
    expiresAt: Date
  }): Promise<boolean>
  /** login, code → code. */
  awaitCode(of: { id: string; login: string; at: Date }): Promise<boolean>
  /** login, code → approved. */
  approve(of: { id: string; subscriberId: string; at: Date }): Promise<boolean>
  /** login, code → phone, in the transaction that opens the activation. */
  attach(
    transaction: Queryable,
    of: { id: string; subscriberId: string; activationId: string; at: Date; expiresAt: Date }
  ): Promise<boolean>
  /** login, code, phone, approved → denied. */
  deny(of: { id: string; refusal: ErrorCode }): Promise<boolean>
  /** approved, phone → answered. */
  answer(of: { id: string; codeSha256: Uint8Array; codeExpiresAt: Date; expiresAt: Date }): Promise<boolean>
  /** answered → redeemed, while its code is good. */
  redeem(of: { id: string; at: Date }): Promise<boolean>
  /** Forgets those that ended before `endedBefore`. */
  purge(endedBefore: Date): Promise<void>
}

/** What a person allowed a relying party. */
export interface GrantRecord extends OAuthClient {
  id: string
  subscriberId: string
  scope: string
  createdAt: Date
  /** When its last token ends. */
  expiresAt: Date
  revokedAt: Date | null
}

/** A refresh token as stored. */
export interface RefreshTokenRecord {
  tokenSha256: Uint8Array
  grantId: string
  issuedAt: Date
  expiresAt: Date
  usedAt: Date | null
}

/** Grants with their tokens; `store/oauth-grants.ts` provides them. Each call is one transaction. */
export interface GrantStore {
  /**
   * Writes a grant and its first tokens, of which the second may be missing; with `requestId` only if the code of that request is exchanged by this very
   * call. @returns False: it was exchanged before, or is too old; nothing was written.
   */
  open(
    grant: GrantRecord,
    tokens: { access: AccessTokenRecord; refresh: RefreshTokenRecord | null },
    requestId: string | null
  ): Promise<boolean>
  findRefreshToken(tokenSha256: Uint8Array): Promise<{ token: RefreshTokenRecord; grant: GrantRecord } | null>
  /**
   * Puts new tokens in the place of a refresh token that was not used. False: it was, or its grant was revoked
   * meanwhile; nothing was written.
   */
  rotate(
    usedSha256: Uint8Array,
    tokens: { access: AccessTokenRecord; refresh: RefreshTokenRecord }
  ): Promise<boolean>
  /** Ends a grant and all access tokens of it, on all servers. @returns Their hashes, or null: it had ended. */
  revoke(grantId: string, at: Date): Promise<string[] | null>
  /** Forgets those that ended before `endedBefore`. */
  purge(endedBefore: Date): Promise<void>
}
