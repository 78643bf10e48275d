import { createArrivals } from './arrivals.js'
import type { Answer } from './closed-loop.js'
import { type Connection, createConnection } from './connection.js'

/** More than a server that turns people away in time ever leaves under way; what is due beyond waits here, and counts. */
const connectionsMax = 1_024
/** Made before the first request is due. */
const connectionsReady = 64

/** An answer, timed from the moment its request was due. */
export interface OpenAnswer extends Answer {
  /** `performance.now()` when it should have been sent. `latencyMs` counts from here. */
  dueAt: number
  /** How much later it was written than due: the generator's own delay, and that of a lost connection. */
  lagMs: number
  retryAfterS: number | null
  /** Which phase sent it. */
  phase: number
}

/** A stretch of time with an average rate of its own. */
export interface Phase {
  perSecond: number
  ms: number
}

export interface OpenLoopResult {
  answers: OpenAnswer[]
  /** Requests that got no answer, each with the phase it was due in. */
  failures: { index: number; phase: number; reason: string }[]
  /** `performance.now()` at which each phase began; and at which the last one ended, before the last answers came. */
  beganAt: number[]
  endedAt: number
  /** Connections that were made. */
  connections: number
  /** There was nothing to send any more before the phases were over. */
  ranOut: boolean
}

/**
 * Sends requests at a rate of its own, whatever becomes of them, as people do who do not know each other: a slow server
 * gets no fewer. Latency counts from the moment a request was due, so that waiting for a connection or for the
 * generator is never left out.
 * @param options.next Index of the request to send next; null: there is none.
 * @param options.seed The same text gives the same arrivals; see `createArrivals` for how they are distributed.
 * @param options.onAnswer Called with each answer; true ends the last phase early.
 */
export async function openLoop(options: {
  url: string
  phases: readonly Phase[]
  seed: string
  requests: readonly Buffer[]
  next: (phase: number) => number | null
  onAnswer?: (answer: OpenAnswer) => boolean
}): Promise<OpenLoopResult> {
  const { url, phases, seed, requests, next, onAnswer } = options
  const answers: OpenAnswer[] = []
  const failures: OpenLoopResult['failures'] = []
  const all: Connection[] = Array.from({ length: connectionsReady }, () => createConnection(url))
  await Promise.all(all.map((connection) => connection.open()))
  const idle = [...all]
  /** Due, and without a connection. */
  const waiting: { index: number; phase: number; dueAt: number }[] = []
  let underWay = 0
  let enough = false
  let settled: (() => void) | null = null

  function send(connection: Connection, index: number, phase: number, dueAt: number): void {
    underWay += 1
    const lagMs = performance.now() - dueAt
    connection
      .send(requests[index] as Buffer)
      .then(
        ({ status, retryAfterS, body }) => {
          const endedAt = performance.now()
          const latencyMs = endedAt - dueAt
          const answer = { index, status, body, latencyMs, endedAt, dueAt, lagMs, retryAfterS, phase }
          answers.push(answer)
          if (onAnswer?.(answer)) enough = true
        },
        (error: Error) => failures.push({ index, phase, reason: error.message })
      )
      .finally(() => {
        underWay -= 1
        const first = waiting.shift()
        if (first !== undefined) send(connection, first.index, first.phase, first.dueAt)
        else idle.push(connection)
        if (underWay === 0) settled?.()
      })
  }

  function due(index: number, phase: number, dueAt: number): void {
    const connection = idle.pop() ?? another()
    if (connection === null) waiting.push({ index, phase, dueAt })
    else send(connection, index, phase, dueAt)
  }

  function another(): Connection | null {
    if (all.length >= connectionsMax) return null
    const connection = createConnection(url)
    all.push(connection)
    return connection
  }

  /** @returns Whether there was enough to send. */
  function play(phase: number, { perSecond, ms }: Phase, from: number): Promise<boolean> {
    const gap = createArrivals(`${seed} ${phase}`, perSecond)
    const last = phase === phases.length - 1
    let dueAt = from + gap()
    return new Promise((resolve) => {
      const tick = () => {
        const now = performance.now()
        while (dueAt <= now && dueAt < from + ms) {
          const index = next(phase)
          if (index === null) return resolve(false)
          due(index, phase, dueAt)
          dueAt += gap()
        }
        if (now >= from + ms || (last && enough)) return resolve(true)
        setTimeout(tick, Math.max(0, Math.min(dueAt, from + ms) - now))
      }
      tick()
    })
  }

  const beganAt: number[] = []
  let from = performance.now()
  let ranOut = false
  for (const [number, phase] of phases.entries()) {
    beganAt.push(from)
    ranOut = !(await play(number, phase, from))
    if (ranOut) break
    from += phase.ms
  }
  const endedAt = Math.min(performance.now(), from)
  if (underWay > 0) await new Promise<void>((resolve) => (settled = resolve))
  for (const connection of all) connection.close()
  return { answers, failures, beganAt, endedAt, connections: all.length, ranOut }
}
