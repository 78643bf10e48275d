import {
  createHash,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  randomBytes,
  sign
} from 'node:crypto'

/** Bits of the flags octet, WebAuthn Level 3 §6.1. */
export const flags = { UP: 0x01, UV: 0x04, BE: 0x08, BS: 0x10, AT: 0x40, ED: 0x80 }

/** What a test changes about an assertion to see it refused. */
export interface AssertionChanges {
  clientData?: Record<string, unknown>
  flags?: number
  rpId?: string
  signCount?: number
  /** Behind the counter. */
  extensions?: Uint8Array
  credentialId?: string
  key?: KeyObject
}

/** A WebAuthn authenticator and the browser around it, written from the standard. */
export class Authenticator {
  readonly #key: KeyObject
  readonly publicJwk: JsonWebKey
  readonly credentialId = randomBytes(32).toString('base64url')
  signCount = 0

  constructor(type: 'ec' | 'rsa' = 'ec') {
    const { privateKey, publicKey } =
      type === 'ec'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('rsa', { modulusLength: 2048 })
    this.#key = privateKey
    this.publicJwk = publicKey.export({ format: 'jwk' })
  }

  /** What a device sends to register it. */
  get registration() {
    return { credentialId: this.credentialId, publicKey: this.publicJwk }
  }

  /** Recognises its owner for `challenge` (base64url) on a page of `origin`; its counter grows by one. */
  assert(origin: string, challenge: string, changes: AssertionChanges = {}) {
    this.signCount += 1
    const client = {
      type: 'webauthn.get',
      challenge,
      origin,
      crossOrigin: false,
      ...changes.clientData
    }
    const clientDataJSON = Buffer.from(JSON.stringify(client))
    const counter = Buffer.alloc(4)
    counter.writeUInt32BE(changes.signCount ?? this.signCount)
    const authenticatorData = Buffer.concat([
      sha256(changes.rpId ?? new URL(origin).hostname),
      Buffer.from([changes.flags ?? flags.UP | flags.UV]),
      counter,
      changes.extensions ?? Buffer.alloc(0)
    ])
    const signed = Buffer.concat([authenticatorData, sha256(clientDataJSON)])
    return {
      credentialId: changes.credentialId ?? this.credentialId,
      authenticatorData: authenticatorData.toString('base64url'),
      clientDataJSON: clientDataJSON.toString('base64url'),
      signature: sign('sha256', signed, changes.key ?? this.#key).toString('base64url')
    }
  }
}

const sha256 = (content: string | Uint8Array): Buffer => createHash('sha256').update(content).digest()
