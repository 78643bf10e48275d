import { LRUCache } from 'lru-cache'
import type { BaseLogger } from 'pino'
import { validate as isUuid } from 'uuid'
import type { Activations } from '../activation/activation.js'
import { type DriveDeps, drive } from './drive.js'
import type { TransactionEnding, TransactionStore } from './needs.js'
import { startTransaction } from './start.js'
import type { Transaction, TransactionOwner, Transactions } from './transaction.js'
import { createWaitingCalls } from './waiting-calls.js'

/** Transactions of this process whose end it hears of by itself, the latest; those before are found by the sweep. */
const rememberedMax = 50_000
/** Transactions that one sweep takes up, and how many of them at a time. */
const sweepMax = 200
const sweepLanes = 8
/** How often somebody who waits looks by himself, for an outcome that another server records. */
const lookEveryMs = 500

/** What this room stands on. */
export interface TransactionsDeps extends Omit<DriveDeps, 'store' | 'activations'> {
  store: TransactionStore
  activations: Pick<Activations, 'ask' | 'issueSad' | 'watchAll'>
  log: Pick<BaseLogger, 'warn'>
  /** Told when something is to be delivered, to begin at once. */
  onDelivery: () => void
}

/** The core of all dialects: see `Transactions`. */
export function createTransactions(deps: TransactionsDeps): Transactions & { close(): Promise<void> } {
  const { store, activations, log } = deps
  /** Started here, and open as far as this process knows. */
  const mine = new LRUCache<string, { posted: boolean }>({ max: rememberedMax })
  const calls = createWaitingCalls()
  const waiters = new Map<string, Set<() => void>>()
  const underWay = new Set<Promise<unknown>>()
  let closed = false

  async function bringOn(id: string): Promise<TransactionEnding | null> {
    const work = drive(deps, id)
    underWay.add(work)
    try {
      const ending = await work
      if (ending !== null) ended(id)
      return ending
    } finally {
      underWay.delete(work)
    }
  }

  function ended(id: string): void {
    if (mine.get(id)?.posted) deps.onDelivery()
    mine.delete(id)
    for (const wake of waiters.get(id) ?? []) wake()
  }

  const stop = activations.watchAll((_, change) => {
    if (change.kind !== 'ended' || closed || !mine.has(change.activationId)) return
    bringOn(change.activationId).catch((error: unknown) =>
      log.warn({ err: error, transactionId: change.activationId }, 'a transaction is left to the next sweep')
    )
  })

  const owned = (transaction: Transaction | null, { provider, clientId }: TransactionOwner) =>
    transaction?.provider === provider && transaction.clientId === clientId ? transaction : null

  return {
    async start(request) {
      const started = await startTransaction(deps, request)
      const { transaction, repeated } = started
      if (!repeated) mine.set(transaction.id, { posted: transaction.callbackUrl !== null })
      return started
    },

    find: async (id, owner) => (isUuid(id) ? owned(await store.find(id), owner) : null),

    async findByName(name, owner) {
      return (await store.findByName(name, owner))?.transaction ?? null
    },

    async findUnowned(idOrName, provider) {
      if (!isUuid(idOrName)) return null
      const byId = await store.find(idOrName)
      if (byId?.provider === provider) return byId
      const [found, ...others] = await store.findByBareName(idOrName, provider)
      return others.length === 0 ? (found ?? null) : null
    },

    findByRequest: (requestId) => store.findByRequest(requestId),

    async wait(transaction, timeoutMs, signal) {
      const leave = calls.enter(transaction)
      const untilMs = deps.now().getTime() + timeoutMs
      const waiting = waiters.get(transaction.id) ?? new Set()
      waiters.set(transaction.id, waiting)
      try {
        for (;;) {
          // Armed before looking, so that what ends meanwhile is not missed.
          const pause = armPause(waiting, signal)
          const present = (await store.find(transaction.id)) ?? transaction
          const leftMs = untilMs - deps.now().getTime()
          if (present.endedAt !== null || leftMs <= 0 || signal.aborted || closed) {
            pause.end()
            return present
          }
          await pause.atMost(Math.min(leftMs, lookEveryMs))
        }
      } finally {
        leave()
        if (waiting.size === 0) waiters.delete(transaction.id)
      }
    },

    async sweep() {
      if (closed) return 0
      const due = await store.due(deps.now(), sweepMax)
      let count = 0
      const lane = async () => {
        for (let id = due.shift(); id !== undefined && !closed; id = due.shift()) {
          if ((await bringOn(id)) !== null) count += 1
        }
      }
      await Promise.all(Array.from({ length: sweepLanes }, lane))
      if (count > 0) deps.onDelivery()
      return count
    },

    async close() {
      closed = true
      stop()
      for (const waiting of waiters.values()) for (const wake of waiting) wake()
      await Promise.allSettled(underWay)
    }
  }
}

/** A pause that begins to listen at once and ends when it is woken, aborted, or its time is over. */
function armPause(waiting: Set<() => void>, signal: AbortSignal) {
  let timer: NodeJS.Timeout | undefined
  let end = () => {}
  const over = new Promise<void>((resolve) => {
    end = () => {
      clearTimeout(timer)
      waiting.delete(end)
      signal.removeEventListener('abort', end)
      resolve()
    }
  })
  waiting.add(end)
  signal.addEventListener('abort', end, { once: true })
  return {
    end,
    atMost(ms: number): Promise<void> {
      timer = setTimeout(end, ms)
      return over
    }
  }
}
