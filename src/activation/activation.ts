import type { GivenFactors } from '../access/factors.js'
import type { HashAlgorithm } from '../hsm/hsm.js'
import type { Alongside } from './needs.js'

export type ActivationStatus = 'waiting' | 'confirmed' | 'spent' | 'rejected' | 'expired' | 'cancelled'
export type ActivationKind = 'digests' | 'session' | 'device'

/** One request to use a credential, for given digests or for a number of signatures, from ask to end. */
export interface Activation {
  id: string
  provider: string
  clientId: string
  subscriberId: string
  /** Null for kind `device`. */
  credentialId: string | null
  kind: ActivationKind
  status: ActivationStatus
  relyingPartyName: string
  hash: HashAlgorithm | null
  numSignatures: number
  /** In the order asked; the same digest twice is two occurrences. None for a session. */
  digests: readonly Uint8Array[]
  documentNames: readonly string[]
  description: string
  /** Of a session: when the last signature may be made. */
  validUntil: Date | null
  nonce: string
  createdAt: Date
  expiresAt: Date
  confirmedAt: Date | null
  endedAt: Date | null
  endedReason: string | null
  /** One digit a signature: `0` authorized, `1` reserved or consumed. */
  occurrences: string
}

/** What a device is shown and must confirm, exactly as the phone API sends it. Digests base64, times RFC 3339. */
export interface Challenge {
  id: string
  kind: ActivationKind
  audience: string
  clientId: string
  relyingParty: string
  credentialID: string | null
  hashAlgorithmOID: string | null
  description: string
  numSignatures: number
  validUntil: string | null
  documents: { name: string; digest: string }[]
  nonce: string
  createdAt: string
  expiresAt: string
  /** base64url(SHA-256(RFC 8785 canonical JSON of everything above)). */
  displayHash: string
}

/**
 * A relying party's request. Digests are decoded and of one hash; without any, where the credential is SCAL 1 or `session`
 * is given, it is for a session: so many signatures, whatever is signed, until `validUntil`, and the device shows both.
 */
export interface AskRequest {
  provider: string
  clientId: string
  credentialId: string
  /** Owner the caller named or whose token it has; must own the credential. Null: any subscriber of the provider. */
  subscriberId: string | null
  /** Null exactly when there are no digests. */
  hash: HashAlgorithm | null
  digests: readonly Uint8Array[]
  numSignatures: number
  /**
   * What the credential asks for beside the device; checked last of all, and before anything is announced. A function
   * is called then, and what it throws ends the request.
   */
  factors?: GivenFactors | (() => GivenFactors) | undefined
  /**
   * Asks for a signing session, also with a credential of SCAL 2; at most 1,000 signatures, and one session at a time for a
   * relying party and credential.
   */
  session?: SessionAsked | undefined
  /** Names for the device's display, one a digest; missing ones are numbered. */
  documentNames: readonly string[]
  description: string
}

/** What is asked for with a signing session, beside its number of signatures. */
export interface SessionAsked {
  /** When its last signature may be made, 8 h from now at most. The device shows it. */
  validUntil: Date
  /** A live SAD of the same relying party and credential, for which `Activations.sessionSad` then gives those of the session. */
  sad: string
}

/** A SAD on its way to the relying party. */
export interface IssuedSad {
  sad: string
  expiresInS: number
}

/** What a SAD stands for. */
export interface SadGrant {
  activationId: string
  provider: string
  clientId: string
  subscriberId: string
  credentialId: string
  expiresAt: Date
}

