import { createHash } from 'node:crypto'
import type { Device } from '../enrolment/enrolment.js'
import type { ChainEvent } from './chain.js'
import type { Tell } from './chain-check.js'

interface Known {
  /** Of the keys that a `device.enrolled` event names. */
  enrolled: string | null
  /** Of the keys that the device's row has, and the first event they were needed for. */
  used: { key: string; chain: string; seq: number } | null
}

/**
 * Binds devices to the chains: who can write SQL can give a device another key and sign a token by it, or take its
 * authenticator away, but the keys it was enrolled with are in an event. Chains are read one after the other, so the two are compared in the end; memory
 * grows with devices.
 */
export class Devices {
  readonly #known = new Map<string, Known>()

  /** Takes a `device.enrolled` event whose hash holds. */
  enrolled(event: ChainEvent): void {
    const told = enrolledKeys(event)
    if (told !== null) this.#of(told.deviceId).enrolled ??= told.spkiSha256
  }

  /** Takes what a retired chain told of: `enrolledKeys`. It is signed, and so goes before events. */
  carried(deviceId: string, spkiSha256: string): void {
    this.#of(deviceId).enrolled = spkiSha256
  }

  /** Takes the keys by which a confirmation verified. */
  used(deviceId: string, keys: Pick<Device, 'spki' | 'webauthn'>, { chain, seq }: ChainEvent): void {
    this.#of(deviceId).used ??= { key: fingerprint(keys.spki, keys.webauthn), chain, seq }
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

/**
 * The device that a `device.enrolled` event tells of, and the SHA-256, base64, of its keys: its own, followed by the
 * key and the credential id of its authenticator if it has one. Null: the event tells of none.
 */
export function enrolledKeys({ about }: ChainEvent): { deviceId: string; spkiSha256: string } | null {
  const { deviceId, spki, webauthn } = about
  if (typeof deviceId !== 'string' || typeof spki !== 'string') return null
  const { credentialId, spki: authenticatorKey } = Object(webauthn) as Record<string, unknown>
  const authenticator =
    typeof credentialId === 'string' && typeof authenticatorKey === 'string'
      ? {
          credentialId: Buffer.from(credentialId, 'base64'),
          spki: Buffer.from(authenticatorKey, 'base64')
        }
      : null
  return { deviceId, spkiSha256: fingerprint(Buffer.from(spki, 'base64'), authenticator) }
}

/** A key's DER says where it ends, so what follows it cannot pass for a part of it. */
function fingerprint(spki: Uint8Array, webauthn: Device['webauthn']): string {
  const hash = createHash('sha256').update(spki)
  if (webauthn !== null) hash.update(webauthn.spki).update(webauthn.credentialId)
  return hash.digest('base64')
}
