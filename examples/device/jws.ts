import { Crypto } from '@peculiar/webcrypto'

const { subtle } = new Crypto()
const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** A P-256 key pair as JWK (RFC 7517); only the private one has `d`. */
export interface KeyPairJwk {
  publicKey: EcJwk
  privateKey: EcJwk & { d: string }
}
interface EcJwk {
  kty: string
  crv: string
  x: string
  y: string
}

/**
 * Makes a device key. A real phone makes it inside its secure element and never sees the private half; this
 * program keeps it as a JWK.
 */
export async function newKeyPair(): Promise<KeyPairJwk> {
  const pair = await subtle.generateKey(ecdsa, true, ['sign', 'verify'])
  const { kty = '', crv = '', x = '', y = '', d = '' } = await subtle.exportKey('jwk', pair.privateKey)
  return { publicKey: { kty, crv, x, y }, privateKey: { kty, crv, x, y, d } }
}

/** A compact JWS, ES256: WebCrypto already gives the 64 octets r‖s that RFC 7518 §3.4 asks for. */
export async function signJws(
  privateKey: KeyPairJwk['privateKey'],
  header: { kid: string; typ: string },
  claims: Record<string, unknown>
): Promise<string> {
  const key = await subtle.importKey('jwk', privateKey, ecdsa, false, ['sign'])
  const input = [{ alg: 'ES256', ...header }, claims].map((part) => base64url(JSON.stringify(part))).join('.')
  const signature = await subtle.sign(ecdsa, key, Buffer.from(input))
  return `${input}.${base64url(signature)}`
}

const base64url = (content: string | ArrayBuffer): string =>
  (typeof content === 'string' ? Buffer.from(content) : Buffer.from(content)).toString('base64url')