/** Ask, challenge, confirm, SAD. */
export interface Activations {
  /**
   * Opens an activation and announces its challenge.
   * @throws ServiceError `not_found` (credential not this provider's or not this owner's), `credential_unusable`,
   *   `certificate_expired`, `request_invalid` (`field` `numSignatures`, or `hashes` where SCAL 2 has no digests),
   *   `signatures_too_many`, `digest_length_wrong`, `factor_required`, `factor_wrong`, `factor_locked`,
   *   `challenges_too_many`; with `session` also `request_invalid` (`field` `duration`), `sad_invalid`, `sad_expired`,
   *   `session_open`.
   * @param alongside Writes what stands or falls with the activation; it may throw to prevent it.
   */
  ask(request: AskRequest, alongside?: Alongside): Promise<Activation>
  /** Asks the registered devices of a subscriber to consent to a further one (kind `device`). */
  askForDevice(request: {
    subscriberId: string
    provider: string
    operatorId: string
    /** Who asks, as the devices show it. */
    relyingPartyName: string
    description: string
  }): Promise<Activation>
  /**
   * For the relying party: how it stands, and a new SAD if it is confirmed (each replaces the one before).
   * @param of.audience The API, such as `csc/v2`, at which the SAD is an access token as well: see `bearerOf`.
   * @throws ServiceError `not_found` (no such handle of this relying party), `activation_waiting`,
   *   `activation_rejected`, `activation_expired`, `activation_cancelled`, `sad_invalid` when it is spent.
   */
  issueSad(of: {
    provider: string
    clientId: string
    activationId: string
    /** Whose token asks; only this person's activations then. */
    subscriberId?: string | null
    audience?: string
  }): Promise<IssuedSad>
  /**
   * A new SAD in the place of one that is valid still; what was signed stays signed. Its life ends with the last that
   * `issueSad` could have given.
   * @param of.digests Of SCAL 2: what is to be signed next, which must be among what was confirmed and is not signed yet.
   * @throws ServiceError `sad_invalid`, `sad_expired`, `not_found` (no such credential), `credential_unusable`,
   *   `certificate_expired`, `request_invalid` (`field` `hashes`: none were given), `digest_not_authorized`.
   */
  extendSad(of: {
    provider: string
    clientId: string
    credentialId: string
    sad: string
    digests: readonly Uint8Array[]
  }): Promise<IssuedSad>
  /**
   * A new SAD of the live session of a relying party and credential: for the SAD that the session was asked for with,
   * as often as wanted, and for its present one. Each replaces the one before and lives as long as the session.
   * @param of.numSignatures How many it is wanted for; the session must have as many left.
   * @returns Null: no session lives that the SAD is for.
   * @throws ServiceError `activation_waiting`, `not_found` (no such credential), `credential_unusable`,
   *   `certificate_expired`, `signatures_too_many`, `sad_invalid` when it was replaced meanwhile.
   */
  sessionSad(of: {
    provider: string
    clientId: string
    credentialId: string
    sad: string
    numSignatures: number
  }): Promise<IssuedSad | null>
  /** How an activation stands that is to be redeemed. @throws ServiceError as `issueSad`. */
  requireConfirmed(of: { provider: string; clientId: string; activationId: string }): Promise<void>
  /**
   * What a SAD stands for that came as an access token of `audience`, for which it must have been issued.
   * @throws ServiceError `authentication_failed`, `token_expired` (expired, spent or revoked).
   */
  bearerOf(of: { provider: string; audience: string; sad: string }): Promise<SadGrant>
  /** Ends a confirmed activation whose present SAD this is. False: there is none, of this relying party. */
  revokeSad(of: { provider: string; clientId: string; sad: string }): Promise<boolean>
  /**
   * The relying party, or the person at its page, wants it no more: ends what waits or is confirmed. False: neither,
   * or there is no such activation of this relying party.
   */
  withdraw(of: {
    provider: string
    clientId: string
    activationId: string
    /** A word for the audit. */
    reason: string
  }): Promise<boolean>
  /**
   * Resolves once a challenge does not wait any more, or has passed its time, or after `timeoutMs`; soon after it was
   * answered, on whatever server. Then `issueSad` says how it stands.
   * @param signal Gives up waiting.
   */
  answered(of: { activationId: string; timeoutMs: number; signal: AbortSignal }): Promise<void>
  /** Challenges that wait for a subscriber, oldest first. */
  waitingFor(subscriberId: string): Promise<Challenge[]>
  /**
   * A device confirms. A refused token changes nothing but the count of refusals.
   * @param token Compact JWS as sent, at most 8 KiB.
   * @throws ServiceError `not_found`, `challenge_ended` (its `says` names the status), `biometric_token_refused`.
   */
  confirm(by: { deviceId: string; activationId: string; token: string }): Promise<void>
  /** @throws ServiceError `not_found`, `challenge_ended`. */
  reject(by: { deviceId: string; activationId: string; reason: string | null }): Promise<void>
  /** Calls back on every new challenge and every end of one of this subscriber, from whatever server. */
  watch(subscriberId: string, on: (change: ChallengeChange) => void): () => void
  /** The same for all subscribers: what the virtual phones listen to. */
  watchAll(on: (subscriberId: string, change: ChallengeChange) => void): () => void
  /** Marks what has passed its time as expired, audited. Called by the server's timer; returns how many. */
  expire(): Promise<number>
}

/** `missed`: the connection was lost for a while; read `waitingFor` again. */
export type ChallengeChange =
  | { kind: 'challenge'; activationId: string }
  | { kind: 'ended'; activationId: string; status: ActivationStatus }
  | { kind: 'missed' }
