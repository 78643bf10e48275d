import { setTimeout as wait } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import type { BaseLogger } from 'pino'
import type { Activations } from '../activation/activation.js'
import type { Clock } from '../clock.js'
import type { Device, Directory } from '../enrolment/enrolment.js'
import type { KeyStorage } from '../hsm/hsm.js'
import type { Database } from '../store/database.js'
import type { VirtualPhonePlan, VirtualPhones } from '../store/virtual-phones.js'
import {
  createPhoneClient,
  displayHashOf,
  PhoneApiRefusal,
  type PhoneFetch,
  type ShownChallenge
} from './phone-client.js'
import { createSlots } from './slots.js'

/** HTTP calls under way at once. */
const concurrency = 16
/** Challenges planned and not yet answered; what is beyond is found by a later sweep. */
const pendingMax = 10_000
/** Challenges remembered as dealt with. */
const seenMax = 100_000
/** How often waiting challenges are looked for that no announcement told of. */
const sweepIntervalMs = 5_000
const sweepPage = 500
const firstRetryMs = 250
const lastRetryMs = 8_000
/** Calls under way get this long to end when the server stops, which has 2 s in all. */
const closePatienceMs = 300

/** What playing virtual phones needs. */
export interface VirtualPhonesDeps {
  /** Where this server listens. */
  baseUrl: string
  /** `PUBLIC_URL`, without a trailing slash. */
  publicUrl: string
  store: Pick<VirtualPhones, 'find' | 'takePlan' | 'withWaiting'>
  keys: Pick<KeyStorage, 'sign'>
  directory: Pick<Directory, 'device'>
  /** The simulator's push service. */
  watchAll: Activations['watchAll']
  tryHold: Database['tryHold']
  now: Clock
  log: Pick<BaseLogger, 'debug' | 'info' | 'warn' | 'error'>
  /** Default: the one of Node.js. */
  fetch?: PhoneFetch
}

/** Virtual phones at work. */
export interface PlayedPhones {
  /** Looks for challenges that wait now, before the next announcement or sweep. */
  wake(): void
  /** Starts no more and lets calls that are under way end, for a moment. */
  close(): Promise<void>
}

/**
 * Plays every virtual phone: hears of a challenge, reads it over the phone API, and answers as the phone is set.
 * Of several servers that share a database one plays, so that a queued behaviour serves one challenge. What was
 * decided is held in memory: after a restart, what still waits is decided anew.
 */
