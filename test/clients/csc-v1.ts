import { setTimeout as sleep } from 'node:timers/promises'
import type { Device, ShownChallenge } from './device.js'
import { type Answer, base64, Portal, type PortalOptions, sha256Oid } from './portal.js'

/** What v1 answers where it refuses. */
export type Refusal = { error?: string; error_description?: string }

/** A relying party, or a subscriber's application, as it would be written from CSC API v1.0.4.0. */
export class PortalV1 extends Portal {
  constructor(options: Omit<PortalOptions, 'version'>) {
    super({ ...options, version: 'v1' })
  }

  /** Any request with its headers as given. */
  async raw(
    method: string,
    body: unknown,
    headers: Record<string, string>
  ): Promise<Answer<Refusal & Record<string, unknown>>> {
    const response = await fetch(`${this.base}/${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body)
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? {} : JSON.parse(text)
    }
  }

  /** auth/login by Basic. */
  login(login: string, password: string, body: object = {}) {
    return this.raw('auth/login', body, basic(login, password))
  }

  override authorize(
    credentialID: string,
    digests: readonly Uint8Array[],
    more: Record<string, unknown> = {},
    token?: string
  ) {
    return this.call<{ SAD?: string; expiresIn?: number } & Refusal>(
      'credentials/authorize',
      {
        credentialID,
        numSignatures: digests.length,
        ...(digests.length === 0 ? {} : { hash: digests.map(base64) }),
        ...more
      },
      token
    )
  }

  override sign(
    credentialID: string,
    sad: unknown,
    digests: readonly Uint8Array[],
    signAlgo: string,
    more: object = {},
    token?: string
  ) {
    return this.call<{ signatures?: string[] } & Refusal>(
      'signatures/signHash',
      { SAD: sad, credentialID, hash: digests.map(base64), signAlgo, hashAlgo: sha256Oid, ...more },
      token
    )
  }

  extend(credentialID: string, sad: unknown, hash?: unknown) {
    return this.call<{ SAD?: string; expiresIn?: number } & Refusal>('credentials/extendTransaction', {
      credentialID,
      SAD: sad,
      ...(hash === undefined ? {} : { hash })
    })
  }
}

export const basic = (login: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${login}:${password}`).toString('base64')}`
})

/** Reads the challenges of a device until one is there, for at most `patienceMs`. */
export async function nextChallenge(device: Device, patienceMs = 20_000): Promise<ShownChallenge> {
  const until = Date.now() + patienceMs
  for (;;) {
    const [first] = await device.challenges()
    if (first !== undefined) return first
    if (Date.now() > until) throw new Error('no challenge came')
    await sleep(50)
  }
}
