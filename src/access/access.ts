/** A system that asks for signatures, at one provider. Its seal was checked when it was read. */
export interface RelyingParty {
  provider: string
  clientId: string
  /** The registered name that devices show. */
  name: string
  redirectUris: readonly string[]
  callbackUrls: readonly string[]
  callbackAuthUrl: string | null
  /** `lenient` accepts what is unambiguous though wrong, and records a diagnosis. */
  mode: 'strict' | 'lenient'
  demo: boolean
  createdAt: Date
  version: number
}

/** What an access token stands for. */
export interface AccessGrant {
  provider: string
  /** The surface and version the token was issued for, such as `csc/v2`. */
  audience: string
  clientId: string
  /** Set when the token is user-specific. */
  subscriberId: string | null
  scope: string
  expiresAt: Date
}

/** Who calls the CA operator's API. */
export interface Operator {
  id: string
  name: string
  role: OperatorRole
}
export type OperatorRole = 'registrar' | 'auditor' | 'administrator'

/** Who may call. Every comparison of a secret takes the same time whether or not the name exists. */
export interface Access {
  /**
   * Proves a relying party by its secret.
   * @throws ServiceError `authentication_failed`, the same for an unknown client and a wrong secret; audited.
   */
  authenticateClient(provider: string, clientId: string, clientSecret: string): Promise<RelyingParty>
  /** Null also when it was removed. @throws ServiceError `integrity_broken`. */
  relyingParty(provider: string, clientId: string): Promise<RelyingParty | null>
  /**
   * Issues an opaque access token: 256 random bits in base64url, stored as SHA-256.
   * @param grant.ttlS Its life in whole seconds, at most 366 days; by default that of the settings.
   */
  issueToken(
    grant: Omit<AccessGrant, 'expiresAt'> & { ttlS?: number }
  ): Promise<{ accessToken: string; expiresInS: number }>
  /**
   * What a bearer token stands for at this provider and audience; from a bounded cache over PostgreSQL, at most
   * 10 s old, expiry compared on every call.
   * @throws ServiceError `authentication_failed` (unknown, or for another audience), `token_expired` (also revoked).
   */
  verifyToken(provider: string, audience: string, accessToken: string): Promise<AccessGrant>
  /**
   * Uses a token up: of any number of calls with it, on whatever servers, one is answered and all others are refused.
   * For refresh tokens, which need an audience of their own, or else they would pass for access tokens.
   * @throws ServiceError as `verifyToken`, and `authentication_failed` for a token of another relying party.
   */
  redeemToken(of: {
    provider: string
    audience: string
    clientId: string
    accessToken: string
  }): Promise<AccessGrant>
  /** @throws ServiceError `authentication_failed`, `integrity_broken`; both audited. */
  authenticateOperator(key: string): Promise<Operator>
}
