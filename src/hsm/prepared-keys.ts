import type { HsmStats, KeyAlgorithm, KeyStorage, StoredKey } from './hsm.js'
import type { Log } from './log.js'

/** Algorithms worth preparing: what nearly every credential has. */
const prepared: readonly KeyAlgorithm[] = ['RSA-2048', 'P-256']
/** How often it is looked whether there is time to make a key. */
const lookEveryMs = 250

/** A `KeyStorage` that makes keys ahead. */
export interface PreparedKeys extends KeyStorage {
  /** Keys that wait for an owner. */
  count(): number
  /** Makes no more; resolves when the one being made is done. */
  stop(): Promise<void>
}

/**
 * Key pairs made while the HSM has nothing else to do, so that an enrolment need not wait for one: an RSA key takes
 * some hundred times as long to find as to certify. They wait wrapped, in memory: whoever stops loses work, not keys.
 * A key gets its name when it gets its owner; nothing in the HSM knows the name of a wrapped key.
 *
 * @param options.keys Storage of wrapped keys.
 * @param options.limit Pairs that wait, at most, of each algorithm.
 * @param options.load How busy the signing workers are: nothing is made while they work.
 */
export function prepareKeys(options: {
  keys: KeyStorage
  limit: number
  load: () => Pick<HsmStats, 'signatures' | 'queued'>
  log: Log
}): PreparedKeys {
  const { keys, limit, load, log } = options
  const waiting = new Map<KeyAlgorithm, StoredKey[]>(prepared.map((algorithm) => [algorithm, []]))
  let generating = 0
  let making: Promise<void> | null = null
  let signaturesBefore = -1

  async function make(algorithm: KeyAlgorithm, shelf: StoredKey[]): Promise<void> {
    try {
      shelf.push(await keys.generate('prepared', algorithm))
    } catch (error) {
      log('warn', 'no key could be prepared', { why: (error as Error).message })
    }
  }

  function look(): void {
    const { signatures, queued } = load()
    const idle = signatures === signaturesBefore && queued === 0 && generating === 0
    signaturesBefore = signatures
    if (!idle || making !== null) return
    for (const [algorithm, shelf] of waiting) {
      if (shelf.length >= limit) continue
      making = make(algorithm, shelf).finally(() => {
        making = null
      })
      return
    }
  }
  const timer = setInterval(look, lookEveryMs).unref()

  return {
    ...keys,
    async generate(id, algorithm) {
      const ready = waiting.get(algorithm)?.shift()
      if (ready !== undefined) return { ...ready, id }
      generating += 1
      try {
        return await keys.generate(id, algorithm)
      } finally {
        generating -= 1
      }
    },
    count: () => [...waiting.values()].reduce((sum, shelf) => sum + shelf.length, 0),
    async stop() {
      clearInterval(timer)
      await making
    }
  }
}
