import type { Queryable } from '../store/database.js'
import type { Activation, ActivationStatus } from './activation.js'

/** Why an activation could not be opened. */
export type OpenRefusal = 'credential_unusable' | 'challenges_too_many'

/** What stands or falls with a new activation. */
export type Alongside = (transaction: Queryable, activation: Activation) => Promise<void>

/** The evidence of a confirmation, as stored. */
export interface Confirmation {
  deviceId: string
  /** Compact JWS as the device sent it. */
  token: string
  confirmedAt: Date
}

/** `confirmed`, or why a token that verified does not confirm, in words for the log. */
export type ConfirmOutcome =
  | 'confirmed'
  | 'its jti was used before'
  | 'the device was removed, or the counter of its authenticator did not grow'
  | 'it does not wait any more'

/** An ended activation, for announcements and audit. */
export interface Ended {
  id: string
  subscriberId: string
  provider: string
  clientId: string
}

/** An activation found by its SAD. */
export interface ActivationBySad {
  activation: Activation
  sadExpiresAt: Date
  sadAudience: string | null
}

/** Whose a signing session is, and with what it signs. */
export interface SessionKey {
  provider: string
  clientId: string
  credentialId: string
}

/** Which signing session a relying party has with a credential; `store/signing-sessions.ts` provides it. */
export interface SessionStore {
  /**
   * Notes a session that was opened in this transaction, with the hash of the SAD by which it was asked for.
   * @returns False: another one waits or lives.
   */
  claim(
    transaction: Queryable,
    of: SessionKey & { activationId: string; sadSha256: Uint8Array; now: Date }
  ): Promise<boolean>
  /** The last one that was noted, however it stands. */
  find(of: SessionKey): Promise<{ activationId: string; sadSha256: Uint8Array } | null>
}

/** What this room needs of the database; `store/activations.ts` provides it. Each call is one transaction. */
export interface ActivationStore {
  /**
   * Writes a waiting activation and announces it, unless too many wait already or its credential is not active at
   * the moment of writing. The credential's row is locked against a change of status meanwhile.
   * @param alongside Runs in the same transaction once the activation is written; what it throws undoes both.
   */
  open(activation: Activation, limits: WaitingLimits, alongside?: Alongside): Promise<'opened' | OpenRefusal>
  find(id: string): Promise<Activation | null>
  confirmation(activationId: string): Promise<Confirmation | null>
  waitingFor(subscriberId: string, now: Date): Promise<Activation[]>
  /**
   * waiting → confirmed, storing the evidence, the token's id and the counter in the same statement.
   * @param of.signCount Of the device's authenticator; null: it has none. Must be more than the last one, or both 0
   *   (WebAuthn Level 3 §7.2 step 22: one that is not shows that the authenticator was copied).
   * @returns Otherwise why not: it then waits as before, unless it had ended.
   */
  confirm(of: {
    activationId: string
    confirmation: Confirmation
    jti: string
    rememberUntil: Date
    signCount: number | null
  }): Promise<ConfirmOutcome>
  /** Counts a refused token; ends the activation as rejected at `limit`. Answers the status after it. */
  countRefusedToken(of: { activationId: string; limit: number; now: Date }): Promise<ActivationStatus | null>
  /** waiting → rejected. False: it was not waiting any more. */
  reject(of: { activationId: string; reason: string | null; now: Date }): Promise<boolean>
  /** Sets the SAD of a confirmed activation, replacing an earlier one. False: it is not confirmed any more. */
  setSad(of: {
    activationId: string
    sadSha256: Uint8Array
    sadExpiresAt: Date
    sadAudience: string | null
  }): Promise<boolean>
  /** Replaces a SAD that is valid at `now`. False: it is not the present one of a confirmed activation, or has expired. */
  replaceSad(of: {
    activationId: string
    before: Uint8Array
    sadSha256: Uint8Array
    sadExpiresAt: Date
    now: Date
  }): Promise<boolean>
  /** The activation whose latest SAD this is, however it stands. */
  findBySad(of: { activationId: string; sadSha256: Uint8Array }): Promise<ActivationBySad | null>
  /**
   * waiting or confirmed → cancelled, announced. False: it is neither, or has another SAD.
   * @param of.sadSha256 Null: whatever its SAD is.
   */
  cancel(of: {
    activationId: string
    sadSha256: Uint8Array | null
    reason: string
    now: Date
  }): Promise<boolean>
  /**
   * Ends up to `limit` of the activations whose `expiresAt` lies in one of the windows, if they are due: those that wait
   * past their time, and those confirmed before `confirmedBefore` that hold no live SAD and are no live session.
   */
  expire(of: {
    windows: readonly ExpiryWindow[]
    now: Date
    confirmedBefore: Date
    limit: number
  }): Promise<Ended[]>
  /** The latest time noted by any server; null: none was. */
  expiredUntil(): Promise<Date | null>
  /** Notes that what was due at `until` has been ended. */
  noteExpired(until: Date): Promise<void>
  /** Hears of every change on every server: subscriber, activation, new status. Null: something was missed. */
  watch(
    on: (change: { subscriberId: string; activationId: string; status: ActivationStatus } | null) => void
  ): Promise<() => void>
}

/** How many challenges may wait at once (I10), so that nobody is bombed with requests. */
export interface WaitingLimits {
  perSubscriber: number
  perRelyingParty: number
}

/** A stretch of time: behind `after`, up to `until`. */
export interface ExpiryWindow {
  after: Date
  until: Date
}
