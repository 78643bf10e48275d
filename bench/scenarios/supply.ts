import { type Answer, closedLoop, type LoopResult } from '../load/closed-loop.js'
import type { MeasuredAlgorithm } from '../prepare/protocol.js'
import type { Served, Stage } from '../stage/stage.js'
import { approved, type Prepared, signAll, verifyAnswers } from './approved.js'
import type { Round } from './scenario.js'
import { connectionsOf } from './sign.js'

/** Approved requests of one digest each, for scenarios that send them in several ways within a round. */
export interface Supply {
  /** All of this round; what `take` answers are indices into it. */
  readonly requests: readonly Buffer[]
  /** Requests that have not been taken. */
  left(): number
  /** Sees to it that so many are left. Not to be called within a window. */
  fill(count: number): Promise<void>
  /** The next one; null: there is none. */
  take(): number | null
  /** Takes and sends as `closedLoop` does. */
  loop(options: { connections: number; warmUpMs: number; windowMs: number }): Promise<LoopResult>
  /**
   * Ends a round: signs what was not sent or was turned away, and verifies every signature of the round.
   * @param answers Those of `openLoop`; those of `loop` are known.
   * @returns How many verified.
   */
  settle(answers: readonly Answer[]): Promise<number>
}

export function createSupply(
  stage: Stage,
  served: Served,
  name: string,
  algorithm: MeasuredAlgorithm
): Supply {
  let prepared: Prepared[] = []
  let requests: Buffer[] = []
  let taken = 0
  let person = 0
  let known: Answer[] = []

  return {
    get requests() {
      return requests
    },
    left: () => prepared.length - taken,
    async fill(count) {
      const missing = Math.ceil(count) - (prepared.length - taken)
      if (missing <= 0) return
      const wanted = Array.from({ length: missing }, () => ({
        person: person++ % served.population.people.length,
        algorithm,
        documents: stage.documents(1)
      }))
      for (const one of await approved(stage, served, name, wanted)) {
        prepared.push(one)
        requests.push(one.request)
      }
    },
    take: () => (taken < prepared.length ? taken++ : null),
    async loop({ connections, warmUpMs, windowMs }) {
      const first = taken
      const loop = await closedLoop({
        url: served.url,
        connections,
        requests: requests.slice(first),
        warmUpMs,
        windowMs
      })
      taken += loop.sent
      const answers = loop.answers.map((answer) => ({ ...answer, index: answer.index + first }))
      known.push(...answers)
      return { ...loop, answers }
    },
    async settle(others) {
      const answers = [...known, ...others]
      const refused = answers.filter(({ status }) => status === 503).map(({ index }) => index)
      const signed = new Set(answers.filter(({ status }) => status === 200).map(({ index }) => index))
      const unsent = prepared.map((_, index) => index).slice(taken)
      // What was turned away may have been asked again, more than once.
      const rest = [...new Set(refused)].filter((index) => !signed.has(index)).concat(unsent)
      const late = await signAll(served, connectionsOf(algorithm, 1), prepared, rest)
      const verified = await verifyAnswers(stage, served, name, prepared, [...answers, ...late])
      prepared = []
      requests = []
      known = []
      taken = 0
      return verified
    }
  }
}

/** A window that ran out of requests so early says nothing; it is repeated with more. */
const attemptsMax = 4

/**
 * What a closed loop reaches.
 * @param expected Requests a second to prepare for; those of the last round, or a guess.
 * @returns Answers with 200 a second.
 */
export async function measureCapacity(
  supply: Supply,
  { number, windowMs, warmUpMs }: Round,
  { connections, expected }: { connections: number; expected: number }
): Promise<number> {
  let count = (expected * (windowMs + warmUpMs)) / 1000
  for (let attempt = 1; ; attempt += 1) {
    await supply.fill(count + connections)
    const loop = await supply.loop({ connections, warmUpMs, windowMs })
    const capacity = goodPerSecond(loop)
    if (!loop.ranOut || number === 0 || loop.windowTo - loop.windowFrom >= windowMs / 2) return capacity
    if (attempt === attemptsMax) throw new Error('the prepared requests never last for a window')
    count *= 2
  }
}

/** Answers with 200 a second, within the window. */
export function goodPerSecond({
  answers,
  windowFrom,
  windowTo
}: Pick<LoopResult, 'answers' | 'windowFrom' | 'windowTo'>): number {
  const good = answers.filter(
    ({ status, endedAt }) => status === 200 && endedAt >= windowFrom && endedAt < windowTo
  )
  return (good.length / (windowTo - windowFrom)) * 1000
}
