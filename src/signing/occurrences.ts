/** Letters of `Activation.occurrences`. */
const authorized = 'a'
const reserved = 'r'

/** The outcome of looking for digests among what was approved. */
export type Match =
  | { found: true; positions: number[]; after: string }
  /** `foreign`: one was never approved. `taken`: all were, but one has no occurrence left. */
  | { found: false; why: 'foreign' | 'taken' }

/**
 * Finds an occurrence for each digest, as a multiset: order does not matter, and a digest approved twice may be
 * taken twice. Compared as bytes.
 *
 * @param occurrences One letter an approved digest.
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
  const letters = occurrences.split('')
  for (const position of positions) letters[position] = reserved
  return { found: true, positions, after: letters.join('') }
}

const keyOf = (digest: Uint8Array): string =>
  Buffer.from(digest.buffer, digest.byteOffset, digest.length).toString('latin1')
