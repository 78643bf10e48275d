import { createHash, createPublicKey, verify } from 'node:crypto'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { TokenKey } from '../hsm/hsm.js'
import type { Json } from './audit.js'
import { type ChainEvent, type ChainHead, canonicalText } from './chain.js'
import { hashHolds } from './chain-check.js'

/** Entries of each list in one event; with some 130 octets each they stay far below the limit of `about`. */
const entriesMax = 2_000

const Head = Type.Object({ chain: Type.String(), seq: Type.Integer({ minimum: 1 }), hash: Type.String() })
const retirementShape = Type.Object({
  ...Head.properties,
  /** Chains whose retirement the retired chain told of. */
  earlier: Type.Array(Head),
  /** SHA-256, base64, of the keys (`enrolledKeys`) of devices whose enrolment the retired chain told of. */
  devices: Type.Array(Type.Object({ deviceId: Type.String(), spkiSha256: Type.String() })),
  spki: Type.String(),
  signature: Type.String()
})
const retirement = Compile(retirementShape)

/** What is left of a chain: its last event, and what others still rely on. */
export interface Retirement extends ChainHead {
  earlier: readonly ChainHead[]
  devices: readonly { deviceId: string; spkiSha256: string }[]
}

/**
 * The `about`s of the `chain.retired` events for a chain, signed in the HSM: whoever can write SQL can add an event to
 * a chain whose server is gone, and must not retire another one by it.
 * @throws ServiceError `hsm_unavailable`, `hsm_busy`.
 */
export async function signRetirement(
  key: TokenKey,
  { chain, seq, hash, earlier, devices }: Retirement
): Promise<{ readonly [key: string]: Json }[]> {
  const abouts = []
  for (let from = 0; from === 0 || from < Math.max(earlier.length, devices.length); from += entriesMax) {
    const part = {
      chain,
      seq,
      hash,
      earlier: earlier.slice(from, from + entriesMax).map(({ chain, seq, hash }) => ({ chain, seq, hash })),
      devices: devices
        .slice(from, from + entriesMax)
        .map(({ deviceId, spkiSha256 }) => ({ deviceId, spkiSha256 }))
    }
    const digest = createHash('sha256').update(retirementBytes(part)).digest()
    const signature = await key.sign({ type: 'ecdsa', hash: 'SHA-256' }, digest, 'der')
    abouts.push({ ...part, spki: base64(key.spki), signature: base64(signature) })
  }
  return abouts
}

/** What a `chain.retired` event says, if it is one, unchanged, and signed by a key that counts; else null. */
export function retirementOf(event: ChainEvent, trusted: ReadonlySet<string>): Retirement | null {
  const { type, about } = event
  if (type !== 'chain.retired' || !retirement.Check(about) || !hashHolds(event)) return null
  const { spki, signature, ...said } = about
  if (!trusted.has(spki)) return null
  try {
    const key = createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' })
    return verify('sha256', retirementBytes(said), key, Buffer.from(signature, 'base64')) ? said : null
  } catch {
    return null // not a key at all
  }
}

/** RFC 8785 canonical JSON, UTF-8; `kind` so that no checkpoint can pass for it. */
const retirementBytes = (said: Retirement): Uint8Array =>
  Buffer.from(canonicalText({ kind: 'chain.retired', ...said }))

const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64')
