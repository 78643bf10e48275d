import type { MeasuredAlgorithm } from '../prepare/protocol.js'
import type { Point } from '../report/result.js'
import type { Stage } from '../stage/stage.js'
import type { OpenScenario, Scenario } from './scenario.js'
import { openSigning } from './sign.js'

/** Connections, each with one request under way. */
const steps = [1, 4, 16, 64, 128, 256]
const quickSteps = [4, 64]
const windowMsMax = 1_000

function concurrency(name: string, algorithm: MeasuredAlgorithm): Scenario {
  return {
    name,
    about: `CSC v2 signHash, ${algorithm}, one digest a request, at ${steps.join(', ')} connections; the figure is the best of them`,
    unit: 'signatures/s',
    anywhere: true,
    once: true,
    open: (stage) => openSweep(stage, name, algorithm)
  }
}

async function openSweep(stage: Stage, name: string, algorithm: MeasuredAlgorithm): Promise<OpenScenario> {
  const signings = await Promise.all(
    (stage.options.quick ? quickSteps : steps).map(async (connections) => ({
      connections,
      running: await openSigning(stage, { name, algorithm, digests: 1, workingSet: 'all', connections })
    }))
  )
  return {
    async measure(round) {
      const points: Point[] = []
      const short = { ...round, windowMs: Math.min(round.windowMs, windowMsMax) }
      for (const { connections, running } of signings) {
        await running.prepare?.(short)
        const { perSecond, load } = await running.measure(short)
        if (load === undefined) throw new TypeError('signing has a load')
        points.push({ at: connections, perSecond, load })
      }
      return {
        perSecond: Math.max(...points.map(({ perSecond }) => perSecond)),
        windowMs: short.windowMs,
        points
      }
    },
    async close() {
      for (const { running } of signings) await running.close()
    }
  }
}

export const concurrencyScenarios: readonly Scenario[] = [
  concurrency('concurrency-p256', 'P-256'),
  concurrency('concurrency-rsa2048', 'RSA-2048')
]
