/** What the rest of the house knows of the certificate authorities. Made by `openPki` in `open.ts`. */

import type { HashAlgorithm } from '../hsm/hsm.js'

/** The name of the time-stamping authority among certificates and files; no provider may be called so. */
export const timestampAuthority = 'tsa'

/** The name of the root for TLS among files; it belongs to no hierarchy, and no provider may be called so. */
export const tlsRoot = 'tls-root'

/** RFC 5280 §5.3.1 names, as the operator API takes them. `certificateHold` is what a suspension is. */
export const revocationReasons = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  privilegeWithdrawn: 9,
  aACompromise: 10
} as const
export type RevocationReason = keyof typeof revocationReasons

/** The person, or person in an organisation, whom a certificate names. */
export interface SubjectFields {
  fullName: string
  /** 12 digits: CCCD; 9 digits: CMND; anything else: HC (passport). */
  nationalId: string
  email: string | null
  title: string | null
  organisation: { name: string; taxCode?: string; budgetUnitCode?: string } | null
  locality: string | null
  province: string | null
}

/** What is certified. The serial is chosen by `newSerialNumber`, or given by the demo seed. */
export interface IssueRequest {
  provider: string
  subject: SubjectFields
  /** SubjectPublicKeyInfo, DER. */
  spki: Uint8Array
  /** Upper-case hex, with the provider's prefix, at most 40 digits. */
  serialNumber: string
  notBefore: Date
  notAfter: Date
}

/** What a certificate says, for answers and rows. */
export interface CertificateDescription {
  /** RFC 4514, UTF-8, most specific RDN first. */
  subject: string
  issuer: string
  /** CN and O of the subject, as they stand; empty where absent. */
  commonName: string
  organisation: string
  /** Upper-case hex. */
  serialNumber: string
  notBefore: Date
  notAfter: Date
  /** SubjectPublicKeyInfo, DER. */
  spki: Uint8Array
}

/** The certificate authorities: one simulated national root, one issuing CA a provider. */
export interface Pki {
  /** Signs a leaf by the provider's issuing CA. Returns the certificate in DER; stores nothing. */
  issue(request: IssueRequest): Promise<Uint8Array>
  /** A fresh serial with the provider's prefix: 16 octets, at least 80 of its bits random, upper-case hex. */
  newSerialNumber(provider: string): string
  /** The policy of the provider's leaves (certificatePolicies), an OID in dots. */
  policy(provider: string): string
  /** The serial that a demo person's credential has on every machine: prefix and hash of `name`. */
  stableSerialNumber(provider: string, name: string): string
  /** DER certificates above a leaf of `provider`: issuing CA first, then the root. Of `tsa`: its own, then the root. */
  chain(provider: string): readonly Uint8Array[]
  /** Reads a certificate; results for recent ones are remembered. */
  describe(certificate: Uint8Array): CertificateDescription
  /** The certificate in DER; `name` is `root`, a provider, `tsa` or `tls-root`. Null: none is called so. */
  authority(name: string): Uint8Array | null
  /** The present CRL in DER, made anew when a status changed since or its time is nearly over. Null: no such CA. */
  crl(name: string): Promise<Uint8Array | null>
  /** Answers an OCSP request (RFC 6960) with a signed response or an unsigned error response; always DER. */
  ocsp(provider: string, request: Uint8Array): Promise<Uint8Array>
  /** The time-stamping authority, below the root; one for all providers. */
  readonly timestamps: Timestamps
  /** What this server itself is known by under TLS; null where it does not speak it. */
  readonly serverCertificates: ServerCertificates | null
  close(): Promise<void>
}

/** A root of its own for TLS, bound to the names that it was made for. */
export interface ServerCertificates {
  /** The root, DER. */
  root: Uint8Array
  /**
   * Certifies a server's key for all of those names, from now on for some days.
   * @param spki SubjectPublicKeyInfo, DER.
   */
  issue(spki: Uint8Array): Promise<{ certificate: Uint8Array; notAfter: Date }>
}

/** What is to be stamped with the present time. */
export interface TimestampRequest {
  hash: HashAlgorithm
  digest: Uint8Array
  /** Comes back in the token; not negative, at most 32 octets. */
  nonce: bigint | null
}

/** The time-stamping authority (RFC 3161). */
export interface Timestamps {
  /**
   * @returns TimeStampToken, DER: a CMS ContentInfo that carries the authority's certificate.
   * @throws ServiceError `hsm_busy` when too many wait, `hsm_unavailable`; RangeError for a digest or nonce of wrong length.
   */
  stamp(request: TimestampRequest): Promise<Uint8Array>
  /** Since opening. */
  stats(): { made: number; refused: number }
}

/** A certificate that is not good. */
export interface RevokedEntry {
  serialNumber: string
  at: Date
  reason: RevocationReason
}

/** What relying parties are told; null is unknown. */
export type CertificateStatus = 'good' | RevokedEntry | null

/** What the CAs need to know of credentials and to keep for themselves; `store/` provides it. */
export interface PkiStore {
  /**
   * Statuses in the order of the serials, at most 32. `null`: this issuer has no such serial, or has not published it
   * yet: a certificate takes effect then.
   */
  statusesOf(provider: string, serialNumbers: readonly string[]): Promise<CertificateStatus[]>
  /** All that belongs in the CRL now (revoked and suspended), and the version of the statuses it reflects. */
  revoked(provider: string): Promise<{ entries: RevokedEntry[]; version: bigint }>
  statusesVersion(provider: string): Promise<bigint>
  authorities(): Promise<{ name: string; certificate: Uint8Array; ocspCertificate: Uint8Array | null }[]>
  /** Writes an authority unless one of that name exists; answers the one that stands. */
  addAuthority(row: {
    name: string
    certificate: Uint8Array
    ocspCertificate: Uint8Array | null
    createdAt: Date
  }): Promise<{ certificate: Uint8Array; ocspCertificate: Uint8Array | null }>
  /** Replaces the delegated responder certificate of an authority, which is short-lived. */
  setOcspCertificate(name: string, ocspCertificate: Uint8Array): Promise<void>
  list(issuer: string): Promise<RevocationListRow | null>
  /** Stores `row` if its number is above the stored one; answers false when another server was faster. */
  saveList(row: RevocationListRow): Promise<boolean>
}

/** A CRL as stored. */
export interface RevocationListRow {
  issuer: string
  number: bigint
  thisUpdate: Date
  nextUpdate: Date
  statusesVersion: bigint
  der: Uint8Array
}
