import type { SignatureScheme, SignResult } from './hsm.js'
import type { KeyReference } from './protocol.js'

/** One call of `sign`. */
export interface Job {
  key: KeyReference
  scheme: SignatureScheme
  digests: readonly Uint8Array[]
  /** Filled as results come in; `open` counts those that have not. */
  results: SignResult[]
  open: number
  resolve: (results: SignResult[]) => void
}

/** Consecutive digests of a job, from `from` on: a long call is worked off in several batches. */
export interface Part {
  job: Job
  from: number
  count: number
  /** Cost of a digest, in P-256 signatures. */
  costEach: number
  /** Monotonic, ms. */
  enqueuedAt: number
}

/** What waits for one worker, first come, first served. */
export interface Queue {
  add(part: Part): void
  /** Digests that wait. */
  digests(): number
  /** Takes from the head what fits into `cost`, at least one digest; splits the last part if need be. */
  take(cost: number): Part[]
  /** Takes all parts that were added before a moment. */
  takeOlder(than: number): Part[]
}

export function createQueue(): Queue {
  const parts: Part[] = []
  let digests = 0

  return {
    add(part) {
      parts.push(part)
      digests += part.count
    },
    digests: () => digests,
    take(cost) {
      const taken: Part[] = []
      let left = cost
      for (let head = parts[0]; head !== undefined; head = parts[0]) {
        const fits = Math.max(Math.floor(left / head.costEach), taken.length === 0 ? 1 : 0)
        if (fits === 0) break
        const count = Math.min(fits, head.count)
        taken.push({ ...head, count })
        left -= count * head.costEach
        digests -= count
        if (count < head.count) {
          head.from += count
          head.count -= count
          break
        }
        parts.shift()
      }
      return taken
    },
    takeOlder(than) {
      const younger = parts.findIndex((part) => part.enqueuedAt >= than)
      const taken = parts.splice(0, younger === -1 ? parts.length : younger)
      for (const part of taken) digests -= part.count
      return taken
    }
  }
}
