import { hash, timingSafeEqual } from 'node:crypto'

/** What `newSecret` makes: 256 random bits in base64url. */
export const secretForm = /^[A-Za-z0-9_-]{43}$/

/** Under which every secret of this engine is stored. */
export const sha256 = (text: string): Buffer => hash('sha256', text, 'buffer')

/** Whether `secret` is the one behind `expected`; null is nobody's. */
export function isSecretOf(secret: string | null, expected: Uint8Array | null): boolean {
  return secret !== null && expected !== null && timingSafeEqual(sha256(secret), expected)
}
