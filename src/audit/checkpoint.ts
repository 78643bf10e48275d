import { createHash, createPublicKey, verify } from 'node:crypto'
import type { TokenKey } from '../hsm/hsm.js'
import { type ChainHead, canonicalText } from './chain.js'

/** All chains' heads at one time, signed in the HSM. */
export interface Checkpoint {
  /** UUIDv7. */
  id: string
  /** RFC 3339 UTC with milliseconds. */
  at: string
  /** Sorted by chain. */
  heads: readonly ChainHead[]
  /** SubjectPublicKeyInfo of the signing key, DER in base64. */
  spki: string
  /** ECDSA-Sig-Value (RFC 3279 §2.2.3) in base64, by P-256 over the SHA-256 of `checkpointBytes`. */
  signature: string
}

/** What is signed: RFC 8785 canonical JSON of `{at, heads, id}`, UTF-8. */
export function checkpointBytes({ id, at, heads }: Pick<Checkpoint, 'id' | 'at' | 'heads'>): Uint8Array {
  const members = heads.map(({ chain, seq, hash }) => ({ chain, seq, hash }))
  return Buffer.from(canonicalText({ id, at, heads: members }))
}

/** @throws ServiceError `hsm_unavailable`, `hsm_busy`. */
export async function signCheckpoint(
  key: TokenKey,
  unsigned: Pick<Checkpoint, 'id' | 'at' | 'heads'>
): Promise<Checkpoint> {
  const digest = createHash('sha256').update(checkpointBytes(unsigned)).digest()
  const signature = await key.sign({ type: 'ecdsa', hash: 'SHA-256' }, digest, 'der')
  return {
    ...unsigned,
    spki: Buffer.from(key.spki).toString('base64'),
    signature: Buffer.from(signature).toString('base64')
  }
}

/** Whether the signature is by the key that the checkpoint carries. Whose key that is, the caller decides. */
export function checkpointSigned(checkpoint: Checkpoint): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(checkpoint.spki, 'base64'), format: 'der', type: 'spki' })
    return (
      key.asymmetricKeyDetails?.namedCurve === 'prime256v1' &&
      verify('sha256', checkpointBytes(checkpoint), key, Buffer.from(checkpoint.signature, 'base64'))
    )
  } catch {
    return false // not a key at all
  }
}
