import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'
import { batched } from '../store/batch.js'
import type { AuditEvent, Json, RecordIn, ReservationEnding } from './audit.js'
import {
  aboutMaxOctets,
  type ChainHead,
  canonicalText,
  eventHash,
  isInOrder,
  type StoredEvent,
  storable,
  storableText,
  zeroHash
} from './chain.js'
import type { AuditLog, AuditStore } from './needs.js'

/** Calls that one statement takes. */
const callsPerInsert = 256
/** Memory for events that wait for their statement; beyond it the database counts as not answering. */
const queueMaxOctets = 64 * 1_048_576
/** What an event costs beside its `about`. */
const eventOctets = 400
/** Inserts whose fate is unknown, remembered at most. */
const unsureMax = 100

/** What one caller wants stored. */
interface Call {
  events: readonly PreparedEvent[]
  ending: ReservationEnding | undefined
}

interface PreparedEvent {
  type: string
  actor: string
  atMs: number
  aboutCanonical: string
}

/** The one writer of a chain: takes events in order, links them, stores them. */
export interface ChainWriter {
  /** @see Audit.record */
  record(events: readonly AuditEvent[]): Promise<void>
  /** @see Audit.recordEnding */
  recordEnding(ending: ReservationEnding, events: readonly AuditEvent[]): Promise<boolean>
  /** @see Audit.recordWith */
  recordWith<T>(change: (record: RecordIn) => Promise<T>): Promise<T>
  /** The last event known to be durable. */
  head(): ChainHead
  /** Resolves when everything recorded before has been stored or has failed. */
  idle(): Promise<void>
}

/**
 * Many concurrent calls travel in one INSERT, one INSERT at a time, since every event names the one before it.
 *
 * When an INSERT fails, its events may be durable all the same: the connection may have broken after the commit. Its
 * callers are told `database_unavailable`, and before the next INSERT the head is read again. Even then the old
 * statement may commit late; the next INSERT finds its place taken in that case, reads once more and goes on behind.
 */
