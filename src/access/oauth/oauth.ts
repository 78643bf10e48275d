import type { Activation } from '../../activation/activation.js'
import type { ErrorCode } from '../../errors.js'
import type { HashAlgorithm } from '../../hsm/hsm.js'
import type { credentialChanges } from './change-scope.js'

/** One API at one provider; nothing that was given out for one is good for another. */
export interface OAuthApi {
  provider: string
  /** As of access tokens, such as `csc/v2`. */
  audience: string
}

/** A relying party there, proven by its secret or, at the authorization endpoint, only named. */
export interface OAuthClient extends OAuthApi {
  clientId: string
}

/** What a relying party asks of a person, as far as the request itself says; checked by the surface that read it. */
export interface AuthorizationAsked {
  scope: 'service' | 'credential' | CredentialChange
  /** Registered for the relying party. */
  redirectUri: string
  /** Whether the request named it; then its exchange must too (RFC 6749 §4.1.3). */
  redirectUriGiven: boolean
  state: string | null
  lang: 'vi' | 'en'
  /** RFC 7636 §4.2. */
  pkce: { challenge: string; method: 'S256' | 'plain' } | null
  /** The account that an account_token names. */
  account: string | null
  /** Where `scope` is `credential`. */
  credential: CredentialAsked | null
  /** Where `scope` is a change of the person's credentials. */
  change?: ChangeAsked
}

/** A credential is made for the person, or one of the person's is deleted (CSC API 2.2). */
export type CredentialChange = (typeof credentialChanges)[number]

/** What is to be changed, as far as the request says. */
export interface ChangeAsked {
  /** The one to delete; null: whichever of the person's, or a new one is made. */
  credentialId: string | null
  /** `authorization_details` as they came; null: the request had none. */
  details: string | null
}

/** A credential and what it shall sign. */
export interface CredentialAsked {
  /** Null: any that has the qualifier. */
  credentialId: string | null
  signatureQualifier: string | null
  numSignatures: number
  hash: HashAlgorithm | null
  /** Base64 of the digests, in the order asked; none where they are not known yet. */
  digests: readonly string[]
  /** Names for the device's display; missing ones are numbered. */
  documentNames: readonly string[]
  description: string
  /** `authorization_details` as they came, to be given back unchanged; null: the request had none. */
  details: string | null
}

/** How an authorization request stands in its browser. */
export interface Authorization {
  id: string
  clientId: string
  relyingPartyName: string
  asked: AuthorizationAsked
  /**
   * `login`, `code`: the person is to be known; `phone`: the challenge waits on the person's devices; `approved` and
   * `denied`: it can be answered; `answered`: it was.
   */
  status: 'login' | 'code' | 'phone' | 'approved' | 'denied' | 'answered'
  /** Why, where denied. */
  refusal: ErrorCode | null
  /** What waits on the devices, where `phone`. */
  activation: Activation | null
  /** When it is denied unless something happens. */
  expiresAt: Date
}

/** A request in the browser that opened it: both must be right, or there is none. */
export interface InBrowser extends OAuthApi {
  requestId: string
  /** The secret that the browser was given; null: it sent none. */
  binding: string | null
}

/** What goes back to the relying party by way of the browser. */
export interface AuthorizationAnswer {
  asked: AuthorizationAsked
  /** Null where it was refused. */
  code: string | null
  refusal: ErrorCode | null
}

