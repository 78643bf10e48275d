import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.js'
import { batched } from '../store/batch.js'
import { isStorable } from './texts.js'

/** Rows that one statement reads, at most, and how many statements may run at once. */
const batch = { limit: 200, lanes: 2 }

/** Longer than any key that exists: a provider and a login of 128 characters. In UTF-16 code units. */
const keyMaxLength = 512

/** Rows by key, read through a bounded cache. */
export interface RowCache<Row> {
  /** Null: no such row. Concurrent misses share one statement, concurrent misses of one key one row of it. */
  get(key: string): Promise<Row | null>
  /** The next `get` reads the database, also if a read is under way that may have seen the row before its change. */
  forget(key: string): void
  clear(): void
}

/** What became of one key of a batch, so that one bad row does not fail its neighbours. */
export type Loaded<Row> = { row: Row | null } | { fault: Error }

/**
 * @param options.load Answers one result a key, in order.
 * @param options.ttlMs How old a cached row may be, by `now`.
 */
export function createRowCache<Row extends object>(options: {
  max: number
  ttlMs: number
  now: Clock
  load: (keys: readonly string[]) => Promise<readonly Loaded<Row>[]>
}): RowCache<Row> {
  const { max, ttlMs, now } = options
  const cache = new LRUCache<string, { row: Row; readAt: number }>({ max })
  const loading = new Map<string, Promise<Row | null>>()
  const load = batched(options.load, batch)

  async function read(key: string): Promise<Row | null> {
    const readAt = now().getTime()
    // Deferred, so that `loading` knows this read before its result may arrive.
    const reading = Promise.resolve().then(async () => {
      try {
        const loaded = await load(key)
        if ('fault' in loaded) throw loaded.fault
        if (loaded.row !== null && loading.get(key) === reading) cache.set(key, { row: loaded.row, readAt })
        return loaded.row
      } finally {
        if (loading.get(key) === reading) loading.delete(key)
      }
    })
    loading.set(key, reading)
    return reading
  }

  return {
    async get(key) {
      if (key.length > keyMaxLength || !isStorable(key)) return null
      const known = cache.get(key)
      const age = known === undefined ? Number.POSITIVE_INFINITY : now().getTime() - known.readAt
      // A clock that was set back must not make a row immortal.
      if (known !== undefined && age >= 0 && age < ttlMs) return known.row
      return loading.get(key) ?? read(key)
    },
    forget(key) {
      cache.delete(key)
      loading.delete(key)
    },
    clear() {
      cache.clear()
      loading.clear()
    }
  }
}
