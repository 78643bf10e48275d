import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'
import { hashes } from '../hsm/hashes.js'
import type { Activation, Challenge } from './activation.js'

/**
 * What a device is shown of an activation. Made from the stored row alone, so that the same row gives the same
 * challenge, and the same `displayHash`, on every server and years later.
 *
 * @param publicUrl Base of the audience, `PUBLIC_URL` without a trailing slash.
 */
export function challengeOf(activation: Activation, publicUrl: string): Challenge {
  const shown = {
    id: activation.id,
    kind: activation.kind,
    audience: audienceOf(publicUrl, activation.provider),
    clientId: activation.clientId,
    relyingParty: activation.relyingPartyName,
    credentialID: activation.credentialId,
    hashAlgorithmOID: activation.hash === null ? null : hashes[activation.hash].oid,
    description: activation.description,
    numSignatures: activation.numSignatures,
    validUntil: activation.validUntil?.toISOString() ?? null,
    documents: activation.digests.map((digest, index) => ({
      name: activation.documentNames[index] ?? '',
      digest: Buffer.from(digest).toString('base64')
    })),
    nonce: activation.nonce,
    createdAt: activation.createdAt.toISOString(),
    expiresAt: activation.expiresAt.toISOString()
  }
  return { ...shown, displayHash: displayHash(shown) }
}

/** What devices of a provider name as audience of their tokens. */
export const audienceOf = (publicUrl: string, provider: string): string => `${publicUrl}/${provider}`

/** base64url(SHA-256(RFC 8785 canonical JSON of what is shown)). */
export function displayHash(shown: Omit<Challenge, 'displayHash'>): string {
  return createHash('sha256')
    .update(canonicalize(shown) as string)
    .digest('base64url')
}
