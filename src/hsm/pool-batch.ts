import { algorithms } from './algorithms.js'
import { hashes } from './hashes.js'
import type { SignResult } from './hsm.js'
import type { Part } from './pool-queue.js'
import { type Batch, compact, type Failure, type FromWorker, type KeyReference } from './protocol.js'

/** Packs parts into one message; a key that several of them use travels once. */
export function packBatch(seq: number, parts: readonly Part[]): Batch {
  const keys: KeyReference[] = []
  const indices = new Map<KeyReference, number>()
  const digests = new Uint8Array(
    parts.reduce((sum, { job, count }) => sum + count * hashes[job.scheme.hash].octets, 0)
  )
  let at = 0
  const items = parts.map(({ job, from, count }) => {
    let key = indices.get(job.key)
    if (key === undefined) {
      key = keys.push(compactKey(job.key)) - 1
      indices.set(job.key, key)
    }
    for (const digest of job.digests.slice(from, from + count)) {
      digests.set(digest, at)
      at += digest.length
    }
    return { key, scheme: job.scheme, count }
  })
  return { type: 'batch', seq, keys, items, digests }
}

function compactKey(key: KeyReference): KeyReference {
  const { source } = key
  return {
    ...key,
    spki: compact(key.spki),
    source:
      source.type === 'wrapped'
        ? { ...source, blob: compact(source.blob) }
        : source.type === 'subscriber'
          ? { ...source, tokenKeyId: compact(source.tokenKeyId) }
          : source
  }
}

function settle({ job, from }: Part, index: number, result: SignResult): void {
  job.results[from + index] = result
  job.open -= 1
  if (job.open === 0) job.resolve(job.results)
}

/** Hands a worker's answer to the calls it belongs to. */
export function settleBatch(
  parts: readonly Part[],
  { signatures, failures }: Extract<FromWorker, { type: 'done' }>,
  count: (result: SignResult) => void
): void {
  const failed = new Map<number, Failure>(failures.map(({ index, failure }) => [index, failure]))
  let digest = 0
  let at = 0
  for (const part of parts) {
    const { signatureLength } = algorithms[part.job.key.algorithm]
    for (let index = 0; index < part.count; index += 1) {
      const result: SignResult = failed.get(digest) ?? {
        outcome: 'signed',
        signature: signatures.slice(at, at + signatureLength)
      }
      count(result)
      settle(part, index, result)
      digest += 1
      at += signatureLength
    }
  }
}

/** Ends parts that will get no answer: the first `uncertain` digests may have been signed, the rest were not. */
export function settleLost(
  parts: readonly Part[],
  uncertain: number,
  count: (result: SignResult) => void,
  detail = 'the signing worker ended before it came to this digest'
): void {
  let digest = 0
  for (const part of parts) {
    for (let index = 0; index < part.count; index += 1) {
      const result: SignResult =
        digest < uncertain
          ? { outcome: 'uncertain', detail: 'the signing worker gave no answer' }
          : { outcome: 'refused', reason: 'unavailable', detail }
      count(result)
      settle(part, index, result)
      digest += 1
    }
  }
}
