import type { HashAlgorithm } from './hsm.js'

/** The hashes whose digests are signed: object identifier (RFC 5754 §2) and length in octets. */
export const hashes: Readonly<Record<HashAlgorithm, { oid: string; octets: number }>> = {
  'SHA-256': { oid: '2.16.840.1.101.3.4.2.1', octets: 32 },
  'SHA-384': { oid: '2.16.840.1.101.3.4.2.2', octets: 48 },
  'SHA-512': { oid: '2.16.840.1.101.3.4.2.3', octets: 64 }
}

/** The hash that an object identifier names, or null when it is not one of ours. */
export function hashByOid(oid: string): HashAlgorithm | null {
  for (const [name, { oid: known }] of Object.entries(hashes)) if (known === oid) return name as HashAlgorithm
  return null
}
