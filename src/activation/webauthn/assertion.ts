import { createHash, timingSafeEqual, verify } from 'node:crypto'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { devicePublicKey } from '../../enrolment/device-key.js'
import { readAuthenticatorData } from './authenticator-data.js'

/** The credential of an authenticator that recognises the owner of a device, as it was registered. */
export interface WebauthnCredential {
  /** 1 to 1,023 octets, as the authenticator chose them. */
  credentialId: Uint8Array
  /** SubjectPublicKeyInfo, DER: P-256 (ES256) or RSA of 2,048 to 4,096 bits (RS256). */
  spki: Uint8Array
}

/** What an assertion has to be about. */
export interface AssertionExpected {
  /** base64url: the hash of the display, which is the challenge of the ceremony. */
  challenge: string
  /** Where the page is served, such as `https://sign.example.vn`. The RP ID is its host. */
  origin: string
}

/** An assertion that does not show that the owner was recognised; `message` says why, for the log. */
export class AssertionRefused extends Error {
  override readonly name = 'AssertionRefused'
}

/** base64url without padding, of at most this many octets. */
const octets = (max: number) =>
  Type.String({ pattern: '^[A-Za-z0-9_-]+$', maxLength: Math.ceil((max * 4) / 3) })
const assertion = Compile(
  Type.Object({
    credentialId: octets(1023),
    authenticatorData: octets(1024),
    clientDataJSON: octets(2048),
    signature: octets(512)
  })
)
const clientData = Compile(
  Type.Object({
    type: Type.String(),
    challenge: Type.String(),
    origin: Type.String(),
    crossOrigin: Type.Optional(Type.Boolean()),
    topOrigin: Type.Optional(Type.String())
  })
)

/**
 * Checks that an authenticator recognised the owner (UV) for exactly this challenge, on this page.
 * @param given What the device sent: `{credentialId, authenticatorData, clientDataJSON, signature}`, all base64url.
 * @returns Its signature counter, which the caller compares with the last one (§6.1.1).
 * @throws AssertionRefused
 * @see WebAuthn Level 3 §7.2, whose steps the checks follow.
 */
export function verifyAssertion(
  given: unknown,
  expected: AssertionExpected,
  credential: WebauthnCredential
): { signCount: number } {
  if (!assertion.Check(given)) throw new AssertionRefused('it is not an assertion')
  // Steps 5 and 6: the credential that was registered, and no other of the same person.
  if (!same(decode(given.credentialId), credential.credentialId))
    throw new AssertionRefused('of another credential')

  // Steps 9 to 14.
  const clientDataJSON = decode(given.clientDataJSON)
  const client = jsonOf(clientDataJSON)
  if (!clientData.Check(client)) throw new AssertionRefused('its client data cannot be read')
  if (client.type !== 'webauthn.get') throw new AssertionRefused('of another ceremony')
  if (!same(Buffer.from(client.challenge), Buffer.from(expected.challenge)))
    throw new AssertionRefused('for another challenge')
  if (client.origin !== expected.origin) throw new AssertionRefused('from another origin')
  if (client.crossOrigin === true || client.topOrigin !== undefined)
    throw new AssertionRefused('from inside a page of another origin')

  // Steps 15 to 19.
  const authenticatorData = decode(given.authenticatorData)
  const said = readAuthenticatorData(authenticatorData)
  if (said === null) throw new AssertionRefused('its authenticator data cannot be read')
  if (!same(said.rpIdHash, sha256(new URL(expected.origin).hostname)))
    throw new AssertionRefused('for another relying party')
  if (!said.userPresent) throw new AssertionRefused('without user presence')
  if (!said.userVerified) throw new AssertionRefused('without user verification')

  // Steps 20 and 21.
  const signed = Buffer.concat([authenticatorData, sha256(clientDataJSON)])
  if (!holds(signed, decode(given.signature), credential.spki))
    throw new AssertionRefused('its signature does not verify')
  return { signCount: said.signCount }
}

/** ES256 signatures are DER here (§6.5.5); the key says which algorithm it is. */
function holds(signed: Uint8Array, signature: Uint8Array, spki: Uint8Array): boolean {
  return verify('sha256', signed, devicePublicKey(spki), signature)
}

function jsonOf(octets: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(octets)) as unknown
  } catch {
    return null
  }
}

const decode = (text: string): Uint8Array => Buffer.from(text, 'base64url')
const sha256 = (content: string | Uint8Array): Uint8Array => createHash('sha256').update(content).digest()
const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b)
