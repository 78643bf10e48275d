import type { BaseLogger } from 'pino'
import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'
import { type AttemptDeps, type AttemptEnd, attempt } from './attempt.js'
import { nextAttemptAt } from './back-off.js'
import { callTimeoutMs } from './call.js'
import type { Deliveries } from './delivery.js'
import { type Resolve, resolveBySystem } from './destination.js'
import type { ClaimedDelivery, DeliveryStore } from './needs.js'

/** Calls under way from this process at most, and of these to one relying party. */
export const callsMax = 8
export const callsPerPartyMax = 4
/** How long a delivery that was taken is left to its server: two calls, and the database. */
const claimMs = 2 * callTimeoutMs + 20_000
/** What closing waits for calls under way before it breaks them off. */
const closeAfterMs = 1_000

/** Codes of failures of what we stand on ourselves. */
const passing: ReadonlySet<string> = new Set(['database_unavailable', 'hsm_unavailable', 'hsm_busy'])

/** What this room stands on. */
export interface DeliveriesDeps extends Omit<AttemptDeps, 'resolve' | 'localAllowed'> {
  store: DeliveryStore
  now: Clock
  log: Pick<BaseLogger, 'warn' | 'info'>
  /** Whether loopback and private networks may be called. */
  simulation: boolean
  /** From 0 to 1, for the pauses between attempts. */
  random: () => number
  /** What names mean; by default what the system says. */
  resolve?: Resolve
}

/** The queue of everything that is posted outside, shared with other servers through the database. */
export function createDeliveries(deps: DeliveriesDeps): Deliveries {
  const { store, now, log, random, simulation, resolve = resolveBySystem } = deps
  const attemptDeps: AttemptDeps = { ...deps, resolve, localAllowed: simulation }
  const stop = new AbortController()
  const underWay = new Map<Promise<void>, ClaimedDelivery>()
  let closed = false
  let tried = 0
  /** The present look for what is due, and the one after it. */
  let looking: Promise<void> = Promise.resolve()
  let nextLook: Promise<void> | null = null

  /** One at a time, so that two do not fill the same places. */
  function look(): Promise<void> {
    nextLook ??= looking.then(() => {
      nextLook = null
      looking = take()
      return looking
    })
    return nextLook
  }

  async function take(): Promise<void> {
    const limit = callsMax - underWay.size
    if (closed || limit === 0) return
    const at = now()
    try {
      const claimed = await store.claim({
        now: at,
        until: new Date(at.getTime() + claimMs),
        limit,
        perParty: callsPerPartyMax,
        loads: loads()
      })
      for (const delivery of claimed) begin(delivery)
    } catch (error) {
      log.warn({ err: error }, 'deliveries that are due could not be taken')
    }
  }

  function begin(delivery: ClaimedDelivery): void {
    const work: Promise<void> = deliver(delivery)
      .catch((error: unknown) =>
        // Due again when its time as taken is over.
        log.warn({ err: error, deliveryId: delivery.id }, 'an attempt at a delivery was not recorded')
      )
      .then(() => {
        tried += 1
        underWay.delete(work)
        if (!closed) void look() // its place is free
      })
    underWay.set(work, delivery)
  }

  async function deliver(delivery: ClaimedDelivery): Promise<void> {
    const at = now()
    const end = await attempt(attemptDeps, delivery, stop.signal).catch((error: unknown) =>
      unexpected(delivery, error)
    )
    const endedAt = now()
    const { httpStatus, detail } = end
    const made = {
      number: delivery.attempt,
      at,
      tookMs: Math.max(0, endedAt.getTime() - at.getTime()),
      httpStatus,
      detail
    }
    if (end.end === 'acknowledged') return store.record(delivery.id, made, { status: 'delivered', endedAt })
    const next = nextAfter(delivery, end, endedAt)
    if (next !== null) return store.record(delivery.id, made, { status: 'waiting', nextAttemptAt: next })
    const { id: deliveryId, transactionId, provider, clientId } = delivery
    await store.record(delivery.id, made, { status: 'given-up', endedAt })
    log.warn({ deliveryId, transactionId, provider, clientId, detail }, 'a delivery was given up')
  }

  /** What passes by itself is left to the next attempt; a mistake of ours must not be repeated for ever. */
  function unexpected({ id: deliveryId }: ClaimedDelivery, error: unknown): AttemptEnd {
    if (error instanceof ServiceError && passing.has(error.code)) throw error
    log.warn({ err: error, deliveryId }, 'a delivery could not be posted')
    const detail = 'This server could not make the call; its log says why.'
    return { end: 'failed', httpStatus: null, detail }
  }

  function nextAfter(delivery: ClaimedDelivery, { end }: AttemptEnd, at: Date): Date | null {
    if (end === 'hopeless') return null
    if (stop.signal.aborted) return at // broken off here: another server goes on at once
    return nextAttemptAt({ ...delivery, at }, random())
  }

  function loads() {
    const byParty = new Map<string, { provider: string; clientId: string; underWay: number }>()
    for (const { provider, clientId } of underWay.values()) {
      const key = `${provider} ${clientId}`
      const load = byParty.get(key) ?? { provider, clientId, underWay: 0 }
      byParty.set(key, { ...load, underWay: load.underWay + 1 })
    }
    return [...byParty.values()]
  }

  return {
    wake() {
      if (!closed) void look()
    },

    async deliverDue() {
      const before = tried
      await look()
      // What ends makes room, and what takes its place is waited for as well.
      while (underWay.size > 0) {
        await Promise.race(underWay.keys())
        await look()
      }
      return tried - before
    },

    list: (of) => store.list(of),

    async close() {
      closed = true
      await look()
      const timer = setTimeout(() => stop.abort(), closeAfterMs)
      await Promise.all(underWay.keys())
      clearTimeout(timer)
    }
  }
}
