import { type OpenAnswer, openLoop } from '../load/open-loop.js'
import type { Sample } from '../report/result.js'
import { sampleOf } from '../report/sample.js'
import { latenciesOf, round as rounded } from '../report/statistics.js'
import type { Stage } from '../stage/stage.js'
import type { Figure } from './figure.js'
import type { OpenScenario, Round, Scenario } from './scenario.js'
import { connectionsOf } from './sign.js'
import { createSupply, measureCapacity } from './supply.js'

const name = 'overload-200'
const algorithm = 'RSA-2048'
/** Of the capacity: what is offered in the window, and after it. */
const overloadShare = 2
const recoveryShare = 0.5
/** Requests a second to prepare for before anything has been measured. */
const guess = 1_000
/** More than the last round would have used. */
const margin = 1.1
/** The longest that anyone should wait. */
const patienceMs = 2_000
/** How long recovery is looked for, and how much of it in a row shows it. */
const recovery = { ms: 6_000, cleanMs: 1_000 }
const recoveryQuick = { ms: 2_000, cleanMs: 300 }

/** A server turns away what it cannot do in time, and says when to come again (RFC 9110 §15.6.4). */
const turnedAway = ({ status, retryAfterS }: OpenAnswer) => status === 503 && retryAfterS !== null
const clean = ({ status, latencyMs }: OpenAnswer) => status === 200 && latencyMs <= patienceMs

/** `overload-200`: twice as much as the server can do, then half of it. */
export const overload: Scenario = {
  name,
  about: `CSC v2 signHash, ${algorithm}, one digest a request, at ${overloadShare * 100} % of what a closed loop reached just before, whatever is answered; then ${recoveryShare * 100} % until it is answered as before`,
  unit: 'signatures/s',
  anywhere: true,
  open: openOverload
}

async function openOverload(stage: Stage): Promise<OpenScenario> {
  const served = await stage.served()
  const supply = createSupply(stage, served, name, algorithm)
  const connections = connectionsOf(algorithm, 1)
  const after = stage.options.quick ? recoveryQuick : recovery
  let expected = stage.options.quick ? guess / 2 : guess
  /** What was turned away can be asked again, and need not be approved for the recovery. Share of the offered. */
  let refusedShare = 0

  const seconds = ({ windowMs, warmUpMs }: Round) => (windowMs + warmUpMs) / 1000

  /** Requests that overload and recovery take, at a capacity. */
  function needed(round: Round, capacity: number): number {
    const offered = capacity * overloadShare * seconds(round) * margin
    const recovering = (capacity * recoveryShare * after.ms) / 1000
    return offered + Math.max(capacity * recoveryShare, recovering - offered * refusedShare)
  }

  return {
    async prepare(round) {
      await supply.fill(expected * margin * seconds(round) + connections + needed(round, expected))
    },

    async measure(round): Promise<Sample> {
      const { windowMs, warmUpMs } = round
      const capacity = await measureCapacity(supply, round, { connections, expected })
      expected = capacity
      await supply.fill(needed(round, capacity))

      const refused: number[] = []
      let lastBadDueAt = 0
      const recoveryFrom = { at: Number.POSITIVE_INFINITY }
      const usedBefore = await served.usage()
      const sent = await openLoop({
        url: served.url,
        phases: [
          { perSecond: capacity * overloadShare, ms: warmUpMs + windowMs },
          { perSecond: capacity * recoveryShare, ms: after.ms }
        ],
        seed: `${stage.options.seed} ${name} ${round.number}`,
        requests: supply.requests,
        next(phase) {
          if (phase === 0) return supply.take()
          recoveryFrom.at = Math.min(recoveryFrom.at, performance.now())
          return refused.shift() ?? supply.take()
        },
        onAnswer(answer) {
          if (answer.status === 503) refused.push(answer.index)
          if (!clean(answer)) lastBadDueAt = Math.max(lastBadDueAt, answer.dueAt)
          return answer.phase === 1 && answer.dueAt - Math.max(lastBadDueAt, recoveryFrom.at) >= after.cleanMs
        }
      })
      const usedAfter = await served.usage()
      const verified = await supply.settle(sent.answers)

      const windowFrom = (sent.beganAt[0] ?? 0) + warmUpMs
      const windowTo = sent.beganAt[1] ?? sent.endedAt
      const sample = sampleOf<OpenAnswer>({
        loop: {
          answers: sent.answers,
          sent: sent.answers.length + sent.failures.length,
          failures: sent.failures.length,
          windowFrom,
          windowTo,
          ranOut: sent.beganAt.length === 1
        },
        timedBy: ({ dueAt }) => dueAt,
        isError: (answer) => answer.status !== 200 && !turnedAway(answer),
        digests: 1,
        connections: sent.connections,
        before: usedBefore,
        after: usedAfter,
        verified
      })
      const offered = sent.answers.filter(({ phase }) => phase === 0)
      const lost = sent.failures.filter(({ phase }) => phase === 0).length
      const notAccepted = offered.filter(({ status }) => status !== 200)
      refusedShare = notAccepted.length / Math.max(1, offered.length)
      return {
        ...sample,
        values: {
          capacityPerSecond: rounded(capacity),
          offeredPerSecond: rounded(capacity * overloadShare),
          offeredRequests: offered.length + lost,
          refusedRequests: notAccepted.length + lost,
          refusedWithRetryAfterRequests: notAccepted.filter(turnedAway).length,
          lateRequests: offered.filter(({ status, latencyMs }) => status === 200 && latencyMs > patienceMs)
            .length,
          recoveredMs: recoveredMs(sent.answers, windowTo, after),
          memoryBeforeMiB: mebibytes(usedBefore.residentOctets),
          memoryAfterMiB: mebibytes(usedAfter.residentOctets),
          generatorLagP99Ms: latenciesOf(sent.answers.map(({ lagMs }) => lagMs)).p99
        }
      }
    },

    async close() {}
  }
}

