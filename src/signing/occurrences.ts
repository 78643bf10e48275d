/** Digits of `Activation.occurrences`. */
const authorized = '0'
const reserved = '1'

/** The outcome of looking for digests among what was approved. */
export type Match =
  /** `mask` has a `1` at each position taken, and the length of `occurrences`. */
  | { found: true; positions: number[]; mask: string }
  /** `foreign`: one was never approved. `taken`: all were, but one has no occurrence left. */
  | { found: false; why: 'foreign' | 'taken' }

/**
 * Finds an occurrence for each digest, as a multiset: order does not matter, and a digest approved twice may be
 * taken twice. Compared as bytes.
 *
 * @param occurrences One digit an approved digest.
 */
export function matchOccurrences(
  approved: readonly Uint8Array[],
  occurrences: string,
  digests: readonly Uint8Array[]
): Match {
  const free = new Map<string, number[]>()
  const known = new Set<string>()
  for (let position = approved.length - 1; position >= 0; position -= 1) {
    const key = keyOf(approved[position] as Uint8Array)
    known.add(key)
    if (occurrences[position] !== authorized) continue
    const positions = free.get(key)
    if (positions === undefined) free.set(key, [position])
    else positions.push(position)
  }
  const positions: number[] = []
  for (const digest of digests) {
    const key = keyOf(digest)
    if (!known.has(key)) return { found: false, why: 'foreign' }
    const position = free.get(key)?.pop()
    if (position === undefined) return { found: false, why: 'taken' }
    positions.push(position)
  }
  return { found: true, positions, mask: maskOf(positions, occurrences.length) }
}

/** A `1` at each of `positions`, among `length` digits. */
export function maskOf(positions: readonly number[], length: number): string {
  const digits = new Array<string>(length).fill(authorized)
  for (const position of positions) digits[position] = reserved
  return digits.join('')
}

const keyOf = (digest: Uint8Array): string =>
  Buffer.from(digest.buffer, digest.byteOffset, digest.length).toString('latin1')
