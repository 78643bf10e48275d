import { timingSafeEqual } from 'node:crypto'
import { decodeJwt, type JWTPayload, jwtVerify } from 'jose'
import { devicePublicKey } from '../enrolment/device-key.js'
import type { Device } from '../enrolment/enrolment.js'
import type { Challenge } from './activation.js'
import { AssertionRefused, verifyAssertion } from './webauthn/assertion.js'

/** Longest token read, in characters. */
export const biometricTokenMaxLength = 8192
/** Longest a device may make its token live, in seconds. */
const lifetimeMaxS = 120
/** How far device and server clocks may be apart, in seconds. */
const clockToleranceS = 30

/** A token that does not confirm; `message` says why, for the log. */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused'
}

/** What a verified token still needs: its id must not have been used before, and the counter must have grown. */
export interface VerifiedToken {
  jti: string
  /** Until when the id must be remembered. */
  rememberUntil: Date
  /** Signature counter of the device's authenticator; null: the device has none registered. */
  signCount: number | null
}

/**
 * Checks that a biometric challenge token confirms exactly this challenge: signed by this device's key with ES256,
 * meant for this provider, over the hash of everything shown, after a face or finger was recognised, and fresh. Where
 * the device registered an authenticator, that one says that its owner was recognised, for this very display.
 *
 * @param challenge Built from the stored activation, never from what the device sent.
 * @param now The time to judge by: the present when confirming, the time of confirmation when verifying again.
 * @throws TokenRefused
 * @see RFC 7519 §4.1 (claims), RFC 8176 §2 (`hwk`, `face`, `fpt`), RFC 8725 §3.1, §3.11 (algorithm and type).
 */
export async function verifyBiometricToken(
  token: string,
  challenge: Challenge,
  device: Pick<Device, 'id' | 'subscriberId' | 'spki' | 'webauthn'>,
  now: Date
): Promise<VerifiedToken> {
  if (token.length > biometricTokenMaxLength) throw new TokenRefused('longer than the limit')
  const { payload } = await jwtVerify(token, devicePublicKey(device.spki), {
    algorithms: ['ES256'],
    typ: 'biometric-challenge+jwt',
    issuer: device.id,
    subject: device.subscriberId,
    audience: challenge.audience,
    currentDate: now,
    clockTolerance: clockToleranceS,
    requiredClaims: ['iat', 'exp', 'jti', 'challenge', 'nonce', 'display', 'amr']
  })
    .then((verified) => {
      if (verified.protectedHeader.kid !== device.id) throw new TokenRefused('kid is not the device')
      return verified
    })
    .catch((cause: unknown) => {
      throw cause instanceof TokenRefused ? cause : new TokenRefused((cause as Error).message, { cause })
    })

  const { iat, exp, jti } = payload
  if (typeof iat !== 'number' || typeof exp !== 'number') throw new TokenRefused('times are not numbers')
  // As one string: a list with ours in it would pass above and not be recognised when it is verified again.
  if (payload.aud !== challenge.audience) throw new TokenRefused('its audience is a list')
  if (iat > now.getTime() / 1000 + clockToleranceS) throw new TokenRefused('issued in the future')
  if (exp <= iat || exp - iat > lifetimeMaxS) throw new TokenRefused(`lives longer than ${lifetimeMaxS} s`)
  if (typeof jti !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(jti))
    throw new TokenRefused('jti is not usable')
  if (!same(payload.challenge, challenge.id)) throw new TokenRefused('for another challenge')
  if (!same(payload.nonce, challenge.nonce)) throw new TokenRefused('another nonce')
  if (!same(payload.display, challenge.displayHash)) throw new TokenRefused('another display was confirmed')
  if (!biometric(payload)) throw new TokenRefused('no face or finger was recognised')
  const signCount = recognised(payload.webauthn, challenge, device)
  return { jti, rememberUntil: new Date((exp + clockToleranceS) * 1000), signCount }
}

/** The claim `webauthn`: what `amr` says is believed of a device with an authenticator only if that one says so too. */
function recognised(
  assertion: unknown,
  challenge: Challenge,
  { webauthn }: Pick<Device, 'webauthn'>
): number | null {
  if (webauthn === null) return null
  if (assertion === undefined) throw new TokenRefused('without the assertion of its authenticator')
  const expected = { challenge: challenge.displayHash, origin: new URL(challenge.audience).origin }
  try {
    return verifyAssertion(assertion, expected, webauthn).signCount
  } catch (cause) {
    if (!(cause instanceof AssertionRefused)) throw cause
    throw new TokenRefused(`the assertion of its authenticator: ${cause.message}`, { cause })
  }
}

/**
 * The public address the server had when a stored token was made: its audience without the provider. Needed to
 * rebuild the display that was confirmed, which names it too; what is read here is believed once the token verifies.
 * @throws TokenRefused
 */
export function publicUrlIn(token: string, provider: string): string {
  const suffix = `/${provider}`
  let aud: unknown
  try {
    aud = decodeJwt(token).aud
  } catch (cause) {
    throw new TokenRefused('not a JWS', { cause })
  }
  if (typeof aud !== 'string' || !aud.endsWith(suffix)) throw new TokenRefused(`not for ${provider}`)
  return aud.slice(0, -suffix.length)
}

/** `hwk`: the key is in hardware. `face`, `fpt`: what was recognised. PIN and password do not count (I2). */
function biometric(payload: JWTPayload): boolean {
  const amr = payload.amr
  return Array.isArray(amr) && amr.includes('hwk') && (amr.includes('face') || amr.includes('fpt'))
}

function same(value: unknown, expected: string): boolean {
  if (typeof value !== 'string') return false
  const [a, b] = [Buffer.from(value), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}
