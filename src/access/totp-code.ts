import { createHmac, timingSafeEqual } from 'node:crypto'

/** Seconds that a code is shown (RFC 6238 §4.1: X). */
const stepS = 30
/** Digits of a code (RFC 4226 §5.3). */
export const totpDigits = 6
/** Time steps that a generator may be early or late (RFC 6238 §5.2). */
const driftSteps = 1

/** The number of the time step at a moment (RFC 6238 §4.2: T, T0 = 0). */
export const stepAt = (at: Date): number => Math.floor(at.getTime() / 1000 / stepS)

/**
 * The code of a time step: HMAC-SHA-1, truncated (RFC 6238 §4, RFC 4226 §5.3).
 * @param secret Octets, shared with the generator.
 */
export function codeOf(secret: Uint8Array, step: number, digits = totpDigits): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const mac = createHmac('sha1', secret).update(counter).digest()
  const offset = mac.readUInt8(mac.length - 1) & 0xf
  const truncated = mac.readUInt32BE(offset) & 0x7fff_ffff
  return String(truncated % 10 ** digits).padStart(digits, '0')
}

/** The time step around `at` whose code this is; null: none's. Compares with every one of them, in constant time. */
export function stepOfCode(secret: Uint8Array, code: string, at: Date): number | null {
  if (!/^[0-9]{6}$/.test(code)) return null
  let found: number | null = null
  for (let drift = -driftSteps; drift <= driftSteps; drift += 1) {
    const step = stepAt(at) + drift
    if (timingSafeEqual(Buffer.from(codeOf(secret, step)), Buffer.from(code))) found = step
  }
  return found
}

/** Base32 without padding (RFC 4648 §6), as generators read secrets. */
export function base32(octets: Uint8Array): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = [...octets].map((octet) => octet.toString(2).padStart(8, '0')).join('')
  const groups = bits.match(/.{1,5}/g) ?? []
  return groups.map((group) => alphabet[Number.parseInt(group.padEnd(5, '0'), 2)]).join('')
}

/** What a generator reads from a QR code: the secret and how it is used. */
export function totpUri(secret: Uint8Array, { issuer, login }: { issuer: string; login: string }): string {
  const [name, of] = [encodeURIComponent(login), encodeURIComponent(issuer)]
  return `otpauth://totp/${of}:${name}?secret=${base32(secret)}&issuer=${of}&algorithm=SHA1&digits=${totpDigits}&period=${stepS}`
}
