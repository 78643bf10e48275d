import { createHash, randomUUID } from 'node:crypto'
import canonicalize from 'canonicalize'
import { type KeyPairJwk, newKeyPair, signJws } from './jws.js'
import { readEvents } from './server-sent-events.js'

/** A challenge as the server sends it. Everything but `displayHash` is what the device must show. */
export interface Challenge {
  id: string
  kind: 'digests' | 'session' | 'device'
  audience: string
  clientId: string
  relyingParty: string
  credentialID: string | null
  hashAlgorithmOID: string | null
  description: string
  numSignatures: number
  validUntil: string | null
  documents: { name: string; digest: string }[]
  nonce: string
  createdAt: string
  expiresAt: string
  displayHash: string
}

/** What the server tells over `GET /events`. */
export type DeviceEvent =
  | { event: 'challenge'; data: Challenge }
  | { event: 'ended'; data: { id: string; status: string } }

/** All a device has to keep. `keys.privateKey` is the secret that makes it this device. */
export interface DeviceState {
  /** Such as `http://127.0.0.1:8080/viettel/phone`. */
  phoneUrl: string
  deviceId: string
  audience: string
  subscriber: { id: string; fullName: string }
  keys: KeyPairJwk
}

/** An answer other than the one asked for. `problem` is the RFC 9457 body, where there was one. */
export class PhoneApiError extends Error {
  override readonly name = 'PhoneApiError'
  constructor(
    readonly status: number,
    readonly problem: Record<string, unknown>
  ) {
    super(`the server answered ${status} ${JSON.stringify(problem)}`)
  }
}

/** Enrols a new device with the activation code its owner got from the operator. */
export async function enrol(options: {
  /** Base address of the server. */
  server: string
  provider: string
  activationCode: string
  name: string
  platform?: string
}): Promise<Device> {
  const phoneUrl = `${options.server}/${options.provider}/phone`
  const keys = await newKeyPair()
  const answer = await fetch(`${phoneUrl}/devices`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      activationCode: options.activationCode,
      name: options.name,
      platform: options.platform ?? `Node.js ${process.version}`,
      publicKey: keys.publicKey
    })
  })
  const body = await bodyOf(answer)
  if (answer.status !== 201) throw new PhoneApiError(answer.status, body)
  const { deviceId, audience, subscriber } = body as unknown as Omit<DeviceState, 'phoneUrl' | 'keys'>
  return new Device({ phoneUrl, deviceId, audience, subscriber, keys })
}

/** An enrolled device. */
export class Device {
  constructor(readonly state: DeviceState) {}

  /** What waits for the owner, oldest first. */
  async challenges(): Promise<Challenge[]> {
    return (await this.call('GET', '/challenges')) as Challenge[]
  }

  /**
   * What waits, then what comes and ends, until `signal` ends it or the server does. After a lost connection start
   * again: the server then sends all that waits, and what was held before is void.
   */
  async *events(signal?: AbortSignal): AsyncGenerator<DeviceEvent> {
    const answer = await fetch(`${this.state.phoneUrl}/events`, {
      headers: { accept: 'text/event-stream', authorization: `Bearer ${await this.deviceToken()}` },
      ...(signal === undefined ? {} : { signal })
    })
    if (answer.status !== 200 || answer.body === null)
      throw new PhoneApiError(answer.status, await bodyOf(answer))
    for await (const { event, data } of readEvents(answer.body)) {
      yield { event, data: JSON.parse(data) } as DeviceEvent
    }
  }

  /**
   * Confirms what was shown. Call it after face or finger was recognised, and not before.
   * @throws Error when what the server asks to confirm is not what it sent to be shown.
   */
  async confirm(shown: Challenge, biometric: 'face' | 'fingerprint' = 'face'): Promise<void> {
    if (displayHash(shown) !== shown.displayHash) throw new Error('the display hash is not of what is shown')
    await this.sendConfirmation(shown.id, await this.biometricToken(shown, biometric))
  }

  /** Sends a finished biometric challenge token. */
  async sendConfirmation(challengeId: string, token: string): Promise<void> {
    await this.call('POST', `/challenges/${encodeURIComponent(challengeId)}/confirm`, { token })
  }

  /** Says no, for good. */
  async reject(challengeId: string, reason?: string): Promise<void> {
    await this.call('POST', `/challenges/${encodeURIComponent(challengeId)}/reject`, { reason })
  }

  /** Takes this device out of service. What it confirmed and nobody used yet is void then. */
  async remove(): Promise<void> {
    await this.call('DELETE', '/devices/self')
  }

  /** The proof of who calls: a JWS that lives for a minute and is used once. */
  deviceToken(): Promise<string> {
    const { deviceId, audience, keys } = this.state
    const iat = Math.floor(Date.now() / 1000)
    return signJws(
      keys.privateKey,
      { kid: deviceId, typ: 'device+jwt' },
      { iss: deviceId, sub: deviceId, aud: audience, iat, exp: iat + 60, jti: randomUUID() }
    )
  }

  /** The evidence of the confirmation: a JWS over the hash of everything shown, and how its owner was recognised. */
  biometricToken(shown: Challenge, biometric: 'face' | 'fingerprint'): Promise<string> {
    const { deviceId, subscriber, keys } = this.state
    const iat = Math.floor(Date.now() / 1000)
    return signJws(
      keys.privateKey,
      { kid: deviceId, typ: 'biometric-challenge+jwt' },
      {
        iss: deviceId,
        sub: subscriber.id,
        aud: shown.audience,
        iat,
        exp: iat + 120,
        jti: randomUUID(),
        challenge: shown.id,
        nonce: shown.nonce,
        display: displayHash(shown),
        amr: ['hwk', biometric === 'face' ? 'face' : 'fpt']
      }
    )
  }

  private async call(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`${this.state.phoneUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${await this.deviceToken()}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' })
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    const read = await bodyOf(answer)
    if (!answer.ok) throw new PhoneApiError(answer.status, read)
    return read
  }
}

/** base64url(SHA-256(RFC 8785 canonical JSON of what is shown)). */
export function displayHash({ displayHash: _sent, ...shown }: Challenge): string {
  return createHash('sha256')
    .update(canonicalize(shown) ?? '')
    .digest('base64url')
}

async function bodyOf(answer: Response): Promise<Record<string, unknown>> {
  const text = await answer.text()
  try {
    return text === '' ? {} : JSON.parse(text)
  } catch {
    return { detail: text }
  }
}
