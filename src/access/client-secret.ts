import { hash, randomBytes, timingSafeEqual } from 'node:crypto'

/** Octets of every secret that is made here: 256 bits, so that a plain hash of it cannot be searched. */
const secretOctets = 32

/** A fresh secret: 256 random bits, base64url. */
export function newSecret(): string {
  return randomBytes(secretOctets).toString('base64url')
}

/** SHA-256 of the secret's UTF-8. */
export function secretSha256(secret: string): Uint8Array {
  return hash('sha256', secret, 'buffer')
}

/** What the secret of a party that does not exist is compared with; nobody knows its preimage. */
const nobody = randomBytes(secretOctets)

/** Whether `secret` is the one behind `expected`, in the same time whether there is one (null: no such party). */
export function secretMatches(secret: string, expected: Uint8Array | null): boolean {
  const equal = timingSafeEqual(secretSha256(secret), expected ?? nobody)
  return equal && expected !== null
}
