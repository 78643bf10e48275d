import type { MeasuredAlgorithm } from '../prepare/protocol.js'
import type { Point } from '../report/result.js'
import { round as rounded } from '../report/statistics.js'
import type { Stage } from '../stage/stage.js'
import { measureAtRate } from './at-rate.js'
import type { OpenScenario, Scenario } from './scenario.js'
import { connectionsOf } from './sign.js'
import { createSupply, measureCapacity } from './supply.js'

/** What is offered, in % of the capacity. */
const steps = [10, 30, 50, 70, 90]
const quickSteps = [10, 90]
/** Windows are so much longer than others': percentiles of a low rate need time. */
const windowsLonger = 2
/** Requests a second to prepare for before anything has been measured. */
const guess = 1_000

/** `latency-rsa2048`: how long people wait at each load. */
export const latency: Scenario = {
  name: 'latency-rsa2048',
  about: `CSC v2 signHash, RSA-2048, one digest a request, at fixed average rates of ${steps.join(', ')} % of what a closed loop reached just before; latency from the moment a request was due. The figure is what was answered a second at the highest`,
  unit: 'signatures/s',
  anywhere: true,
  once: true,
  open: (stage) => openLatency(stage, 'latency-rsa2048', 'RSA-2048')
}

async function openLatency(stage: Stage, name: string, algorithm: MeasuredAlgorithm): Promise<OpenScenario> {
  const { quick, seed } = stage.options
  const served = await stage.served()
  const supply = createSupply(stage, served, name, algorithm)
  const connections = connectionsOf(algorithm, 1)

  return {
    async measure(round) {
      const { windowMs, warmUpMs } = round
      const window = { warmUpMs, windowMs: quick ? windowMs : windowMs * windowsLonger }
      const capacity = await measureCapacity(supply, round, { connections, expected: guess })
      await supply.settle([])
      const points: Point[] = []
      for (const at of quick ? quickSteps : steps) {
        const perSecond = (capacity * at) / 100
        const { sample } = await measureAtRate(served, supply, window, {
          perSecond,
          seed: `${seed} ${name} ${at}`
        })
        if (sample.load === undefined) throw new TypeError('signing has a load')
        points.push({ at, perSecond: sample.perSecond, load: sample.load })
      }
      return {
        perSecond: points.at(-1)?.perSecond ?? 0,
        windowMs: window.windowMs,
        values: { capacityPerSecond: rounded(capacity) },
        points
      }
    },
    close: async () => undefined
  }
}
