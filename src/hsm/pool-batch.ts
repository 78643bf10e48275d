import type { LRUCache } from 'lru-cache'
import { algorithms } from './algorithms.js'
import { hashes } from './hashes.js'
import type { SignatureScheme, SignResult } from './hsm.js'
import type { KeyNumbers } from './key-numbers.js'
import type { Part } from './pool-queue.js'
import {
  type Batch,
  compact,
  type Failure,
  type FromWorker,
  itemNumbers,
  type KeyMissing,
  type KeyReference
} from './protocol.js'

/** What the pool believes a worker to hold, by number; as large as the worker's own memory, and used in the same order. */
export type HeldKeys = LRUCache<number, true>

/** Packs parts into one message. Keys that the worker does not hold travel with it, once. */
export function packBatch(seq: number, parts: readonly Part[], numbers: KeyNumbers, held: HeldKeys): Batch {
  const keys = new Map<number, KeyReference>()
  const schemes: SignatureScheme[] = []
  const items = new Float64Array(parts.length * itemNumbers)
  const digests = new Uint8Array(
    parts.reduce((sum, { job, count }) => sum + count * hashes[job.scheme.hash].octets, 0)
  )
  let at = 0
  parts.forEach(({ job: { key, scheme, digests: all }, from, count }, index) => {
    const number = numbers.of(key)
    if (held.get(number) === undefined) {
      keys.set(number, compactKey(key))
      held.set(number, true)
    }
    let schemeAt = schemes.findIndex((one) => sameScheme(one, scheme))
    if (schemeAt < 0) schemeAt = schemes.push(scheme) - 1
    items.set([number, schemeAt, count, algorithms[key.algorithm].signatureLength], index * itemNumbers)
    for (let place = from; place < from + count; place += 1) {
      const digest = all[place] as Uint8Array
      digests.set(digest, at)
      at += digest.length
    }
  })
  return { type: 'batch', seq, keys, schemes, items, digests }
}

const sameScheme = (a: SignatureScheme, b: SignatureScheme): boolean =>
  a.type === b.type &&
  a.hash === b.hash &&
  (a.type !== 'pss' || b.type !== 'pss' || a.saltLength === b.saltLength)

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

/**
 * Hands a worker's answer to the calls it belongs to.
 * @returns The parts that are to be sent again, with their keys.
 */
export function settleBatch(
  parts: readonly Part[],
  { signatures, failures }: Extract<FromWorker, { type: 'done' }>,
  count: (result: SignResult) => void
): Part[] {
  const failed = new Map<number, Failure | KeyMissing>(failures.map(({ index, failure }) => [index, failure]))
  const again: Part[] = []
  let digest = 0
  let at = 0
  for (const part of parts) {
    const { signatureLength } = algorithms[part.job.key.algorithm]
    for (let index = 0; index < part.count; index += 1) {
      const failure = failed.get(digest)
      if (failure?.outcome === 'key-missing') again.push({ ...part, from: part.from + index, count: 1 })
      else {
        const result: SignResult = failure ?? {
          outcome: 'signed',
          signature: signatures.subarray(at, at + signatureLength)
        }
        count(result)
        settle(part, index, result)
      }
      digest += 1
      at += signatureLength
    }
  }
  return again
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
