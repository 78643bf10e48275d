import type { ActivationStatus } from '../activation/activation.js'
import type { Queryable } from '../store/database.js'
import type { Credential, Device, Subscriber } from './enrolment.js'

/** A row with the seal it was stored under. Nothing in it may be believed before the seal was checked. */
export interface Sealed<Row> {
  row: Row
  seal: Uint8Array
}

/** A provider as this room sees it. */
export interface ProviderPolicy {
  /** What people know it by. */
  label: string
  /** Whether its subscribers have a password; where not, one that is sent is ignored. */
  asksPassword: boolean
  /** Why a known provider is not served, as a sentence for the client; null: it is served. */
  unsupported: string | null
}

/** A subscriber as stored. */
export interface SubscriberRecord extends Subscriber {
  /** Null: none was set. */
  passwordHash: string | null
}

/** A credential as stored. */
export interface CredentialRecord extends Credential {
  /** Of the PIN; null unless `auth` is `pin`. */
  pinHash: string | null
}

/** Subscribers; `store/subscribers.ts` provides them. They are never deleted. */
export interface SubscriberStore {
  /** Those that exist, in any order. */
  byIds(ids: readonly string[]): Promise<Sealed<SubscriberRecord>[]>
  /** Whose the logins are as the rows say, seals unseen: where to look, and nothing to believe. */
  byLogins(
    names: readonly { provider: string; login: string }[]
  ): Promise<Pick<Subscriber, 'id' | 'provider' | 'login'>[]>
  /** By id, after `after`. `query` is a substring of login, name or national id, in whatever case. */
  list(of: {
    provider: string | null
    query: string | null
    after: string | null
    limit: number
  }): Promise<Sealed<SubscriberRecord>[]>
  /** False: the login is taken at this provider. */
  insert(subscriber: Sealed<SubscriberRecord>): Promise<boolean>
  /**
   * Writes `next` if the stored version is the one before it. Provider, demo and creation stay.
   * @returns `stale`: someone else changed the row first.
   */
  change(next: Sealed<SubscriberRecord>): Promise<'changed' | 'stale' | 'login_taken'>
}

/** An activation that ended because its credential changed. */
export interface CancelledActivation {
  id: string
  subscriberId: string
  provider: string
  clientId: string
}

/** What a store's call does last in its transaction: the audit's events go there. */
export type InTransaction<Of = void> = (transaction: Queryable, of: Of) => Promise<void>

/** Credentials; `store/credentials.ts` provides them. Each call is one transaction. */
export interface CredentialStore {
  byIds(ids: readonly string[]): Promise<Sealed<CredentialRecord>[]>
  /** The ids of each subscriber's credentials, RSA first, then in order of issue; one list an input. */
  idsOf(subscriberIds: readonly string[]): Promise<string[][]>
  /**
   * Writes a credential and, where its key was announced as pending, ends that in the same transaction.
   * @returns `key_gone`: the pending key was given up by a restart meanwhile and must not be used.
   */
  insert(
    credential: Sealed<CredentialRecord>,
    of: { pendingKey: boolean; max: number },
    record: InTransaction
  ): Promise<'inserted' | 'serial_taken' | 'key_gone' | 'too_many'>
  /**
   * Writes `next` if the stored version is the one before it, tells the issuer's list that a status changed and, if
   * `cancel` says so, ends what waits or is confirmed for this credential, announcing each.
   * @returns False: someone else changed the credential first, nothing was done.
   */
  change(
    next: Sealed<CredentialRecord>,
    cancel: { reason: string; at: Date } | null,
    record: InTransaction<CancelledActivation[]>
  ): Promise<boolean>
  /** Writes the PIN of `next` if the stored version is the one before it. False: as above. */
  changePin(next: Sealed<CredentialRecord>, record: InTransaction): Promise<boolean>
}

