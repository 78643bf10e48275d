import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.js'

/** Rows lately read from the database, at most `maxAgeMs` old. */
export interface Recent<Value> {
  /** From memory, or read anew. What is not there is never remembered, so that made-up keys cannot push out real ones. */
  get(key: string): Promise<Value | null>
  /** From memory only. */
  peek(key: string): Value | undefined
  /** Read anew, and remembered. */
  refresh(key: string): Promise<Value | null>
  /** Forgets one key; null: everything. What is being read at this moment is not kept either. */
  forget(key: string | null): void
}

/**
 * @param options.max Rows kept, at most; the least recently used go first.
 * @param options.maxAgeMs A backstop: changes are announced, and forgotten at once.
 */
export function createRecent<Value extends object>(options: {
  max: number
  maxAgeMs: number
  now: Clock
  load: (key: string) => Promise<Value | null>
}): Recent<Value> {
  const { maxAgeMs, now, load } = options
  const entries = new LRUCache<string, { value: Value; readAtMs: number }>({ max: options.max })
  const loads = new Map<string, Promise<Value | null>>()

  function read(key: string): Promise<Value | null> {
    const readAtMs = now().getTime()
    const reading = load(key).then(
      (value) => {
        // Otherwise it was forgotten while it was read, and may be what it was before the change.
        if (loads.get(key) === reading) {
          loads.delete(key)
          if (value === null) entries.delete(key)
          else entries.set(key, { value, readAtMs })
        }
        return value
      },
      (error: unknown) => {
        if (loads.get(key) === reading) loads.delete(key)
        throw error
      }
    )
    loads.set(key, reading)
    return reading
  }

  function peek(key: string): Value | undefined {
    const entry = entries.get(key)
    if (entry === undefined) return undefined
    const ageMs = now().getTime() - entry.readAtMs
    return ageMs >= 0 && ageMs < maxAgeMs ? entry.value : undefined // a clock that was set back makes it old
  }
  const refresh = (key: string) => loads.get(key) ?? read(key)

  return {
    get: async (key) => peek(key) ?? refresh(key),
    peek,
    refresh,
    forget(key) {
      if (key === null) {
        entries.clear()
        loads.clear()
      } else {
        entries.delete(key)
        loads.delete(key)
      }
    }
  }
}
