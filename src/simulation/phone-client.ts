import { createHash, randomUUID } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { Clock } from '../clock.js'
import type { Device } from '../enrolment/enrolment.js'
import type { KeyStorage, StoredKey } from '../hsm/hsm.js'
import type { Biometric } from '../store/virtual-phones.js'
import { signInHsm } from './device-jws.js'

const deviceTokenLifetimeS = 60
const biometricTokenLifetimeS = 120
const requestTimeoutMs = 10_000

/** A challenge as the phone API gives it; more members may come. */
export interface ShownChallenge {
  id: string
  audience: string
  description: string
  nonce: string
  expiresAt: string
  displayHash: string
  [member: string]: unknown
}

/** The server answered, but not with what was asked for. */
export class PhoneApiRefusal extends Error {
  override readonly name = 'PhoneApiRefusal'
  readonly status: number
  constructor(status: number, body: string) {
    super(`${status} ${body.slice(0, 300)}`)
    this.status = status
  }
  /** Whether the same call may succeed later. */
  get passing(): boolean {
    return this.status >= 500 || this.status === 429
  }
}

/** The part of `fetch` that a virtual phone uses. */
export type PhoneFetch = (
  url: string,
  request: { method: string; headers: Record<string, string>; body?: string; signal: AbortSignal }
) => Promise<{ ok: boolean; status: number; text(): Promise<string> }>

/** What a virtual phone calls, over HTTP as any device does. */
export interface PhoneClient {
  challenges(device: Device): Promise<ShownChallenge[]>
  confirm(device: Device, challengeId: string, token: string): Promise<void>
  reject(device: Device, challengeId: string): Promise<void>
  /** The token that confirms `challenge`; without a `biometric` one that must be refused. */
  biometricToken(device: Device, challenge: ShownChallenge, biometric: Biometric | null): Promise<string>
}

/** The phone API's client side, with keys in the HSM. */
export function createPhoneClient(deps: {
  /** Where this server listens, such as `http://127.0.0.1:8080`. */
  baseUrl: string
  /** Base of the audience: `PUBLIC_URL`. */
  publicUrl: string
  keys: Pick<KeyStorage, 'sign'>
  fetch: PhoneFetch
  now: Clock
  /** Ends what is under way. */
  signal: AbortSignal
}): PhoneClient {
  const { baseUrl, publicUrl, keys, now } = deps
  const nowS = (): number => Math.floor(now().getTime() / 1000)

  async function call(device: Device, method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> {
    const iat = nowS()
    const token = await signInHsm(keys, keyOf(device), {
      header: { kid: device.id, typ: 'device+jwt' },
      claims: {
        iss: device.id,
        sub: device.id,
        aud: `${publicUrl}/${device.provider}`,
        iat,
        exp: iat + deviceTokenLifetimeS,
        jti: randomUUID()
      }
    })
    const answer = await deps.fetch(`${baseUrl}/${device.provider}/phone${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' })
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([deps.signal, AbortSignal.timeout(requestTimeoutMs)])
    })
    const text = await answer.text()
    if (!answer.ok) throw new PhoneApiRefusal(answer.status, text)
    return JSON.parse(text)
  }

  return {
    challenges: async (device) => (await call(device, 'GET', '/challenges')) as ShownChallenge[],
    confirm: async (device, id, token) =>
      void (await call(device, 'POST', `/challenges/${encodeURIComponent(id)}/confirm`, { token })),
    reject: async (device, id) =>
      void (await call(device, 'POST', `/challenges/${encodeURIComponent(id)}/reject`, {
        reason: 'rejected by a virtual phone'
      })),
    async biometricToken(device, challenge, biometric) {
      const iat = nowS()
      return signInHsm(keys, keyOf(device), {
        header: { kid: device.id, typ: 'biometric-challenge+jwt' },
        claims: {
          iss: device.id,
          sub: device.subscriberId,
          aud: challenge.audience,
          iat,
          exp: iat + biometricTokenLifetimeS,
          jti: randomUUID(),
          challenge: challenge.id,
          nonce: challenge.nonce,
          display: displayHashOf(challenge),
          amr: biometric === null ? ['hwk'] : ['hwk', biometric === 'face' ? 'face' : 'fpt']
        }
      })
    }
  }
}

/** The hash over what is shown, as the device computes it: base64url(SHA-256(RFC 8785 JSON)). */
export function displayHashOf({ displayHash: _claimed, ...shown }: ShownChallenge): string {
  return createHash('sha256')
    .update(canonicalize(shown) ?? '')
    .digest('base64url')
}

/** @throws TypeError for a device whose key its owner holds. */
function keyOf(device: Device): StoredKey {
  if (device.virtualKey === null) throw new TypeError(`device ${device.id} is not a virtual one`)
  return device.virtualKey
}
