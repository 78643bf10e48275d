import { base64url } from './canonical.js'

const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/**
 * Makes the key that makes this browser a device. Its private half cannot be read, not by this page either.
 * @returns {Promise<CryptoKeyPair>}
 */
export function newDeviceKey() {
  return crypto.subtle.generateKey(ecdsa, false, ['sign', 'verify'])
}

/**
 * @param {CryptoKey} publicKey
 * @returns {Promise<{ kty?: string, crv?: string, x?: string, y?: string }>} JWK.
 */
export async function publicJwk(publicKey) {
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey)
  return { kty, crv, x, y }
}

/**
 * A compact JWS, ES256: WebCrypto already gives the 64 octets r‖s that RFC 7518 §3.4 asks for.
 * @param {CryptoKey} privateKey
 * @param {{ kid: string, typ: string }} header
 * @param {Record<string, unknown>} claims
 * @returns {Promise<string>}
 */
export async function signJws(privateKey, header, claims) {
  const input = [{ alg: 'ES256', ...header }, claims].map((part) => base64url(JSON.stringify(part))).join('.')
  const signature = await crypto.subtle.sign(ecdsa, privateKey, new TextEncoder().encode(input))
  return `${input}.${base64url(signature)}`
}
