import { LRUCache } from 'lru-cache'
import type { KeyReference } from './protocol.js'

/**
 * Numbers for keys, so that a message to a worker names a key it holds by eight octets instead of carrying it. A
 * number stands for a key's whole content: what differs in anything gets another.
 */
export interface KeyNumbers {
  of(key: KeyReference): number
}

/** @param max Keys remembered. One that was forgotten gets a new number, and is sent to the workers once more. */
export function createKeyNumbers(max: number): KeyNumbers {
  const known = new LRUCache<string, { number: number; key: KeyReference }>({ max })
  let last = 0
  return {
    of(key) {
      const held = known.get(key.name)
      if (held !== undefined && (held.key === key || sameKey(held.key, key))) return held.number
      last += 1
      known.set(key.name, { number: last, key })
      return last
    }
  }
}

/** Whether two of the same name are the same: the name alone is not enough, since a row may have changed. */
function sameKey(a: KeyReference, b: KeyReference): boolean {
  if (a.algorithm !== b.algorithm || Buffer.compare(a.spki, b.spki) !== 0) return false
  const [one, other] = [a.source, b.source]
  if (one.type === 'wrapped') return other.type === 'wrapped' && Buffer.compare(one.blob, other.blob) === 0
  if (one.type === 'subscriber')
    return other.type === 'subscriber' && Buffer.compare(one.tokenKeyId, other.tokenKeyId) === 0
  return other.type === 'installation' && one.label === other.label
}
