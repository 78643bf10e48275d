import { type OpenAnswer, openLoop } from '../load/open-loop.js'
import type { MeasuredAlgorithm } from '../prepare/protocol.js'
import type { Sample } from '../report/result.js'
import { sampleOf } from '../report/sample.js'
import { latenciesOf, round as rounded } from '../report/statistics.js'
import type { Stage } from '../stage/stage.js'
import type { Figure } from './figure.js'
import type { OpenScenario, Round, Scenario } from './scenario.js'
import { connectionsOf } from './sign.js'
import { createSupply, goodPerSecond } from './supply.js'

/** Requests a second to prepare for before anything has been measured, and how long one takes when it is alone. */
const guesses: Readonly<Record<MeasuredAlgorithm, { perSecond: number; aloneMs: number }>> = {
  'P-256': { perSecond: 2_500, aloneMs: 2 },
  'RSA-2048': { perSecond: 1_000, aloneMs: 3 }
}
/** More than the last round would have used. */
const margin = 1.15
/** Of a window: how long one connection is measured alone. */
const aloneShare = 1 / 3

function rateScenario(name: string, algorithm: MeasuredAlgorithm, share: number): Scenario {
  return {
    name,
    about: `CSC v2 signHash, ${algorithm}, one digest a request, at a fixed average rate of ${share * 100} % of what a closed loop reached just before; latency from the moment a request was due`,
    unit: 'signatures/s',
    anywhere: true,
    open: (stage) => openRate(stage, name, algorithm, share)
  }
}

async function openRate(
  stage: Stage,
  name: string,
  algorithm: MeasuredAlgorithm,
  share: number
): Promise<OpenScenario> {
  const served = await stage.served()
  const supply = createSupply(stage, served, name, algorithm)
  const connections = connectionsOf(algorithm, 1)
  let expected = guesses[algorithm].perSecond
  let aloneMs = guesses[algorithm].aloneMs

  const aloneWindow = ({ windowMs }: Round) => windowMs * aloneShare
  const seconds = ({ windowMs, warmUpMs }: Round) => (windowMs + warmUpMs) / 1000

  return {
    async prepare(round) {
      const whole = expected * seconds(round) * margin + connections
      await supply.fill(whole + aloneWindow(round) / aloneMs + whole * share)
    },

    async measure(round): Promise<Sample> {
      const { windowMs, warmUpMs } = round
      const alone = await supply.loop({ connections: 1, warmUpMs: 0, windowMs: aloneWindow(round) })
      const full = await supply.loop({ connections, warmUpMs, windowMs })
      const capacity = goodPerSecond(full)
      const offered = capacity * share
      await supply.fill(offered * seconds(round) * margin + connections)
      const before = await served.usage()
      const sent = await openLoop({
        url: served.url,
        phases: [{ perSecond: offered, ms: warmUpMs + windowMs }],
        seed: `${stage.options.seed} ${name} ${round.number}`,
        requests: supply.requests,
        next: supply.take
      })
      const after = await served.usage()
      const verified = await supply.settle(sent.answers)
      const unloaded = latenciesOf(alone.answers.map(({ latencyMs }) => latencyMs))
      expected = full.ranOut ? capacity * 1.5 : capacity
      aloneMs = unloaded.p50
      const windowFrom = (sent.beganAt[0] ?? 0) + warmUpMs
      const sample = sampleOf<OpenAnswer>({
        loop: {
          answers: sent.answers,
          sent: sent.answers.length + sent.failures.length,
          failures: sent.failures.length,
          windowFrom,
          windowTo: sent.endedAt,
          ranOut: sent.ranOut
        },
        timedBy: ({ dueAt }) => dueAt,
        digests: 1,
        connections: sent.connections,
        before,
        after,
        verified
      })
      return {
        ...sample,
        values: {
          capacityPerSecond: rounded(capacity),
          offeredPerSecond: rounded(offered),
          unloadedP50Ms: unloaded.p50,
          generatorLagP99Ms: latenciesOf(sent.answers.map(({ lagMs }) => lagMs)).p99
        }
      }
    },

    async close() {}
  }
}

export const rateScenarios: readonly Scenario[] = [
  rateScenario('rate-70', 'RSA-2048', 0.7),
  rateScenario('rate-70-p256', 'P-256', 0.7)
]

/** How much longer the slowest hundredth waits at 70 % than one who is alone. */
export const rateFigures: readonly Figure[] = ['rate-70'].map((name) => ({
  name: `${name}-p99/unloaded-p50`,
  needs: [name],
  goal: 8,
  atMost: true,
  value(of) {
    const { load, values } = of(name)
    return (load?.latencyMs.p99 ?? Number.NaN) / (values?.unloadedP50Ms ?? Number.NaN)
  }
}))