/** Devices; `store/devices.ts` provides them. Each call is one transaction. */
export interface DeviceStore {
  byIds(ids: readonly string[]): Promise<Sealed<Device>[]>
  /** The ids of each subscriber's devices that are not removed, oldest first; one list an input. */
  idsOf(subscriberIds: readonly string[]): Promise<string[][]>
  /**
   * Uses up an activation code, which must still carry `code.sealBefore`, and writes the device. A further device of
   * a subscriber ends everything that waits or is confirmed for the subscriber.
   * @param code.consented Without, the subscriber must have no device, and the one that was removed last (as
   *   `lastRemovedOf` says) must be `code.after`; null: there must not have been one.
   * @returns `has_device`: the subscriber has one, without consent. `had_device`: it had another one than `code.after`.
   */
  enrol(
    device: Sealed<Device>,
    code: {
      id: string
      sealBefore: Uint8Array
      seal: Uint8Array
      usedAt: Date
      consented: boolean
      after: string | null
    },
    max: number,
    record: InTransaction<{ further: boolean; cancelled: CancelledActivation[] }>
  ): Promise<'enrolled' | 'has_device' | 'had_device' | 'too_many' | 'code_changed'>
  /** The device of a subscriber that was removed last; virtual ones do not count. */
  lastRemovedOf(subscriberId: string): Promise<Sealed<Device> | null>
  /** As `CredentialStore.insert`, for a device that needs no code. */
  insert(
    device: Sealed<Device>,
    of: { pendingKey: boolean; max: number },
    record: InTransaction
  ): Promise<'inserted' | 'key_gone' | 'too_many'>
  /**
   * Writes `next`, a removal, if the stored version is the one before it, and ends the confirmations the device gave
   * that are not spent, announcing each.
   * @returns False: someone else removed it first, nothing was done.
   */
  remove(
    next: Sealed<Device>,
    cancel: { reason: string; at: Date },
    record: InTransaction<CancelledActivation[]>
  ): Promise<boolean>
}

/** Keys in the HSM that have no owner's row yet; `store/pending-keys.ts` provides them. */
export interface PendingKeyStore {
  add(key: PendingKey): Promise<void>
  /** False: there was none, so it has become somebody's key or was given up. */
  remove(id: string): Promise<boolean>
  list(): Promise<PendingKey[]>
  /** Which of `ids` are a credential's, a device's or a pending key; read in one snapshot. */
  owned(ids: readonly string[]): Promise<string[]>
  /** Whether no process with this server id is connected to the database. */
  makerIsGone(serverId: string): Promise<boolean>
}

export interface PendingKey {
  id: string
  serverId: string
  createdAt: Date
}

export type Consent = 'not-needed' | 'waiting' | 'given' | 'refused'

/** An activation code as stored: the code itself only as SHA-256. */
export interface ActivationCode {
  id: string
  codeSha256: Uint8Array
  subscriberId: string
  /** The subscriber's. */
  provider: string
  /** Operator id. */
  createdBy: string
  createdAt: Date
  expiresAt: Date
  consent: Consent
  /** `device:<id>` or `operator:<id>`. */
  consentBy: string | null
  consentActivationId: string | null
  usedAt: Date | null
  usedByDeviceId: string | null
}

/** A code as read, with how the question put to the registered devices stands. */
export interface StoredActivationCode extends Sealed<ActivationCode> {
  question: { status: ActivationStatus; expiresAt: Date } | null
}

/** Operators; `access/operators.ts` provides them. */
export interface OperatorLookup {
  /**
   * Also of one who was removed; null: there never was one. `makers`: ids of the operator that made it, of the one that
   * made that one, and so on.
   */
  lineage(id: string): Promise<{ name: string; createdAt: Date; makers: readonly string[] } | null>
}

/** Activation codes; `store/activation-codes.ts` provides them. */
export interface ActivationCodeStore {
  byId(id: string): Promise<StoredActivationCode | null>
  byCodeSha256(codeSha256: Uint8Array): Promise<StoredActivationCode | null>
  countOpen(subscriberId: string, now: Date): Promise<number>
  /** False: `maxOpen` codes of this subscriber are open already. */
  insert(code: Sealed<ActivationCode>, maxOpen: number): Promise<boolean>
  /** Writes the members about consent if the row still carries `sealBefore` and was not used. */
  setConsent(code: Sealed<ActivationCode>, sealBefore: Uint8Array): Promise<boolean>
}
