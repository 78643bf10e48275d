/** Where each digest stands among those approved: positions from 0, ascending. Keyed by `digestKey`. */
export type DigestIndex = ReadonlyMap<string, readonly number[]>

/** Made once for an approval, so that a request costs as much as its own digests, however many were approved. */
export function indexDigests(digests: readonly Uint8Array[]): DigestIndex {
  const index = new Map<string, number[]>()
  for (const [position, digest] of digests.entries()) {
    const key = digestKey(digest)
    const positions = index.get(key)
    if (positions === undefined) index.set(key, [position])
    else positions.push(position)
  }
  return index
}

/** The octets of a digest as a map's key: compared as bytes, one character an octet. */
export const digestKey = (digest: Uint8Array): string =>
  Buffer.from(digest.buffer, digest.byteOffset, digest.length).toString('latin1')
