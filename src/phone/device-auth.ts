import { decodeProtectedHeader, errors, jwtVerify } from 'jose'
import type { Refusals } from '../access/refusals.js'
import { audienceOf } from '../activation/challenge.js'
import type { Clock } from '../clock.js'
import { devicePublicKey } from '../enrolment/device-key.js'
import type { Device, Directory } from '../enrolment/enrolment.js'
import { ServiceError } from '../errors.js'
import type { UsedTokenIds } from '../store/used-token-ids.js'

/** Longest device token read, in characters. */
const tokenMaxLength = 4096
/** Longest a device may make its token live, in seconds. */
const lifetimeMaxS = 60
/** How far device and server clocks may be apart, in seconds. */
const clockToleranceS = 30

/** What proving a device needs. */
export interface DeviceAuthDeps {
  directory: Pick<Directory, 'device'>
  usedTokenIds: Pick<UsedTokenIds, 'claim'>
  refusals: Pick<Refusals, 'record'>
  /** Base of the audience, `PUBLIC_URL` without a trailing slash. */
  publicUrl: string
  /** Whether devices of the simulator are let in. */
  virtualDevices: boolean
  now: Clock
}

/** A device's proof of identity, as it came. */
export interface DeviceProof {
  provider: string
  /** The Authorization header, if there was one. */
  authorization: string | undefined
  /** Whether this token may be used once only: true on everything that changes something. */
  singleUse: boolean
}

/** Says which device calls. */
export interface DeviceAuth {
  /**
   * @throws ServiceError `authentication_required` without a bearer token; `authentication_failed` for every other
   *   reason, so that a caller cannot tell a device that does not exist from one whose key it does not have;
   *   `integrity_broken` when the device's row was tampered with. Audited.
   */
  authenticate(proof: DeviceProof): Promise<Device>
}

/**
 * Devices prove themselves by a short-lived JWS over no more than who they are and whom they talk to.
 * @see RFC 7519 §4.1 (claims), RFC 8725 §3.1 (fixed algorithm), §3.11 (explicit type), RFC 6750 §2.1 (bearer).
 */
export function createDeviceAuth(deps: DeviceAuthDeps): DeviceAuth {
  const { directory, usedTokenIds, refusals, publicUrl, virtualDevices, now } = deps

  async function verify(token: string, device: Device | null, proof: DeviceProof): Promise<Device> {
    if (device === null || device.removedAt !== null) throw new TokenRefused('no such device')
    if (device.provider !== proof.provider) throw new TokenRefused('a device of another provider')
    if (device.virtual && !virtualDevices) throw new TokenRefused('a virtual device, and SIMULATION is off')

    const audience = audienceOf(publicUrl, proof.provider)
    const { payload } = await jwtVerify(token, devicePublicKey(device.spki), {
      algorithms: ['ES256'],
      typ: 'device+jwt',
      issuer: device.id,
      subject: device.id,
      audience,
      currentDate: now(),
      clockTolerance: clockToleranceS,
      maxTokenAge: lifetimeMaxS,
      requiredClaims: ['iat', 'exp', 'jti']
    })
    const { aud, iat, exp, jti } = payload
    if (aud !== audience) throw new TokenRefused('meant for others as well')
    if (typeof iat !== 'number' || typeof exp !== 'number') throw new TokenRefused('times are not numbers')
    if (exp <= iat || exp - iat > lifetimeMaxS) throw new TokenRefused(`lives longer than ${lifetimeMaxS} s`)
    // Printable: what PostgreSQL cannot store (a NUL) must not become a fault of ours.
    if (typeof jti !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(jti))
      throw new TokenRefused('jti is not usable')

    if (proof.singleUse) {
      const rememberUntil = new Date((exp + clockToleranceS) * 1000)
      const fresh = await usedTokenIds.claim({ issuer: `device+jwt ${device.id}`, jti, rememberUntil })
      if (!fresh) throw new TokenRefused('used before')
    }
    return device
  }

  return {
    async authenticate(proof) {
      const token = /^Bearer +(\S+)$/i.exec(proof.authorization ?? '')?.[1]
      if (token === undefined) throw new ServiceError('authentication_required', 'no bearer token was sent')
      let device: Device | null = null
      try {
        device = await directory.device(claimedDevice(token))
        return await verify(token, device, proof)
      } catch (cause) {
        const reason = reasonOf(cause)
        if (reason === null) throw cause
        // An unknown name is not written down: it is a stranger's text.
        const deviceId = device?.id ?? null
        await refusals.record(`device ${proof.provider}`, `${deviceId ?? ''} ${reason}`, {
          type: 'device.refused',
          actor: 'anyone',
          about: { provider: proof.provider, deviceId, reason }
        })
        throw new ServiceError(
          'authentication_failed',
          `token of device ${deviceId ?? '?'} refused: ${reason}`
        )
      }
    }
  }
}

/** A token that proves nothing; `message` says why, for log and audit. */
class TokenRefused extends Error {
  override readonly name = 'TokenRefused'
}

/** The device that a token says it is from. Nothing is proven by it. */
function claimedDevice(token: string): string {
  if (token.length > tokenMaxLength) throw new TokenRefused('longer than the limit')
  let kid: unknown
  try {
    kid = decodeProtectedHeader(token).kid
  } catch (cause) {
    throw new TokenRefused('not a compact JWS', { cause })
  }
  if (typeof kid !== 'string' || !/^[\x21-\x7e]{1,64}$/.test(kid))
    throw new TokenRefused('kid is not a device id')
  return kid
}

/** Null: not a refusal but a fault. Never the library's own message, which may repeat what the caller sent. */
function reasonOf(cause: unknown): string | null {
  if (cause instanceof TokenRefused) return cause.message
  if (cause instanceof errors.JWTClaimValidationFailed || cause instanceof errors.JWTExpired) {
    return `${cause.code} ${cause.claim}`
  }
  return cause instanceof errors.JOSEError ? cause.code : null
}
