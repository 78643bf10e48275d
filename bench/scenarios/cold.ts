import type { MeasuredAlgorithm } from '../prepare/protocol.js'
import type { Sample } from '../report/result.js'
import type { Stage } from '../stage/stage.js'
import type { Figure } from './figure.js'
import type { OpenScenario, Round, Scenario } from './scenario.js'
import { connectionsOf, openSigning } from './sign.js'

/** Keys a server keeps ready: far fewer than take part, in turn, so that none is ready when its turn comes. */
const cold = { KEY_CACHE: '4' }
/** A request that meets a key another one just loaded, as the server's own keys do, is no cold one. */
const hitRateMax = 0.02

function coldScenario(
  name: string,
  algorithm: MeasuredAlgorithm,
  digests: number,
  rest: Pick<Scenario, 'byName'> = {}
): Scenario {
  return {
    name,
    ...rest,
    about: `CSC v2 signHash, ${algorithm}, ${digests} ${digests === 1 ? 'digest' : 'digests'} and one activation a request, over all credentials, half as many connections, on a server that keeps ${cold.KEY_CACHE} keys ready: every request unwraps its own`,
    unit: 'signatures/s',
    open: (stage) => openCold(stage, name, algorithm, digests)
  }
}

async function openCold(
  stage: Stage,
  name: string,
  algorithm: MeasuredAlgorithm,
  digests: number
): Promise<OpenScenario> {
  const served = await stage.servedWith(cold)
  const signing = await openSigning(stage, {
    name,
    algorithm,
    digests,
    workingSet: 'all',
    // A miss takes longer than a signature: of more than these, some would be turned away.
    connections: Math.ceil(connectionsOf(algorithm, digests) / 2),
    served
  })
  return {
    ...signing,
    async measure(round: Round): Promise<Sample> {
      const sample = await signing.measure(round)
      const hits = sample.load?.keyHitRate ?? Number.NaN
      // Of the digests of a request, one loads the key and the others find it.
      const hitsOfLoads = 1 - (1 - hits) * digests
      if (!(hitsOfLoads <= hitRateMax) && !stage.options.quick)
        throw new Error(`${name}: ${hits} of the keys were ready, and ${hitsOfLoads} of the requests met one`)
      return sample
    },
    async close() {
      await signing.close()
      await served.close()
    }
  }
}

export const coldScenarios: readonly Scenario[] = [
  coldScenario('sign-rsa2048-x1-cold', 'RSA-2048', 1),
  coldScenario('sign-p256-x1-cold', 'P-256', 1, { byName: true }),
  coldScenario('sign-p256-x20-cold', 'P-256', 20)
]

/** Beside what the HSM gives to whoever unwraps a key, signs once, and forgets it. */
export const coldFigures: readonly Figure[] = [
  {
    name: 'sign-rsa2048-x1-cold/raw-unwrap-and-sign',
    needs: ['sign-rsa2048-x1-cold', 'raw-rsa2048', 'unwrap-rsa2048'],
    goal: 0.75,
    value(of) {
      const [signs, unwraps] = [of('raw-rsa2048').perSecond, of('unwrap-rsa2048').perSecond]
      return of('sign-rsa2048-x1-cold').perSecond * (1 / signs + 1 / unwraps)
    }
  }
]
