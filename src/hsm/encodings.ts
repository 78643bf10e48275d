import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { algorithms } from './algorithms.js'
import type { KeyAlgorithm } from './hsm.js'

/** Writes an INTEGER into `der` at `at` from an unsigned big-endian number; returns where the next octet goes. */
function writeInteger(der: Uint8Array, at: number, number: Uint8Array): number {
  let first = 0
  while (first < number.length - 1 && number[first] === 0) first += 1
  const padded = ((number[first] ?? 0) & 0x80) !== 0
  der[at] = 0x02
  der[at + 1] = number.length - first + (padded ? 1 : 0)
  const start = at + 2 + (padded ? 1 : 0) // the padding octet is zero already
  der.set(number.subarray(first), start)
  return start + number.length - first
}

/**
 * ECDSA r‖s as DER ECDSA-Sig-Value (RFC 3279 §2.2.3).
 * @param raw 64 or 96 octets, big-endian.
 */
export function ecdsaDer(raw: Uint8Array): Uint8Array {
  const half = raw.length / 2
  const body = new Uint8Array(raw.length + 8)
  const middle = writeInteger(body, 2, raw.subarray(0, half))
  const end = writeInteger(body, middle, raw.subarray(half))
  body[0] = 0x30
  body[1] = end - 2 // at most 2 * (2 + 49): the short form holds for both curves
  return body.slice(0, end)
}

const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')

function spkiOf(key: JsonWebKey): Uint8Array {
  const der = createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'der' })
  return new Uint8Array(der)
}

/** SubjectPublicKeyInfo of an RSA key; both numbers unsigned, big-endian. */
export function rsaSpki(modulus: Uint8Array, publicExponent: Uint8Array): Uint8Array {
  return spkiOf({ kty: 'RSA', n: base64url(modulus), e: base64url(publicExponent) })
}

/** SubjectPublicKeyInfo of an EC key from CKA_EC_POINT, with or without its OCTET STRING header. */
export function ecSpki(algorithm: KeyAlgorithm, ecPoint: Uint8Array): Uint8Array {
  const facts = algorithms[algorithm]
  if (facts.type !== 'EC') throw new TypeError(`${algorithm} has no point`)
  const point = ecPoint.subarray(ecPoint.length - 2 * facts.fieldLength - 1)
  if (point.length !== 2 * facts.fieldLength + 1 || point[0] !== 0x04) {
    throw new TypeError('CKA_EC_POINT is not an uncompressed point')
  }
  const x = point.subarray(1, 1 + facts.fieldLength)
  const y = point.subarray(1 + facts.fieldLength)
  return spkiOf({ kty: 'EC', crv: facts.curve, x: base64url(x), y: base64url(y) })
}

/** Modulus and exponent of an RSA SubjectPublicKeyInfo, unsigned, without leading zeros; null for another key. */
export function rsaNumbers(spki: Uint8Array): { modulus: Buffer; publicExponent: Buffer } | null {
  const { n, e } = createPublicKey({ key: Buffer.from(spki), type: 'spki', format: 'der' }).export({
    format: 'jwk'
  })
  if (n === undefined || e === undefined) return null
  return { modulus: Buffer.from(n, 'base64url'), publicExponent: Buffer.from(e, 'base64url') }
}
