import type { CancelledActivation, InTransaction } from '../enrolment/needs.js'
import type { AccessGrant, Operator, RelyingParty } from './access.js'

/** A relying party as stored. */
export interface RelyingPartyRecord extends RelyingParty {
  /** SHA-256 of the client secret's UTF-8. */
  secretSha256: Uint8Array
  /** What proves us at `callbackAuthUrl`, encrypted in the HSM; null exactly when there is no such address. */
  callbackAuthSecret: Uint8Array | null
  /** Removed ones stay for what names them; they can do nothing. */
  removedAt: Date | null
}

/** A record as read. Without `intact` its seal does not hold, and nothing in it may be believed. */
export interface ReadRelyingParty {
  record: RelyingPartyRecord
  intact: boolean
}

/** What this room needs to keep relying parties; `store/relying-parties.ts` provides it, seals included. */
export interface RelyingPartyStore {
  /** False: there is, or was, one of this name at this provider. */
  add(record: RelyingPartyRecord): Promise<boolean>
  find(provider: string, clientId: string): Promise<ReadRelyingParty | null>
  /**
   * Writes `record` over the row of the version before it, and tells all servers.
   * @returns False when the row has another version or was removed: nothing changed.
   */
  replace(record: RelyingPartyRecord): Promise<boolean>
  /** The same for a removal. In the same transaction ends what waits or is confirmed for it, announcing each. */
  remove(
    record: RelyingPartyRecord,
    cancel: { reason: string; at: Date },
    recordIn: InTransaction<CancelledActivation[]>
  ): Promise<boolean>
  /** Those not removed, by provider and client_id, beginning after `after`. */
  list(of: {
    provider: string | null
    after: { provider: string; clientId: string } | null
    limit: number
  }): Promise<ReadRelyingParty[]>
  /** Hears of every change on every server. Null: something was missed. Answers how to stop. */
  watch(on: (changed: { provider: string; clientId: string } | null) => void): Promise<() => void>
}

/** An access token as stored; of the token itself only its hash is. */
export interface AccessTokenRecord extends AccessGrant {
  /** SHA-256 of the token, lower-case hex. */
  tokenSha256: string
  issuedAt: Date
  revokedAt: Date | null
  /** The grant of a person that it ends with; null: a client's own. */
  grantId: string | null
}

/** What this room needs to keep access tokens; `store/access-tokens.ts` provides it. Hashes as in the record. */
export interface AccessTokenStore {
  add(records: readonly AccessTokenRecord[]): Promise<void>
  /** In the order asked; null where there is none. */
  find(tokensSha256: readonly string[]): Promise<(AccessTokenRecord | null)[]>
  /** Marks a live token as revoked and tells all servers. False: nothing matched, or it was revoked before. */
  revoke(
    of: Pick<AccessTokenRecord, 'tokenSha256' | 'provider' | 'audience' | 'clientId'>,
    now: Date
  ): Promise<boolean>
  /** Forgets tokens that expired before `expiredBefore`; answers how many. */
  purge(expiredBefore: Date): Promise<number>
  /** Hears of every revocation on every server. Null: something was missed. Answers how to stop. */
  watch(on: (tokenSha256: string | null) => void): Promise<() => void>
}

/** An operator as stored. */
export interface OperatorRecord extends Operator {
  /** SHA-256 of the key's UTF-8. */
  keySha256: Uint8Array
  demo: boolean
  createdAt: Date
  /** The actor that made it, as in the audit. */
  createdBy: string
  removedAt: Date | null
  version: number
}

/** A record as read. Without `intact` its seal does not hold, and nothing in it may be believed. */
export interface ReadOperator {
  record: OperatorRecord
  intact: boolean
}

/** What this room needs to keep operators; `store/operators.ts` provides it, seals included. */
export interface OperatorStore {
  /** False: this key was given out before. */
  add(record: OperatorRecord): Promise<boolean>
  /** Also one who was removed. Null: nobody was ever given this key. */
  findByKey(keySha256: Uint8Array): Promise<ReadOperator | null>
  /** Also one who was removed. */
  find(id: string): Promise<ReadOperator | null>
  /** Those not removed, in order of their ids (which is that of their making), beginning after `after`. */
  list(of: { after: string | null; limit: number }): Promise<ReadOperator[]>
  /**
   * Nothing changes unless it answers `removed`. `last-administrator`: no other administrator whose seal holds could
   * make operators then. `broken`: the seal does not hold.
   */
  remove(id: string, now: Date): Promise<'removed' | 'unknown' | 'last-administrator' | 'broken'>
}

