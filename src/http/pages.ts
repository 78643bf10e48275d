import { ServiceError } from '../errors.js'

/** How many items a page holds when the caller does not say, and at most. */
export const pageLimitDefault = 50
export const pageLimitMax = 200

/** A page as it was asked for. */
export interface PageRequest {
  /** Sort key of the last item of the page before; null: from the start. */
  after: readonly string[] | null
  limit: number
}

/** A page as it is answered. */
export interface Page<Item> {
  items: Item[]
  nextCursor: string | null
}

/**
 * Reads `?cursor=&limit=`.
 * @param keyLength Texts in the sort key of this list; a cursor of another list is refused.
 * @throws ServiceError `request_invalid`.
 */
export function readPage(query: { cursor?: string; limit?: string }, keyLength = 1): PageRequest {
  const limit = query.limit === undefined ? pageLimitDefault : Number(query.limit)
  if (!Number.isInteger(limit) || limit < 1 || limit > pageLimitMax)
    throw new ServiceError('request_invalid', 'limit out of range', {
      says: `limit must be a whole number from 1 to ${pageLimitMax}.`,
      field: 'limit'
    })
  return { after: query.cursor === undefined ? null : decodeCursor(query.cursor, keyLength), limit }
}

/**
 * Makes a page of what a repository found.
 * @param found Up to `limit + 1` rows in order: the one too many says that there is a next page.
 * @param keyOf The sort key of an item, unique in the list.
 */
export function toPage<Row, Item>(
  found: readonly Row[],
  limit: number,
  keyOf: (row: Row) => readonly string[],
  toItem: (row: Row) => Item
): Page<Item> {
  const rows = found.slice(0, limit)
  const last = rows.at(-1)
  return {
    items: rows.map(toItem),
    nextCursor: found.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null
  }
}

/** base64url of a JSON array: opaque to clients, and nothing secret. */
export function encodeCursor(key: readonly string[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url')
}

/** @throws ServiceError `request_invalid`. */
export function decodeCursor(cursor: string, keyLength: number): string[] {
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (Array.isArray(key) && key.length === keyLength && key.every(isPart)) return key
  } catch {
    // Refused below, like one of another list.
  }
  throw unknownCursor()
}

/** For a cursor that the list in question cannot have given. */
export function unknownCursor(): ServiceError {
  return new ServiceError('request_invalid', 'unknown cursor', {
    says: 'cursor is not one that this list gave.',
    field: 'cursor'
  })
}

/** PostgreSQL holds no U+0000, so no list gave a key with one. */
const isPart = (part: unknown): part is string => typeof part === 'string' && !part.includes('\0')
