import { createHash } from 'node:crypto'
import type { ChainEvent } from './chain.js'
import type { Tell } from './chain-check.js'

interface Known {
  /** Of the key that a `device.enrolled` event names. */
  enrolled: string | null
  /** Of the key that the device's row has, and the first event it was needed for. */
  used: { key: string; chain: string; seq: number } | null
}

/**
 * Binds devices to the chains: who can write SQL can give a device another key and sign a token by it, but the key it
 * was enrolled with is in an event. Chains are read one after the other, so the two are compared in the end; memory
 * grows with devices.
 */
export class Devices {
  readonly #known = new Map<string, Known>()

  /** Takes a `device.enrolled` event whose hash holds. */
  enrolled({ about }: ChainEvent): void {
    const { deviceId, spki } = about
    if (typeof deviceId !== 'string' || typeof spki !== 'string') return
    this.#of(deviceId).enrolled ??= fingerprint(Buffer.from(spki, 'base64'))
  }

  /** Takes what a retired chain told of: the SHA-256 of the key, base64. It is signed, and so goes before events. */
  carried(deviceId: string, spkiSha256: string): void {
    this.#of(deviceId).enrolled = spkiSha256
  }

  /** Takes the key by which a confirmation verified. */
  used(deviceId: string, spki: Uint8Array, { chain, seq }: ChainEvent): void {
    this.#of(deviceId).used ??= { key: fingerprint(spki), chain, seq }
  }

  end(tell: Tell): void {
    for (const [id, { enrolled, used }] of this.#known) {
      if (used === null || used.key === enrolled) continue
      const says =
        enrolled === null
          ? `no event tells that device ${id}, which confirmed, was enrolled`
          : `device ${id}, which confirmed, was enrolled with another key`
      tell('device-wrong', used.chain, used.seq, says)
    }
  }

  #of(deviceId: string): Known {
    const known = this.#known.get(deviceId) ?? { enrolled: null, used: null }
    this.#known.set(deviceId, known)
    return known
  }
}

const fingerprint = (spki: Uint8Array): string => createHash('sha256').update(spki).digest('base64')
