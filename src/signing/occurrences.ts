import { type DigestIndex, digestKey } from '../activation/digest-index.js'

/** Digits of `Activation.occurrences`. */
const authorized = '0'
const reserved = '1'

/** The outcome of looking for digests among what was approved. */
export type Match =
  /** `mask` has a `1` at each position taken, and the length of `occurrences`. */
  | { found: true; positions: number[]; mask: string }
  /** `foreign`: one was never approved. `taken`: all were, or need not be, but one has no occurrence left. */
  | { found: false; why: 'foreign' | 'taken' }

/**
 * Finds an occurrence for each digest, as a multiset: order does not matter, and a digest approved twice may be
 * taken twice.
 *
 * @param occurrences One digit an approved digest.
 */
export function matchOccurrences(
  approved: DigestIndex,
  occurrences: string,
  digests: readonly Uint8Array[]
): Match {
  const positions: number[] = []
  const chosen = new Set<number>()
  for (const digest of digests) {
    const candidates = approved.get(digestKey(digest))
    if (candidates === undefined) return { found: false, why: 'foreign' }
    const position = candidates.find((one) => occurrences[one] === authorized && !chosen.has(one))
    if (position === undefined) return { found: false, why: 'taken' }
    chosen.add(position)
    positions.push(position)
  }
  return { found: true, positions, mask: maskOf(positions, occurrences.length) }
}

/**
 * Finds `count` free occurrences of a session, in which any digest may take any. Where the search begins depends on the
 * digests, so that requests which arrive together seldom want the same.
 */
export function freeOccurrences(occurrences: string, digests: readonly Uint8Array[]): Match {
  const [a = 0, b = 0, c = 0] = digests[0] ?? []
  const start = ((a << 16) | (b << 8) | c) % occurrences.length
  const positions: number[] = []
  for (let step = 0; step < occurrences.length && positions.length < digests.length; step += 1) {
    const position = (start + step) % occurrences.length
    if (occurrences[position] === authorized) positions.push(position)
  }
  if (positions.length < digests.length) return { found: false, why: 'taken' }
  return { found: true, positions, mask: maskOf(positions, occurrences.length) }
}

/** A `1` at each of `positions`, among `length` digits. */
export function maskOf(positions: readonly number[], length: number): string {
  const digits = Buffer.alloc(length, authorized)
  for (const position of positions) digits.write(reserved, position, 'latin1')
  return digits.toString('latin1')
}
