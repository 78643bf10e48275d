import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.js'

/** Requests whose answer is remembered, for each CA; an answer has some thousand octets. */
const answersKept = 200
/** How long an answer may be given again, in milliseconds. */
const sharedForMs = 5_000

/** Signed answers of one CA that serve whoever asks the same. */
export interface SharedAnswers {
  /** Whether the request was answered lately, so that it is worth looking up the version of the statuses. */
  knows(request: Uint8Array): boolean
  /** The answer, if it is of the statuses' present version. */
  find(request: Uint8Array, version: bigint): Uint8Array | null
  /** @param version Of the statuses, read before the statuses were. */
  keep(request: Uint8Array, answer: Uint8Array, version: bigint): void
}

/**
 * Remembers answers to requests without a nonce (RFC 6960 §4.4.1 leaves those open to be given again). Only what comes
 * octet for octet is the same request.
 */
export function sharedAnswers(now: Clock): SharedAnswers {
  const answers = new LRUCache<string, { answer: Uint8Array; version: bigint; madeAtMs: number }>({
    max: answersKept
  })
  const nameOf = (request: Uint8Array) => Buffer.from(request).toString('latin1')

  return {
    knows: (request) => answers.has(nameOf(request)),
    find(request, version) {
      const found = answers.get(nameOf(request))
      if (found === undefined || found.version !== version) return null
      const ageMs = now().getTime() - found.madeAtMs
      return ageMs >= 0 && ageMs < sharedForMs ? found.answer : null
    },
    keep(request, answer, version) {
      answers.set(nameOf(request), { answer, version, madeAtMs: now().getTime() })
    }
  }
}
