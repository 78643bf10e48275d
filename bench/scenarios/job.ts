import { approveOverHttp, readAnswer } from '../load/approval.js'
import { createDeviceKeys } from '../prepare/device.js'
import type { MeasuredAlgorithm } from '../prepare/protocol.js'
import type { Stage } from '../stage/stage.js'
import { signHash } from './approved.js'
import { openJobLoop, workers } from './job-loop.js'
import type { OpenScenario, Scenario } from './scenario.js'

/** Everything a signature takes, as portal and phone do it: five requests over two connections. */
function jobScenario(name: string, algorithm: MeasuredAlgorithm): Scenario {
  return {
    name,
    about: `the whole job over HTTP, ${algorithm}, one digest: credentials/authorize, the phone reads the challenge and confirms it by a biometric token, authorizeCheck, signHash; ${workers} subscribers at a time; latency of a job`,
    unit: 'jobs/s',
    anywhere: true,
    open: (stage) => openJobs(stage, name, algorithm)
  }
}

async function openJobs(stage: Stage, name: string, algorithm: MeasuredAlgorithm): Promise<OpenScenario> {
  const served = await stage.served()
  const { people } = served.population
  const keyOf = createDeviceKeys(people)
  return openJobLoop(stage, served, {
    name,
    algorithm,
    people,
    async job(wanted, connections) {
      const { seed } = stage.options
      const handle = await approveOverHttp(served, seed, wanted, keyOf(wanted.person), connections)
      const check = await connections.portal.send(
        served.requests.post('/credentials/authorizeCheck', { handle })
      )
      const { SAD } = readAnswer<{ SAD: string }>(check, 200)
      const signed = await connections.portal.send(signHash(served, seed, wanted, SAD))
      readAnswer(signed, 200)
      return signed
    }
  })
}

export const jobScenarios: readonly Scenario[] = [jobScenario('job-rsa2048', 'RSA-2048')]