/** A kind of secret that is tried, each counted by itself. */
export type LockoutKind = 'password' | 'code' | 'pin' | 'otp' | 'totp'

/** What wrong tries are counted by. */
export interface LockoutKey {
  provider: string
  clientId: string
  kind: LockoutKind
  /** Keyed hash of provider and login, 32 octets. */
  loginMac: Uint8Array
}

/** Where wrong tries are counted; `store/lockouts.ts` provides it. Each call is one statement, or a read after one. */
export interface LockoutStore {
  /**
   * Counts a try as wrong and as being judged, and locks if it is the last that may be wrong; unless it is locked.
   * Counts from before `countedSince` start anew, as after a lockout; what began to be judged before `judgedSince` has ended.
   * @returns Where locked: `judging` says whether tries are being judged still, of which one may be right.
   */
  enter(
    key: LockoutKey,
    of: { attempts: number; at: Date; lockedUntil: Date; judgedSince: Date; countedSince: Date }
  ): Promise<{ entered: true } | { entered: false; lockedUntil: Date; judging: boolean }>
  /**
   * Ends the judging of a try. `right`: only those being judged stay counted, and nothing is locked. `nothing`: it is
   * not counted.
   * @returns How many are counted now, those being judged included.
   */
  leave(key: LockoutKey, of: { as: 'right' | 'wrong' | 'nothing'; attempts: number }): Promise<number>
  /** All counts of a login at a provider. Returns how many of them were locked. */
  remove(of: { provider: string; loginMac: Uint8Array; at: Date }): Promise<number>
  /** Removes what counts nothing, what is from before `countedSince`, and the oldest beyond `unlockedMax`; locked ones stay. */
  purge(of: { at: Date; countedSince: Date; judgedSince: Date; unlockedMax: number }): Promise<void>
}

/** Who waits for a one-time code, where, and what it will prove. */
export interface CodeOwner {
  provider: string
  clientId: string
  subscriberId: string
  /** `login`, or the id of the credential that is to be used: one is no good for another. */
  purpose: string
}

/** One-time codes; `store/login-codes.ts` provides it. At most one a subscriber, relying party and purpose. */
export interface LoginCodeStore {
  /**
   * Puts a code in the place of an earlier one, with no wrong tries.
   * @returns False: `sentMax` were sent since the last one that was left to end.
   */
  start(of: CodeOwner & { codeMac: Uint8Array; at: Date; expiresAt: Date; sentMax: number }): Promise<boolean>
  /** The same where one has not ended, and without a new end. Null: there is none, or too many were sent. */
  replace(
    of: CodeOwner & { codeMac: Uint8Array; at: Date; sentMax: number }
  ): Promise<{ expiresAt: Date } | null>
  /** Counts a try and answers what the code must be. Null: there is none, it has ended, or was tried `triesMax` times. */
  attempt(of: CodeOwner & { at: Date; triesMax: number }): Promise<{ codeMac: Uint8Array } | null>
  /** Uses the code up: true for one caller. */
  use(of: CodeOwner & { codeMac: Uint8Array }): Promise<boolean>
  /** Forgets those that ended before `now`. */
  purge(now: Date): Promise<void>
}

/** A TOTP secret as stored. */
export interface TotpRecord {
  /** New with every secret. */
  id: string
  subscriberId: string
  /** Encrypted in the HSM. */
  secretEncrypted: Uint8Array
  createdAt: Date
}

/** TOTP secrets, one a subscriber; `store/totp-secrets.ts` provides it. */
export interface TotpStore {
  find(subscriberId: string): Promise<TotpRecord | null>
  /** In the place of an earlier one, none of whose codes counts any more. */
  set(record: TotpRecord, recordIn: InTransaction): Promise<void>
  /** False: there was none, and nothing is recorded. */
  remove(subscriberId: string, recordIn: InTransaction): Promise<boolean>
  /** Uses up a time step and all before it, over all servers: true for one caller. */
  use(id: string, step: number): Promise<boolean>
}

/** Something that is sent to a subscriber, not through the relying party. */
export interface Message {
  provider: string
  subscriberId: string
  channel: 'sms' | 'email'
  /** Telephone number or e-mail address as the subscriber's row has it; null: it has none. */
  address: string | null
  text: string
}

/** Sends one-time codes. The simulation has an outbox in the place of a mobile network. */
export interface CodeSender {
  /** Resolves when the message is out of our hands. @throws ServiceError. */
  send(message: Message): Promise<void>
}
