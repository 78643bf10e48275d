import { createPublicKey, type KeyObject } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { ServiceError } from '../errors.js'

/** 32 octets in base64url, in the one way of writing them (the last character has two bits to spare). */
const coordinate = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/
/** Members that hold or belong to a private or symmetric key (RFC 7518 §6.2.2, §6.3.2, §6.4). */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/**
 * The public key of a device: a JWK of an EC key on P-256 (RFC 7518 §6.2.1). Members that say nothing of the key
 * itself (`kid`, `ext`, …) are ignored.
 * @param field What the refusal calls it.
 * @returns SubjectPublicKeyInfo, DER.
 * @throws ServiceError `request_invalid`; also when a private key was sent, which then must not be used again.
 */
export function readDeviceKey(jwk: unknown, field = 'publicKey'): Uint8Array {
  const refused = (fault: string, cause?: unknown) =>
    new ServiceError('request_invalid', `device key ${fault}`, {
      says: `${field} ${fault}.`,
      field,
      cause
    })
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) throw refused('is not a JWK')
  const { kty, crv, x, y, alg, use }: Record<string, unknown> = { ...jwk }
  const secret = secretMembers.find((member) => Object.hasOwn(jwk, member))
  if (secret !== undefined)
    throw refused(`holds a private key ("${secret}"): make a new key and send its public half`)
  if (kty !== 'EC' || crv !== 'P-256') throw refused('is not an EC key on P-256')
  if ((alg !== undefined && alg !== 'ES256') || (use !== undefined && use !== 'sig'))
    throw refused('is not for ES256')
  if (typeof x !== 'string' || typeof y !== 'string' || !coordinate.test(x) || !coordinate.test(y)) {
    throw refused('has coordinates that are not 32 octets in base64url')
  }
  try {
    // OpenSSL refuses what is not on the curve.
    return createPublicKey({ key: { kty, crv, x, y }, format: 'jwk' }).export({ format: 'der', type: 'spki' })
  } catch (cause) {
    throw refused('is not a point on the curve', cause)
  }
}

/** Of the devices that confirmed lately. `jose` keeps its own form of a key for as long as the key is kept. */
const keysKept = 2_000
const keys = new LRUCache<string, KeyObject>({ max: keysKept })

/**
 * A key to verify a device's signatures with. Reading one takes OpenSSL as long as verifying two signatures, so it is
 * kept, by the octets it was read from.
 * @param spki SubjectPublicKeyInfo, DER, as `readDeviceKey` made it or a device's authenticator was registered with.
 * @throws Error of OpenSSL when it is none.
 */
export function devicePublicKey(spki: Uint8Array): KeyObject {
  const octets = Buffer.from(spki.buffer, spki.byteOffset, spki.byteLength)
  const name = octets.toString('latin1')
  const known = keys.get(name)
  if (known !== undefined) return known
  const key = createPublicKey({ key: octets, format: 'der', type: 'spki' })
  keys.set(name, key)
  return key
}
