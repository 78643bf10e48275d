import { createHash, generateKeyPairSync, type JsonWebKey, type KeyObject, randomUUID } from 'node:crypto'
import canonicalize from 'canonicalize'
import { type JWTHeaderParameters, SignJWT } from 'jose'
import type { Answer } from './portal.js'

/** A challenge as the phone API sends it. */
export interface ShownChallenge {
  id: string
  audience: string
  nonce: string
  displayHash: string
  documents: { name: string; digest: string }[]
  [member: string]: unknown
}

/** Changes a test makes to a biometric challenge token to see it refused. */
export interface TokenChanges {
  header?: Record<string, unknown>
  claims?: Record<string, unknown>
  /** Signs with this key instead of the device's own. */
  key?: KeyObject | Uint8Array
  /** Seconds to add to the device's idea of now. */
  clockOffsetS?: number
}

/** A phone of one's own: a P-256 key in memory and the phone API, written from its documents. */
export class Device {
  #url: string
  readonly #key: KeyObject
  readonly #provider: string
  readonly publicJwk: JsonWebKey
  /** The device's clock, since tests move the server's. */
  readonly #now: () => Date
  id = ''
  audience = ''
  subscriberId = ''

  constructor(options: { url: string; provider: string; now?: () => Date }) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.#key = privateKey
    this.publicJwk = publicKey.export({ format: 'jwk' }) as JsonWebKey
    this.#provider = options.provider
    this.#url = `${options.url}/${options.provider}/phone`
    this.#now = options.now ?? (() => new Date())
  }

  /** Talks to the server at another address from now on; its audience stays. */
  moveTo(url: string): void {
    this.#url = `${url}/${this.#provider}/phone`
  }

  /** Registers with an activation code that an operator made. `more`: further members of the body. */
  async enrol(activationCode: string, more: object = {}): Promise<Answer> {
    const { kty, crv, x, y } = this.publicJwk
    const answer = await this.send('POST', '/devices', {
      activationCode,
      name: 'Điện thoại thử',
      platform: 'test',
      publicKey: { kty, crv, x, y },
      ...more
    })
    this.id = String(answer.body.deviceId)
    this.audience = String(answer.body.audience)
    this.subscriberId = String((answer.body.subscriber as { id?: string } | undefined)?.id)
    return answer
  }

  async challenges(): Promise<ShownChallenge[]> {
    const answer = await this.send('GET', '/challenges', undefined, await this.bearer())
    return answer.body as unknown as ShownChallenge[]
  }

  /** Reads the challenges until `id` is among them. */
  async challenge(id: unknown): Promise<ShownChallenge> {
    const found = (await this.challenges()).find((challenge) => challenge.id === id)
    if (found === undefined) throw new Error(`no challenge ${String(id)} is shown`)
    return found
  }

  /** Confirms what it was shown, or what a test makes of it. */
  async confirm(challenge: ShownChallenge, changes: TokenChanges = {}): Promise<Answer> {
    return this.confirmWith(challenge.id, await this.biometricToken(challenge, changes))
  }

  async confirmWith(challengeId: string, token: string): Promise<Answer> {
    return this.send('POST', `/challenges/${challengeId}/confirm`, { token }, await this.bearer())
  }

  async reject(challengeId: string, reason?: string): Promise<Answer> {
    return this.send('POST', `/challenges/${challengeId}/reject`, { reason }, await this.bearer())
  }

  async biometricToken(challenge: ShownChallenge, changes: TokenChanges = {}): Promise<string> {
    const iat = this.#seconds() + (changes.clockOffsetS ?? 0)
    const header = { alg: 'ES256', kid: this.id, typ: 'biometric-challenge+jwt', ...changes.header }
    return new SignJWT({
      iss: this.id,
      sub: this.subscriberId,
      aud: this.audience,
      iat,
      exp: iat + 60,
      jti: randomUUID(),
      challenge: challenge.id,
      nonce: challenge.nonce,
      display: displayHashOf(challenge),
      amr: ['hwk', 'face'],
      ...changes.claims
    })
      .setProtectedHeader(header as JWTHeaderParameters)
      .sign(changes.key ?? this.#key)
  }

  /** The JWS that says which device calls. */
  async bearer(changes: TokenChanges = {}): Promise<string> {
    const iat = this.#seconds() + (changes.clockOffsetS ?? 0)
    return new SignJWT({
      iss: this.id,
      sub: this.id,
      aud: this.audience,
      iat,
      exp: iat + 60,
      jti: randomUUID(),
      ...changes.claims
    })
      .setProtectedHeader({
        alg: 'ES256',
        kid: this.id,
        typ: 'device+jwt',
        ...changes.header
      } as JWTHeaderParameters)
      .sign(changes.key ?? this.#key)
  }

  async send(method: string, path: string, body?: unknown, bearer?: string): Promise<Answer> {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: {
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' })
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) }
  }

  #seconds(): number {
    return Math.floor(this.#now().getTime() / 1000)
  }
}

/** Recomputed from what is shown, as the contract says a device must. */
export function displayHashOf({ displayHash: _claimed, ...shown }: ShownChallenge): string {
  return createHash('sha256')
    .update(canonicalize(shown) as string)
    .digest('base64url')
}