/** Authorization requests, from the relying party through the browser to a code (RFC 6749 §4.1, RFC 9126). */
export interface Authorizations {
  /** Keeps a request that its relying party sent itself, for 90 s. @throws ServiceError `too_many_requests`. */
  push(client: OAuthClient, asked: AuthorizationAsked): Promise<{ requestUri: string; expiresInS: number }>
  /**
   * Opens a request in a browser.
   * @returns The secret that binds it to this browser. @throws ServiceError `too_many_requests`.
   */
  open(client: OAuthClient, asked: AuthorizationAsked): Promise<{ requestId: string; binding: string }>
  /**
   * Opens a pushed request. In the browser that opened it before it is the same one again, without a new secret.
   * @param binding Looks up the secret that this browser has for a request.
   * @param state Of the address that was opened, for a request that was pushed without one.
   * @returns Null: no such request, of another relying party, too old, or opened in another browser.
   */
  openPushed(
    client: OAuthClient,
    of: { requestUri: string; state: string | null; binding: (requestId: string) => string | null }
  ): Promise<{ requestId: string; binding: string | null } | null>
  /** Null: there is none, or not in this browser. */
  find(at: InBrowser): Promise<Authorization | null>
  /**
   * Takes a login. The person is known then, or a one-time code is asked for; for scope `credential`, once the person
   * is known, the challenge is sent to the person's devices, once.
   * @throws ServiceError `not_found` (as `find`), and what `Logins.verify` throws for what is wrong.
   */
  logIn(at: InBrowser, by: { login: string; password: string }): Promise<void>
  /** Takes the one-time code. @throws ServiceError as `logIn`, and what `Logins.verifyCode` throws. */
  enterCode(at: InBrowser, code: string): Promise<void>
  /** Sends another one-time code. @throws ServiceError as `logIn`. */
  sendCode(at: InBrowser): Promise<void>
  /** The person does not want it; what waits on the devices is withdrawn. @throws ServiceError `not_found`. */
  deny(at: InBrowser): Promise<void>
  /**
   * What to send the browser back with: a code for one caller, once, or why there is none. Null: neither is known yet,
   * or the code was given out.
   * @param codeTtlS Life of the code in seconds, 60 by default.
   * @throws ServiceError `not_found`.
   */
  answer(at: InBrowser, codeTtlS?: number): Promise<AuthorizationAnswer | null>
  /** Resolves when a request that waits for the phone may stand otherwise, at the latest after `timeoutMs`. */
  changed(authorization: Authorization, timeoutMs: number, signal: AbortSignal): Promise<void>
}

/** Tokens of a person, for a relying party. */
export interface GrantedTokens {
  accessToken: string
  expiresInS: number
  refreshToken: string
}

/** What a code was exchanged for. */
export type Redeemed =
  | (GrantedTokens & { scope: 'service' })
  | {
      scope: 'credential'
      /** The SAD of the activation that the person's device confirmed. */
      sad: string
      expiresInS: number
      credentialId: string
      asked: CredentialAsked
    }
  | {
      scope: CredentialChange
      /** For one call, user-specific, without a refresh token. */
      accessToken: string
      expiresInS: number
      asked: ChangeAsked
    }

/** What `authorization_details` of an exchange say, to be compared with those of the request. */
export interface DetailsCheck {
  credential(asked: CredentialAsked, credentialId: string | null): boolean
  change(asked: ChangeAsked): boolean
}

/**
 * Codes and grants (RFC 6749 §4.1.3, §6; RFC 7009). `refreshTtlS`: how long a refresh token waits for its use, in seconds;
 * 30 days by default.
 */
export interface Grants {
  /**
   * Exchanges a code, for one caller once. One that comes again, from the relying party it was made for, ends what it
   * was exchanged for (RFC 6749 §4.1.2), a lost race included.
   * @throws ServiceError `authentication_failed` with `field` `code`, `redirect_uri`, `code_verifier` or
   *   `authorization_details`; `token_expired` with `field` `code` when it is too old; and for scope `credential` what
   *   `Activations.issueSad` throws.
   */
  redeemCode(
    client: OAuthClient,
    of: {
      code: string
      redirectUri: string | null
      codeVerifier: string | null
      details: DetailsCheck
      refreshTtlS?: number
    }
  ): Promise<Redeemed>
  /** Tokens of a person who proved themselves in another way. Scope `service`. */
  grant(of: OAuthClient & { subscriberId: string; refreshTtlS?: number }): Promise<GrantedTokens>
  /**
   * Exchanges a refresh token, for one caller once. One that comes again ends the whole grant (RFC 9700 §4.14.2).
   * @throws ServiceError `authentication_failed` (unknown, another's, used or revoked), `token_expired`, both with
   *   `field` `refresh_token`.
   */
  refresh(client: OAuthClient, refreshToken: string, refreshTtlS?: number): Promise<GrantedTokens>
  /**
   * Ends a token of this relying party; with a refresh token all of its grant, with a SAD its activation.
   * @returns False: there is no such token.
   */
  revoke(client: OAuthClient, token: string): Promise<boolean>
}

/** The whole engine. */
export interface OAuth extends Authorizations, Grants {
  /**
   * Reads an `account_token` (CSC API v2 §8.4.1) and uses it up.
   * @returns The account it names. @throws ServiceError `authentication_failed`.
   */
  readAccountToken(client: Pick<OAuthClient, 'provider' | 'clientId'>, accountToken: string): Promise<string>
}
