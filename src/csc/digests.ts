import { type TSchema, Type } from 'typebox'
import type { HashAlgorithm } from '../hsm/hsm.js'
import { digestOctets, readHash } from './algorithms.js'
import { invalidRequest } from './faults.js'
import { missing, parameter } from './validation.js'

/** Most digests in one request; a credential's `multisign` may allow fewer. */
export const digestsMax = 1000
/** base64 or base64url, padded or not, but one alphabet only: 64 octets are 88 characters. */
export const base64Pattern = '^(?:[A-Za-z0-9+/]{2,86}|[A-Za-z0-9_-]{2,86})={0,2}$'
/** What the tables say of it (CSC API v1 §11.9, §11.10). */
export const notBase64 = 'Invalid Base64 hash string parameter'

/**
 * The digests of a call in which SCAL 2 needs them.
 * @throws CscFault when a member is missing or wrong.
 */
export function readNamedDigests(
  { hashes, hashAlgorithmOID }: { hashes?: readonly string[]; hashAlgorithmOID?: string },
  anyBase64: boolean
): { hash: HashAlgorithm; digests: Uint8Array[] } {
  if (hashes === undefined) throw invalidRequest(missing('array', 'hash'))
  const hash = readHash(hashAlgorithmOID)
  return { hash, digests: readDigests(hashes, hash, anyBase64) }
}

/** The `hashes` parameter; its texts are those of signHash (CSC API v1 §11.9). */
export const hashesParameter = parameter(
  Type.Array(Type.String({ pattern: base64Pattern }), {
    minItems: 1,
    maxItems: digestsMax,
    description: 'Digests to be signed, base64. Order is kept in the answer.',
    examples: [['sTOgwOm+474gFj0q0x1iSNspKqbcse4IeiqlDg/HWuI=']]
  }) satisfies TSchema,
  {
    type: missing('array', 'hash'),
    minItems: 'Empty hash array',
    maxItems: 'Numbers of signatures is too high',
    items: notBase64
  }
)

/**
 * Decodes digests once, here at the edge. Exactly one text stands for given octets within an alphabet: what does
 * not encode back to itself is refused, so that two spellings never count as two digests.
 * @param anyBase64 Whether base64url and missing padding are taken (RFC 4648 §3.2, §5).
 * @throws CscFault
 */
export function readDigests(
  texts: readonly string[],
  hash: HashAlgorithm,
  anyBase64: boolean = true
): Uint8Array[] {
  const octets = digestOctets(hash)
  return texts.map((text) => {
    const bare = text.replace(/=+$/, '')
    if (bare !== text && text.length % 4 !== 0) throw invalidRequest(notBase64)
    const digest = Buffer.from(bare, 'base64')
    if (!anyBase64 && text !== digest.toString('base64')) throw invalidRequest(notBase64)
    const again = digest.toString('base64url')
    if (again !== bare.replaceAll('+', '-').replaceAll('/', '_')) throw invalidRequest(notBase64)
    if (digest.length !== octets) throw invalidRequest('Invalid digest value length')
    return digest
  })
}
