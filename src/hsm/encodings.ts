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

/**
 * Whether a SubjectPublicKeyInfo of an RSA key is of these numbers, both unsigned and big-endian: it ends with the two
 * INTEGERs of RSAPublicKey (RFC 8017 A.1.1), each with tag and length. Compared as octets, which is a hundred times
 * cheaper than reading the key.
 */
export function namesRsaKey(spki: Uint8Array, modulus: Uint8Array, publicExponent: Uint8Array): boolean {
  const end = Buffer.concat([integer(modulus), integer(publicExponent)])
  return spki.length > end.length && end.equals(spki.subarray(spki.length - end.length))
}

/** A DER INTEGER from an unsigned big-endian number of at most 65,534 octets. */
function integer(number: Uint8Array): Buffer {
  let first = 0
  while (first < number.length - 1 && number[first] === 0) first += 1
  const padded = ((number[first] ?? 0) & 0x80) !== 0
  const content = Buffer.concat([Buffer.alloc(padded ? 1 : 0), number.subarray(first)])
  const { length } = content
  const header =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([0x02, ...header]), content])
}
