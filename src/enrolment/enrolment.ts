import type { WebauthnCredential } from '../activation/webauthn/assertion.js'
import type { KeyAlgorithm, StoredKey } from '../hsm/hsm.js'
import type { RevocationReason, SubjectFields } from '../pki/pki.js'

/** The person (or organisation) a certificate is issued to, at one provider. Its seal was checked when it was read. */
export interface Subscriber extends SubjectFields {
  id: string
  provider: string
  /** What relying parties call the person; unique within the provider. */
  login: string
  phone: string | null
  /** What a relying party asks for beside the password: nothing, or a one-time code that is sent to the person. */
  secondFactor: SecondFactor
  demo: boolean
  createdAt: Date
  /** Grows by one with every change of the row, the password's included. */
  version: number
}

export type SecondFactor = 'none' | 'code'

/**
 * What is asked for before the challenge that the device confirms in any case: nothing, a PIN of the credential, a
 * one-time code sent to the subscriber, or a login at the provider's own page (OAuth 2.0).
 */
export type CredentialAuth = 'phone' | 'pin' | 'otp' | 'oauth2code'

/** What is stored. `expired` is not a stored status: the clock says it, see `credentialStatus`. */
export type StoredCredentialStatus = 'issued' | 'active' | 'suspended' | 'revoked'
export type CredentialStatus = StoredCredentialStatus | 'expired'

/** Key, certificate and status under one credentialID. Its seal was checked when it was read. */
export interface Credential {
  id: string
  provider: string
  subscriberId: string
  algorithm: KeyAlgorithm
  status: StoredCredentialStatus
  /** Upper-case hex. */
  serialNumber: string
  /** DER. */
  certificate: Uint8Array
  key: StoredKey
  notBefore: Date
  notAfter: Date
  auth: CredentialAuth
  scal: '1' | '2'
  /** Signatures one activation may allow, at most. */
  multisign: number
  issuedAt: Date
  publishedAt: Date | null
  suspendedAt: Date | null
  revokedAt: Date | null
  revocationReason: RevocationReason | null
  /** Grows by one with every change of the row. */
  version: number
}

/** A registered phone or tablet. Its seal was checked when it was read. */
export interface Device {
  id: string
  provider: string
  subscriberId: string
  name: string
  platform: string
  /** SubjectPublicKeyInfo of a P-256 key, DER. */
  spki: Uint8Array
  /** The authenticator that recognises its owner; null: the device answers for that itself. */
  webauthn: WebauthnCredential | null
  /** The simulator's own key, only where `virtual`. */
  virtualKey: StoredKey | null
  virtual: boolean
  createdAt: Date
  removedAt: Date | null
  /** The actor that removed it, as in the audit: `device:<its id>` is its owner. */
  removedBy: string | null
  version: number
}

/** The status at `now`: a certificate past its end is `expired`, unless it was revoked before. */
export function credentialStatus(credential: Credential, now: Date): CredentialStatus {
  return credential.status !== 'revoked' && credential.notAfter <= now ? 'expired' : credential.status
}

/**
 * Lookups that the hot path makes. Rows come from a bounded cache over the database; a row enters it only if its
 * seal holds. A row that fails is audited as `integrity.broken` and refused with `integrity_broken`.
 */
export interface Directory {
  /** Null: no such subscriber at this provider. */
  subscriberByLogin(provider: string, login: string): Promise<Subscriber | null>
  subscriber(id: string): Promise<Subscriber | null>
  /** By credentialID, of whatever owner: the caller compares provider and owner, and says "unknown" (I6). */
  credential(id: string): Promise<Credential | null>
  /** Past the cache: used when the database says that the cached version is not the present one. */
  freshCredential(id: string): Promise<Credential | null>
  /** All credentials of a subscriber, RSA first, then in order of issue. */
  credentialsOf(subscriberId: string): Promise<Credential[]>
  /** Null also when it was removed. */
  device(id: string): Promise<Device | null>
  /** Those not removed, oldest first. */
  devicesOf(subscriberId: string): Promise<Device[]>
}
