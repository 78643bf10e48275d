import type { Worker } from 'node:worker_threads'
import { LRUCache } from 'lru-cache'
import { algorithms } from './algorithms.js'
import type { HsmStats, KeyAlgorithm, SignatureScheme, SignResult } from './hsm.js'
import { createKeyNumbers } from './key-numbers.js'
import type { Log } from './log.js'
import { type HeldKeys, packBatch, settleBatch, settleLost } from './pool-batch.js'
import { createQueue, type Part, type Queue } from './pool-queue.js'
import type { Failure, FromWorker, KeyMissing, KeyReference, ToWorker, WorkerCounts } from './protocol.js'

/** Batches a worker is given at a time: one to work on, one to go on with. */
const batchesInFlight = 2
/**
 * What a batch may cost, in P-256 signatures: some 10 ms of a core. Each message wakes the event loop, and what a worker
 * finds in its caches afterwards is no longer the key.
 */
const batchCost = 128
/**
 * Digests of installation keys that may wait, beside the queue's own limit: a crowd that asks for OCSP cannot fill the
 * queue of those who sign, and where that is full, CAs and audit checkpoints still find a place.
 */
const installationQueueLimit = 64
/** A digest that no worker took by then is refused. */
const waitLimitMs = 10_000
/** A batch unanswered by then counts as uncertain; its worker gets nothing new until it answers. */
const signLimitMs = 30_000
const sweepMs = 1_000
/** What a P-256 signature is taken to cost before anything was measured, and the weight of a full batch in the measure. */
const firstPaceMs = 0.1
const paceWeight = 0.05
const respawnMs = { first: 100, most: 5_000 }

/** The signing workers behind one queue. */
export interface Pool {
  /** Starts the workers. @throws Error when one of them cannot open its sessions. */
  start(): Promise<void>
  /** Signs digests with one key, in order; ECDSA results are r‖s. The digests fit the scheme already. */
  sign(key: KeyReference, scheme: SignatureScheme, digests: readonly Uint8Array[]): Promise<SignResult[]>
  /** @see KeyStorage.paceMs */
  paceMs(algorithm: KeyAlgorithm): number
  /** @see KeyStorage.backlogMs */
  backlogMs(): number
  /** Makes every worker give a key up; resolves when all have. */
  forget(name: string): Promise<void>
  /** Refuses what waits, lets end what runs, and resolves when all workers have ended by themselves. */
  stop(): Promise<void>
  stats(): Omit<HsmStats, 'keysPrepared'>
}

export interface PoolOptions {
  /** Starts a worker that writes how far it is into `progress` (see `WorkerSetup`). */
  spawn: (progress: Int32Array) => Worker
  workers: number
  /** Keys that each worker holds, at most. */
  keysPerWorker: number
  /** Digests of subscriber keys that may wait. */
  queueLimit: number
  log: Log
  /** Called when a result says that the token may be lost. */
  onTrouble: () => void
}

/** One worker's place: its queue stays when the worker is replaced. */
interface Place {
  worker: Worker | null
  ready: boolean
  /** Holds a batch that it did not answer in time. Gets nothing new, and nobody waits for it. */
  stuck: boolean
  queue: Queue
  sent: Map<number, { parts: Part[]; sentAt: number; abandoned: boolean }>
  /** When it answered the last one. Monotonic, ms. */
  lastEndedAt: number
  progress: Int32Array
  held: HeldKeys
  counts: WorkerCounts
  forgetting: Map<number, () => void>
  /** Resolves when the present worker has ended. */
  ended: Promise<void>
}

const isTrouble = (failure: Failure | KeyMissing): boolean =>
  failure.outcome === 'uncertain' || (failure.outcome === 'refused' && failure.reason === 'unavailable')

const ownerOf = ({ source }: KeyReference) => (source.type === 'installation' ? 'installation' : 'subscriber')

