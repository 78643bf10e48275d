import { createCipheriv, createHash } from 'node:crypto'

const blockSize = 1024

/**
 * Times between arrivals as people who know nothing of each other cause them: exponentially distributed, so that some
 * come close together and some far apart. Evenly spaced ones would never meet, and hide every queue below full load.
 *
 * @param seed The same text gives the same arrivals.
 * @param perSecond Of the arrivals, on average.
 * @returns Milliseconds to the next arrival, at each call.
 */
export function createArrivals(seed: string, perSecond: number): () => number {
  const meanMs = 1000 / perSecond
  // Chance that can be repeated: the key stream of a cipher.
  const key = createHash('sha256').update(`arrivals ${seed}`).digest()
  const stream = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  let block = Buffer.alloc(0)
  let at = 0
  return () => {
    if (at === block.length) {
      block = stream.update(Buffer.alloc(4 * blockSize))
      at = 0
    }
    const uniform = (block.readUInt32LE(at) + 1) / 2 ** 32
    at += 4
    return -Math.log(uniform) * meanMs
  }
}
