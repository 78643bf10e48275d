import { timingSafeEqual } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { Hsm } from '../hsm/hsm.js'
import { batched } from './batch.js'

/** The tables whose rows carry a seal. */
export type SealedTable =
  | 'activation_codes'
  | 'credentials'
  | 'devices'
  | 'operators'
  | 'relying_parties'
  | 'subscribers'

/** What can be sealed. Octets are written as base64, times as RFC 3339 in UTC with milliseconds. */
export type SealedValue =
  | string
  | number
  | boolean
  | null
  | Date
  | Uint8Array
  | readonly SealedValue[]
  | { readonly [field: string]: SealedValue }

/**
 * The content of a row that its seal vouches for: everything whose change would let one row pass for another, or
 * say something else than what was written. Large values go in as they are or as their hash, but always the same way.
 */
export type SealedFields = {
  readonly id: string
  /** Null: the row belongs to none. */
  readonly provider: string | null
  readonly version: number
  readonly [field: string]: SealedValue
}

/** Makes and checks seals. Concurrent calls share one call of the HSM. */
export interface Seals {
  /** @returns 32 octets. @throws ServiceError `hsm_unavailable`, `hsm_busy`; RangeError over 65,536 octets. */
  seal(table: SealedTable, fields: SealedFields): Promise<Uint8Array>
  /**
   * Whether `seal` is the one that `seal()` would make; compared in constant time. Content that cannot be sealed, such
   * as an infinite time, was not written by us. @throws ServiceError like `seal`.
   */
  holds(table: SealedTable, fields: SealedFields, seal: Uint8Array): Promise<boolean>
}

/** Rows sealed by one call of the HSM, at most. */
const batchLimit = 256
/** What the HSM takes. Checked before rows share a call, so that one of them cannot fail the others. In octets. */
const messageMax = 65_536

/**
 * Seals bind a row to its table, name, owner and content by an HMAC whose key never leaves the HSM, so that whoever
 * can only write SQL cannot exchange rows or parts of them. What a seal cannot show is that a whole row was put back
 * to an earlier, once valid state.
 */
export function createSeals({ mac }: { mac: Hsm['mac'] }): Seals {
  const seal = batched(mac, { limit: batchLimit, lanes: 2 })
  return {
    seal: async (table, fields) => seal(sealedMessage(table, fields)),
    holds: async (table, fields, given) => {
      const message = messageOf(table, fields)
      if (message === null) return false
      const expected = await seal(message)
      return given.length === expected.length && timingSafeEqual(given, expected)
    }
  }
}

/** The message under the seal: canonical JSON (RFC 8785), domain first so that no other use of the key says the same. */
function sealedMessage(table: SealedTable, fields: SealedFields): Uint8Array {
  const text = canonicalize({ domain: 'kyso/row-seal/1', table, fields: plain(fields) })
  if (text === undefined) throw new TypeError('a row without content cannot be sealed')
  const message = Buffer.from(text, 'utf8')
  if (message.length > messageMax) throw new RangeError(`a row of ${message.length} octets cannot be sealed`)
  return message
}

/** Null: there is no such message. */
function messageOf(table: SealedTable, fields: SealedFields): Uint8Array | null {
  try {
    return sealedMessage(table, fields)
  } catch {
    return null
  }
}

function plain(value: SealedValue): unknown {
  if (value === undefined) throw new TypeError('an absent value is sealed as null, not undefined')
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  }
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]))
  }
  return value
}