export function createChainWriter({
  chain,
  store,
  now,
  log,
  onStored,
  gatherMs = () => 0
}: {
  chain: string
  store: Pick<AuditStore, 'append' | 'appendEndings' | 'head'>
  now: Clock
  log: AuditLog
  /** Called whenever the head has moved. */
  onStored?: () => void
  /** @see batched */
  gatherMs?: () => number
}): ChainWriter {
  let head: ChainHead = { chain, seq: 0, hash: zeroHash }
  /** Last events of inserts that may or may not be durable. */
  let unsure: ChainHead[] = []
  let lastAtMs = 0
  let queuedOctets = 0

  /** Whoever writes to the chain does so alone. */
  let turn: Promise<unknown> = Promise.resolve()
  function alone<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(work)
    turn = mine.catch(() => undefined)
    return mine
  }

  const enqueue = batched<Call, boolean>(
    async (calls) => {
      const ended = await alone(() => write(calls))
      return calls.map(({ ending }) => ending === undefined || ended.has(ending.id))
    },
    { limit: callsPerInsert, lanes: 1, gatherMs }
  )

  /** @returns The reservations that ended by it. */
  async function write(calls: readonly Call[]): Promise<ReadonlySet<string>> {
    const events = calls.flatMap((call) => call.events)
    const endings = calls.flatMap(({ ending }) => ending ?? [])
    if (events.length === 0 && endings.length === 0) return noneEnded
    for (let attempt = 1; attempt <= 3; attempt++) {
      if (unsure.length > 0) await settle()
      const linked = link(events)
      const last = linked.at(-1)
      const tail = last === undefined ? head : { chain, seq: last.seq, hash: last.hash }
      unsure = [...unsure.slice(1 - unsureMax), tail]
      const ended = await stored(linked, endings)
      if (ended !== null) {
        head = tail
        unsure = []
        onStored?.()
        return ended
      }
    }
    throw new Error(`chain ${chain}: the place after ${head.seq} is always taken`)
  }

  async function stored(
    linked: readonly StoredEvent[],
    endings: readonly ReservationEnding[]
  ): Promise<ReadonlySet<string> | null> {
    if (endings.length > 0) return store.appendEndings(linked, endings)
    return (await store.append(linked)) ? noneEnded : null
  }

  async function writeWith<T>(change: (record: RecordIn) => Promise<T>): Promise<T> {
    if (unsure.length > 0) await settle()
    let tail: ChainHead | null = null
    const result = await change(async (transaction, ...events) => {
      const linked = link(events.map(prepare))
      const last = linked.at(-1)
      if (last === undefined) return
      tail = { chain, seq: last.seq, hash: last.hash }
      unsure = [...unsure.slice(1 - unsureMax), tail]
      // Inside a transaction a taken place is an error, so it never answers false.
      if (!(await store.append(linked, transaction))) throw new Error(`the place after ${head.seq} is taken`)
    })
    if (tail !== null) {
      head = tail
      unsure = []
      onStored?.()
    }
    return result
  }

  function link(events: readonly PreparedEvent[]): StoredEvent[] {
    let { seq, hash } = head
    return events.map(({ type, actor, atMs, aboutCanonical }) => {
      seq += 1
      // The clock may be set back, and whoever waited longer may come later; a chain's times never go back.
      lastAtMs = Math.max(lastAtMs, atMs)
      const at = new Date(lastAtMs).toISOString()
      const event = { chain, seq, at, type, actor, aboutCanonical, previousHash: hash }
      hash = eventHash(event)
      return { ...event, hash }
    })
  }

  /** Goes on from what is durable, if that is what this writer wrote. */
  async function settle(): Promise<void> {
    const durable = (await store.head(chain)) ?? { chain, seq: 0, hash: zeroHash }
    if (same(durable, head)) return
    const late = unsure.find((tail) => same(tail, durable))
    if (late !== undefined) {
      head = late
      onStored?.()
      return
    }
    log.error(
      { chain, known: head, found: durable },
      'the audit chain in the database is not what was written'
    )
    // Acknowledged events are gone: going on behind them leaves a gap that the verifier names.
    if (durable.seq < head.seq) return
    throw new Error(`chain ${chain} was written by somebody else`)
  }

  function prepare({ type, actor, about }: AuditEvent): PreparedEvent {
    return { type, actor: storableText(actor), atMs: now().getTime(), aboutCanonical: canonicalAbout(about) }
  }

  async function call(events: readonly AuditEvent[], ending?: ReservationEnding): Promise<boolean> {
    const prepared = events.map(prepare)
    const octets = prepared.reduce((sum, { aboutCanonical }) => sum + aboutCanonical.length + eventOctets, 0)
    if (queuedOctets + octets > queueMaxOctets) {
      throw new ServiceError('database_unavailable', `${queuedOctets} octets of audit events wait already`)
    }
    queuedOctets += octets
    try {
      return await enqueue({ events: prepared, ending })
    } catch (cause) {
      log.error({ err: cause, chain, events: prepared.length }, 'audit events were not stored')
      throw new ServiceError('database_unavailable', 'audit events were not stored', {
        cause,
        retryAfterS: 1
      })
    } finally {
      queuedOctets -= octets
    }
  }

  return {
    async record(events) {
      await call(events)
    },
    recordEnding: (ending, events) => call(events, ending),
    recordWith: (change) => alone(() => writeWith(change)),
    head: () => head,
    async idle() {
      await enqueue({ events: [], ending: undefined }).catch(() => undefined)
    }
  }
}

/** @throws RangeError when it is larger than `aboutMaxOctets`. */
function canonicalAbout(about: { readonly [key: string]: Json }): string {
  // Well-formed JSON.stringify escapes lone surrogates and U+0000, and little else this way.
  const plain = JSON.stringify(about)
  const text = /\\u(0000|d[89a-f])/.test(plain)
    ? canonicalText(storable(about))
    : isInOrder(about)
      ? plain
      : canonicalText(about)
  if (Buffer.byteLength(text) > aboutMaxOctets) {
    throw new RangeError(`an audit event about ${text.length} characters; at most ${aboutMaxOctets} octets`)
  }
  return text
}

const noneEnded: ReadonlySet<string> = new Set()

const same = (a: ChainHead, b: ChainHead): boolean => a.seq === b.seq && a.hash === b.hash