/**
 * From the end of the overload to the first request after which all were answered with 200 and in time. As long as it
 * was looked for, where that did not come or was not seen for long enough.
 */
function recoveredMs(
  answers: readonly OpenAnswer[],
  overloadEnd: number,
  { ms, cleanMs }: { ms: number; cleanMs: number }
): number {
  const after = answers.filter(({ phase }) => phase === 1).sort((a, b) => a.dueAt - b.dueAt)
  const first = after[after.findLastIndex((answer) => !clean(answer)) + 1]
  const last = after.at(-1)
  if (first === undefined || last === undefined || last.dueAt - first.dueAt < cleanMs / 2) return ms
  return rounded(first.dueAt - overloadEnd)
}

const mebibytes = (octets: number): number | null =>
  Number.isFinite(octets) ? rounded(octets / 2 ** 20) : null

const figure = (
  suffix: string,
  goal: { goal: number; atMost?: true },
  value: (sample: Sample, of: (value: string) => number) => number
): Figure => ({
  name: `${name}${suffix}`,
  needs: [name],
  ...goal,
  value(of) {
    const sample = of(name)
    return value(sample, (wanted) => sample.values?.[wanted] ?? Number.NaN)
  }
})

export const overloadFigures: readonly Figure[] = [
  figure('/capacity', { goal: 0.75 }, ({ perSecond }, of) => perSecond / of('capacityPerSecond')),
  figure('-503/refused', { goal: 1 }, (_, of) => {
    // A server that turns nobody away should have, unless nobody had to wait for it.
    if (of('refusedRequests') === 0) return of('lateRequests') === 0 ? 1 : 0
    return of('refusedWithRetryAfterRequests') / of('refusedRequests')
  }),
  figure(
    '-p99-s',
    { goal: patienceMs / 1000, atMost: true },
    ({ load }) => (load?.latencyMs.p99 ?? 0) / 1000
  ),
  figure(
    '-memory-after/before',
    { goal: 1.1, atMost: true },
    (_, of) => of('memoryAfterMiB') / of('memoryBeforeMiB')
  ),
  figure('-recovery-s', { goal: 5, atMost: true }, (_, of) => of('recoveredMs') / 1000)
]
