import type { CancelledActivation, InTransaction } from '../enrolment/needs.js'
import type { AccessGrant, Operator, RelyingParty } from './access.js'

/** A relying party as stored. */
export interface RelyingPartyRecord extends RelyingParty {
  /** SHA-256 of the client secret's UTF-8. */
  secretSha256: Uint8Array
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
