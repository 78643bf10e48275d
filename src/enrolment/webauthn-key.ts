import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import type { WebauthnCredential } from '../activation/webauthn/assertion.js'
import { ServiceError } from '../errors.js'
import { readDeviceKey } from './device-key.js'

/** Longest credential id, in octets (WebAuthn Level 3 §4). */
const credentialIdMax = 1023
/** Length of an RSA modulus, in bits. */
const rsaBitsMin = 2048
const rsaBitsMax = 4096

/**
 * The authenticator that a device registers: `{credentialId, publicKey}`, a base64url text and a JWK. ES256 is what
 * phones and tablets have, RS256 the TPM of a computer. Nothing proves here whose it is: the activation code says who
 * enrols, and from then on every confirmation needs an assertion by it.
 * @returns Null: none was given.
 * @throws ServiceError `request_invalid`.
 */
export function readWebauthn(given: unknown): WebauthnCredential | null {
  if (given === undefined || given === null) return null
  const { credentialId, publicKey } = Object(given) as Record<string, unknown>
  if (typeof credentialId !== 'string') throw refused('credentialId', 'is missing')
  const id = Buffer.from(credentialId, 'base64url')
  if (id.length < 1 || id.length > credentialIdMax || id.toString('base64url') !== credentialId)
    throw refused('credentialId', `is not 1 to ${credentialIdMax} octets in base64url`)
  return { credentialId: id, spki: readKey(publicKey) }
}

function readKey(jwk: unknown): Uint8Array {
  const { kty, n, e, d }: Record<string, unknown> = Object(jwk)
  if (kty !== 'RSA') return readDeviceKey(jwk, 'webauthn.publicKey')
  if (typeof n !== 'string' || typeof e !== 'string' || d !== undefined)
    throw refused('publicKey', 'is not the JWK of a public RSA key')
  const key = rsaKey({ kty, n, e })
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  if (bits < rsaBitsMin || bits > rsaBitsMax || key.asymmetricKeyDetails?.publicExponent !== 65537n)
    throw refused('publicKey', `is not an RSA key of ${rsaBitsMin} to ${rsaBitsMax} bits with exponent 65537`)
  return key.export({ format: 'der', type: 'spki' })
}

function rsaKey(jwk: JsonWebKey): KeyObject {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' })
  } catch (cause) {
    throw refused('publicKey', 'is not the JWK of a public RSA key', cause)
  }
}

function refused(member: string, fault: string, cause?: unknown): ServiceError {
  return new ServiceError('request_invalid', `webauthn.${member} ${fault}`, {
    says: `webauthn.${member} ${fault}.`,
    field: `webauthn.${member}`,
    cause
  })
}