export function createPool(options: PoolOptions): Pool {
  const { log } = options
  const numbers = createKeyNumbers(2 * options.workers * options.keysPerWorker)
  const places: Place[] = Array.from({ length: options.workers }, () => ({
    worker: null,
    ready: false,
    stuck: false,
    queue: createQueue(),
    sent: new Map(),
    lastEndedAt: 0,
    progress: new Int32Array(),
    held: new LRUCache({ max: options.keysPerWorker }),
    counts: { keyLoads: 0, keyHits: 0, keysLoaded: 0 },
    forgetting: new Map(),
    ended: Promise.resolve()
  }))
  const total = { signatures: 0, refused: 0, uncertain: 0, keyLoads: 0, keyHits: 0, workersReplaced: 0 }
  let running = false
  const queued = { subscriber: 0, installation: 0 }
  /** Of a worker, for a signature by P-256. */
  let paceMs = firstPaceMs
  /** Cost of what was asked for and is not answered, in P-256 signatures. */
  let owed = 0
  let lastSeq = 0
  let lastRequest = 0
  let pumping = false
  let respawnDelayMs = respawnMs.first
  let sweeping: NodeJS.Timeout | null = null

  const waiting = (place: Place) => place.queue.digests()
  const serves = (place: Place) => place.ready && !place.stuck
  const post = (worker: Worker, message: ToWorker) => worker.postMessage(message)

  // Workers

  /** Starts a worker in a place. Resolves when it is ready, rejects when it ended before. */
  function startIn(place: Place): Promise<void> {
    const progress = new Int32Array(new SharedArrayBuffer(8))
    const worker = options.spawn(progress)
    place.worker = worker
    place.progress = progress
    place.held.clear()
    place.counts = { keyLoads: 0, keyHits: 0, keysLoaded: 0 }
    return new Promise((resolve, reject) => {
      let why = 'it ended before it was ready'
      worker.on('message', (message: FromWorker) => {
        switch (message.type) {
          case 'ready':
            place.ready = true
            respawnDelayMs = respawnMs.first
            resolve()
            pump()
            return
          case 'failed':
            why = message.detail
            return
          case 'done':
            done(place, message)
            return
          case 'forgotten':
            place.forgetting.get(message.request)?.()
            place.forgetting.delete(message.request)
            return
        }
      })
      worker.on('error', (error) => {
        why = error.message
      })
      // Attached now: an exit that nobody awaited yet would be missed.
      place.ended = new Promise((ended) => {
        worker.on('exit', () => {
          const wasReady = place.ready
          leave(place)
          reject(new Error(`a signing worker failed: ${why}`))
          if (running) replace(place, wasReady, why)
          ended()
        })
      })
    })
  }

  /** Settles what an ended worker held. What it had not handed to C_Sign was certainly not signed. */
  function leave(place: Place): void {
    const [seqReached = 0, handedOver = 0] = place.progress
    place.worker = null
    place.ready = false
    place.stuck = false
    for (const [seq, { parts, abandoned }] of place.sent) {
      if (abandoned) continue
      const uncertain = seq < seqReached ? Number.POSITIVE_INFINITY : seq === seqReached ? handedOver : 0
      settleLost(parts, uncertain, count)
    }
    place.sent.clear()
    for (const release of place.forgetting.values()) release()
    place.forgetting.clear()
    total.keyLoads += place.counts.keyLoads
    total.keyHits += place.counts.keyHits
    place.counts = { keyLoads: 0, keyHits: 0, keysLoaded: 0 }
  }

  function replace(place: Place, wasReady: boolean, why: string): void {
    if (wasReady) {
      total.workersReplaced += 1
      log('error', 'a signing worker ended and is replaced', { why })
    }
    if (!places.some(serves)) {
      refuseWaiting('no signing worker is running')
      options.onTrouble()
    }
    const delayMs = respawnDelayMs
    respawnDelayMs = Math.min(2 * delayMs, respawnMs.most)
    setTimeout(() => {
      if (running && place.worker === null) startIn(place).catch(() => undefined)
    }, delayMs).unref()
    pump()
  }

  // Results

  function count(result: SignResult): void {
    if (result.outcome === 'signed') total.signatures += 1
    else total[result.outcome] += 1
  }

  function done(place: Place, message: Extract<FromWorker, { type: 'done' }>): void {
    const batch = place.sent.get(message.seq)
    place.sent.delete(message.seq)
    if (batch !== undefined) measure(place, batch)
    place.counts = message.counts
    place.stuck = [...place.sent.values()].some(({ abandoned }) => abandoned)
    if (batch !== undefined && !batch.abandoned)
      for (const part of settleBatch(batch.parts, message, count)) sendAgain(place, part)
    if (message.failures.some(({ failure }) => isTrouble(failure))) options.onTrouble()
    pump()
  }

  /** Only of batches that were there when the worker ended the one before: how long it took to wake up is no measure. */
  function measure(place: Place, { parts, sentAt }: { parts: readonly Part[]; sentAt: number }): void {
    const endedAt = performance.now()
    if (sentAt < place.lastEndedAt) {
      const cost = parts.reduce((sum, { count, costEach }) => sum + count * costEach, 0)
      // By what they cost: a small batch for which the worker had to wait for a core says little of the others.
      const weight = paceWeight * Math.min(1, cost / batchCost)
      paceMs += weight * ((endedAt - place.lastEndedAt) / cost - paceMs)
    }
    place.lastEndedAt = endedAt
  }

  /** The worker gave a key up that it was believed to hold: the digests wait once more, and their key goes with them. */
  function sendAgain(place: Place, part: Part): void {
    place.held.delete(numbers.of(part.job.key))
    queued[ownerOf(part.job.key)] += part.count
    place.queue.add(part)
  }

  function leaveQueue(parts: readonly Part[]): void {
    for (const { job, count } of parts) queued[ownerOf(job.key)] -= count
  }

  function refuseWaiting(detail: string, enqueuedBefore = Number.POSITIVE_INFINITY): void {
    for (const place of places) {
      const parts = place.queue.takeOlder(enqueuedBefore)
      leaveQueue(parts)
      settleLost(parts, 0, count, detail)
    }
  }

  /** Every wait has an end. */
  function sweep(): void {
    const now = performance.now()
    refuseWaiting(`no signing worker was free for ${waitLimitMs} ms`, now - waitLimitMs)
    for (const place of places) {
      for (const batch of place.sent.values()) {
        if (batch.abandoned || now - batch.sentAt < signLimitMs) continue
        batch.abandoned = true
        place.stuck = true
        for (const release of place.forgetting.values()) release()
        place.forgetting.clear()
        log('error', 'a signing worker does not answer', { sinceMs: Math.round(now - batch.sentAt) })
        settleLost(batch.parts, Number.POSITIVE_INFINITY, count)
      }
    }
  }

  // Work

  function home(name: string): Place {
    let hash = 0
    for (let i = 0; i < name.length; i += 1) hash = (Math.imul(hash, 31) + name.charCodeAt(i)) | 0
    const place = places[(hash >>> 0) % places.length]
    if (place === undefined) throw new RangeError('the pool has no workers')
    return serves(place) ? place : (places.find(serves) ?? place)
  }

  function send(place: Place, worker: Worker, from: Queue): void {
    const parts = from.take(batchCost)
    leaveQueue(parts)
    lastSeq += 1
    const sentAt = performance.now()
    place.sent.set(lastSeq, { parts, sentAt, abandoned: false })
    post(worker, packBatch(lastSeq, parts, numbers, place.held))
  }

  /** Gives work to whoever has room: a key's own worker first, since it holds the key; then to an idle one. */
  function pump(): void {
    for (const place of places) {
      while (place.worker && serves(place) && place.sent.size < batchesInFlight && waiting(place) > 0) {
        send(place, place.worker, place.queue)
      }
    }
    for (const place of places) {
      if (!place.worker || !serves(place) || place.sent.size > 0) continue
      const longest = places.reduce((a, b) => (waiting(b) > waiting(a) ? b : a))
      if (waiting(longest) > 0) send(place, place.worker, longest.queue)
    }
  }

  /** Of all workers together. */
  const sharedPaceMs = () => paceMs / Math.max(1, places.filter(serves).length)

  function pumpSoon(): void {
    if (pumping) return
    pumping = true
    // Calls of the same turn of the event loop travel together.
    queueMicrotask(() => {
      pumping = false
      pump()
    })
  }

  function refuseAll(length: number, reason: 'busy' | 'unavailable', detail: string): SignResult[] {
    total.refused += length
    return Array.from({ length }, () => ({ outcome: 'refused', reason, detail }))
  }

  return {
    async start() {
      running = true
      sweeping = setInterval(sweep, sweepMs).unref()
      await Promise.all(places.map(startIn))
    },

    async sign(key, scheme, digests) {
      if (digests.length === 0) return []
      if (!running || !places.some(serves)) {
        if (running) options.onTrouble()
        return refuseAll(digests.length, 'unavailable', 'no signing worker is running')
      }
      const owner = ownerOf(key)
      const limit = owner === 'installation' ? installationQueueLimit : options.queueLimit
      if (queued[owner] + digests.length > limit) {
        return refuseAll(digests.length, 'busy', `${queued[owner]} digests wait already`)
      }
      queued[owner] += digests.length
      const costEach = algorithms[key.algorithm].cost
      const cost = digests.length * costEach
      owed += cost
      return new Promise((answer) => {
        const resolve = (results: SignResult[]) => {
          owed -= cost
          answer(results)
        }
        home(key.name).queue.add({
          job: { key, scheme, digests, results: new Array(digests.length), open: digests.length, resolve },
          from: 0,
          count: digests.length,
          costEach,
          enqueuedAt: performance.now()
        })
        pumpSoon()
      })
    },

    paceMs: (algorithm) => algorithms[algorithm].cost * sharedPaceMs(),
    backlogMs: () => owed * sharedPaceMs(),

    async forget(name) {
      await Promise.all(
        places.map(async ({ worker, ready, stuck, forgetting }) => {
          if (worker === null || !ready) return
          lastRequest += 1
          const request = lastRequest
          if (stuck) return post(worker, { type: 'forget', request, name }) // read before any later batch
          await new Promise<void>((resolve) => {
            forgetting.set(request, resolve)
            post(worker, { type: 'forget', request, name })
          })
        })
      )
    },

    async stop() {
      running = false
      if (sweeping !== null) clearInterval(sweeping)
      refuseWaiting('the HSM is being closed')
      for (const { worker } of places) if (worker !== null) post(worker, { type: 'stop' })
      await Promise.all(places.map(({ ended }) => ended))
    },

    stats() {
      const sum = (of: (counts: WorkerCounts) => number) =>
        places.reduce((n, { counts }) => n + of(counts), 0)
      return {
        ...total,
        keyLoads: total.keyLoads + sum((counts) => counts.keyLoads),
        keyHits: total.keyHits + sum((counts) => counts.keyHits),
        keysLoaded: sum((counts) => counts.keysLoaded),
        queued: queued.subscriber + queued.installation
      }
    }
  }
}