export function playVirtualPhones(deps: VirtualPhonesDeps): PlayedPhones {
  const { store, directory, log, now } = deps
  const closing = new AbortController()
  const client = createPhoneClient({ ...deps, fetch: deps.fetch ?? fetch, signal: closing.signal })
  const slots = createSlots(concurrency)
  /** Challenges that have a plan, answered or not: each gets one, also when an old list is read late. */
  const seen = new LRUCache<string, true>({ max: seenMax })
  /** Those whose answer is still to come, and what calls it off. */
  const pending = new Map<string, AbortController>()
  /** Subscribers being visited; true: something came meanwhile. */
  const visiting = new Map<string, boolean>()
  const running = new Set<Promise<void>>()
  let playing = false
  let sweeping = false
  let stopped = false

  function run(what: string, work: () => Promise<void>): void {
    const done: Promise<void> = work()
      .catch((error: unknown) => {
        if (!closing.signal.aborted) log.warn({ err: error }, `virtual phones: ${what} failed`)
      })
      .finally(() => running.delete(done))
    running.add(done)
  }

  function visit(subscriberId: string): void {
    if (stopped) return
    if (visiting.has(subscriberId)) return void visiting.set(subscriberId, true)
    visiting.set(subscriberId, false)
    run('a visit', async () => {
      try {
        await slots.use(() => plan(subscriberId))
      } finally {
        const again = visiting.get(subscriberId) === true
        visiting.delete(subscriberId)
        if (again) visit(subscriberId)
      }
    })
  }

  /** Reads what waits for one subscriber and decides, oldest first, how each is to be answered. */
  async function plan(subscriberId: string): Promise<void> {
    if (stopped) return
    const phone = await store.find(subscriberId)
    if (phone === null) return
    const device = await directory.device(phone.deviceId)
    if (device?.virtualKey == null || device.subscriberId !== subscriberId) return
    for (const challenge of await client.challenges(device)) {
      if (seen.has(challenge.id) || pending.size >= pendingMax) continue
      const chosen = await store.takePlan(subscriberId)
      if (chosen === null || stopped) return
      seen.set(challenge.id, true)
      if (chosen.behaviour === 'ignore') continue
      const cancel = new AbortController()
      pending.set(challenge.id, cancel)
      run('an answer', () =>
        answerLater(device, challenge, chosen, cancel.signal).finally(() => pending.delete(challenge.id))
      )
    }
  }

  async function answerLater(
    device: Device,
    challenge: ShownChallenge,
    plan: VirtualPhonePlan,
    ended: AbortSignal
  ): Promise<void> {
    const signal = AbortSignal.any([ended, closing.signal])
    let pauseMs = plan.delayMs
    let retryMs = firstRetryMs
    while (!stopped) {
      if (pauseMs > 0 && !(await wait(pauseMs, true, { signal }).catch(() => false))) return
      if (stopped || ended.aborted || new Date(challenge.expiresAt) <= now()) return
      const settled = await slots.use(() => tryToAnswer(device, challenge, plan))
      if (settled) return
      pauseMs = retryMs
      retryMs = Math.min(retryMs * 2, lastRetryMs)
    }
  }

  /** True when nothing is left to do. */
  async function tryToAnswer(
    device: Device,
    challenge: ShownChallenge,
    plan: VirtualPhonePlan
  ): Promise<boolean> {
    const about = { challengeId: challenge.id, deviceId: device.id, behaviour: plan.behaviour }
    try {
      await answer(device, challenge, plan)
      log.debug(about, 'a virtual phone answered')
      return true
    } catch (error) {
      if (closing.signal.aborted) return true
      if (error instanceof PhoneApiRefusal && !error.passing) {
        log.info({ ...about, answer: error.message }, 'a virtual phone was refused')
        return true
      }
      log.warn({ ...about, err: error }, 'a virtual phone could not answer and will try again')
      return false
    }
  }

  async function answer(device: Device, challenge: ShownChallenge, plan: VirtualPhonePlan): Promise<void> {
    if (plan.behaviour === 'reject') return client.reject(device, challenge.id)
    if (displayHashOf(challenge) !== challenge.displayHash) {
      log.error(
        { challengeId: challenge.id },
        'a virtual phone was shown something other than what it should confirm'
      )
      return
    }
    const shown =
      plan.behaviour === 'tampered-display'
        ? { ...challenge, description: `${challenge.description} (altered)` }
        : challenge
    const biometric = plan.behaviour === 'wrong-biometric' ? null : plan.biometric
    await client.confirm(device, challenge.id, await client.biometricToken(device, shown, biometric))
  }

  async function sweep(): Promise<void> {
    playing = await deps.tryHold('virtual-phones')
    let after = ''
    while (playing && !stopped) {
      const page = await store.withWaiting({ now: now(), after, limit: sweepPage })
      for (const subscriberId of page) visit(subscriberId)
      const last = page.at(-1)
      if (last === undefined || page.length < sweepPage) return
      after = last
    }
  }

  function wake(): void {
    if (stopped || sweeping) return
    sweeping = true
    run('a sweep', () =>
      sweep().finally(() => {
        sweeping = false
      })
    )
  }

  const unwatch = deps.watchAll((subscriberId, change) => {
    if (change.kind === 'missed') wake()
    else if (change.kind === 'ended') pending.get(change.activationId)?.abort()
    else if (playing) visit(subscriberId)
  })
  const sweeps = setInterval(wake, sweepIntervalMs)
  sweeps.unref()
  wake()

  return {
    wake,
    async close() {
      stopped = true
      clearInterval(sweeps)
      unwatch()
      for (const cancel of pending.values()) cancel.abort()
      const patience = setTimeout(() => closing.abort(), closePatienceMs)
      await Promise.all(running)
      clearTimeout(patience)
    }
  }
}
