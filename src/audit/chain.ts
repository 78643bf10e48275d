import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { Json } from './audit.js'

/** Octets of an event's canonical `about`, at most: 1 MiB, some seven times the largest batch of signatures. */
export const aboutMaxOctets = 1_048_576

/** What the first event of a chain follows: 32 zero octets, base64. */
export const zeroHash = Buffer.alloc(32).toString('base64')

/** The end of a chain, or any place in it: `hash` is base64. */
export interface ChainHead {
  chain: string
  /** From 1. 0 with `zeroHash`: the chain is empty. */
  seq: number
  hash: string
}

/**
 * An event as stored, listed and exported. `at` is RFC 3339 UTC with milliseconds; hashes are base64. `type` is any
 * text, because a row that was tampered with must be readable.
 */
export interface ChainEvent {
  chain: string
  seq: number
  at: string
  type: string
  actor: string
  about: { readonly [key: string]: Json }
  previousHash: string
  hash: string
}

/** An event on its way into the database: `about` as the canonical JSON text that was hashed. */
export interface StoredEvent extends Omit<ChainEvent, 'about'> {
  aboutCanonical: string
}

/**
 * SHA-256, in base64, over the RFC 8785 canonical JSON of `{about, actor, at, chain, previousHash, seq, type}`: the
 * members in the order of RFC 8785 §3.2.3. `about` comes canonical already, so that it is serialised once for hash
 * and row; the other members are strings without lone surrogates and a safe integer, which JSON.stringify writes
 * as RFC 8785 §3.2.2 wants them.
 */
export function eventHash(event: Omit<StoredEvent, 'hash'>): string {
  const { aboutCanonical, actor, at, chain, previousHash, seq, type } = event
  return hash(
    'sha256',
    `{"about":${aboutCanonical},"actor":${JSON.stringify(actor)},"at":${JSON.stringify(at)},` +
      `"chain":${JSON.stringify(chain)},"previousHash":${JSON.stringify(previousHash)},` +
      `"seq":${JSON.stringify(seq)},"type":${JSON.stringify(type)}}`,
    'base64'
  )
}

/** @throws Error for what canonical JSON cannot say: NaN, infinities, lone surrogates, cycles. */
export function canonicalText(value: unknown): string {
  const text = canonicalize(value)
  if (text === undefined) throw new TypeError('there is no JSON of this value')
  return text
}

/**
 * Whether JSON.stringify writes a value as RFC 8785 wants it: members in order (§3.2.3) and numbers finite. Strings are
 * written alike, but for lone surrogates.
 */
export function isInOrder(value: Json): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (value === null || typeof value !== 'object') return true
  if (isList(value)) return value.every(isInOrder)
  let last = ''
  for (const [name, member] of Object.entries(value)) {
    if (name < last || !isInOrder(member)) return false
    last = name
  }
  return true
}

/**
 * PostgreSQL keeps neither U+0000 nor lone surrogates, and canonical JSON refuses the latter. Clients may send both
 * in what an event names, so they are recorded as U+FFFD instead of failing everybody's statement.
 */
export function storableText(text: string): string {
  return text.replaceAll('\u0000', '\ufffd').replace(/\p{Surrogate}/gu, '\ufffd')
}

/** `storableText` for all strings in `value`, member names included. */
export function storable(value: Json): Json {
  if (typeof value === 'string') return storableText(value)
  if (value === null || typeof value !== 'object') return value
  if (isList(value)) return value.map(storable)
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [storableText(name), storable(member)])
  )
}

const isList = (value: Json): value is readonly Json[] => Array.isArray(value)
