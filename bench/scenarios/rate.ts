import type { MeasuredAlgorithm } from '../prepare/protocol.js'
import type { Sample } from '../report/result.js'
import { latenciesOf, round as rounded } from '../report/statistics.js'
import type { Stage } from '../stage/stage.js'
import { measureAtRate } from './at-rate.js'
import type { Figure } from './figure.js'
import type { OpenScenario, Round, Scenario } from './scenario.js'
import { connectionsOf } from './sign.js'
import { createSupply, measureCapacity } from './supply.js'

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
  let expected = guesses[algorithm].perSecond / (stage.options.quick ? 2 : 1)
  let aloneMs = guesses[algorithm].aloneMs

  const aloneWindow = ({ windowMs }: Round) => windowMs * aloneShare
  const seconds = ({ windowMs, warmUpMs }: Round) => (windowMs + warmUpMs) / 1000

  return {
    async prepare(round) {
      const whole = expected * seconds(round) * margin + connections
      await supply.fill(whole + aloneWindow(round) / aloneMs + whole * share)
    },

    async measure(round): Promise<Sample> {
      const alone = await supply.loop({ connections: 1, warmUpMs: 0, windowMs: aloneWindow(round) })
      const capacity = await measureCapacity(supply, round, { connections, expected })
      const offered = capacity * share
      const { sample, sent } = await measureAtRate(served, supply, round, {
        perSecond: offered,
        seed: `${stage.options.seed} ${name} ${round.number}`
      })
      const unloaded = latenciesOf(alone.answers.map(({ latencyMs }) => latencyMs))
      expected = capacity
      aloneMs = unloaded.p50
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
