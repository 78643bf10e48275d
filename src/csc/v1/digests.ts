import { hashes } from '../../hsm/hashes.js'
import type { HashAlgorithm } from '../../hsm/hsm.js'
import { readDigests } from '../digests.js'
import { invalidRequest } from '../faults.js'

/**
 * Digests whose hash v1 does not name before signHash: of one length, which says it. SHA-3 has the same lengths and is
 * not among what is signed.
 * @param anyBase64 As of `readDigests`.
 * @throws CscFault `Invalid digest value length`, `Invalid Base64 hash string parameter`.
 */
export function readUnnamedDigests(
  texts: readonly string[],
  anyBase64: boolean
): {
  hash: HashAlgorithm | null
  digests: Uint8Array[]
} {
  const [first] = texts
  if (first === undefined) return { hash: null, digests: [] }
  const octets = Buffer.from(first, 'base64').length
  const hash = (Object.keys(hashes) as HashAlgorithm[]).find((name) => hashes[name].octets === octets)
  if (hash === undefined) throw invalidRequest('Invalid digest value length')
  return { hash, digests: readDigests(texts, hash, anyBase64) }
}
