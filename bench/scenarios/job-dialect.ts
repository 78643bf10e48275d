import { setTimeout as sleep } from 'node:timers/promises'
import { confirmOverHttp } from '../load/approval.js'
import { type DialectScript, dialectScripts } from '../load/dialects.js'
import { digestOf } from '../load/documents.js'
import { createPhoneWriter } from '../load/requests.js'
import { createDeviceKeys } from '../prepare/device.js'
import { personOf } from '../prepare/protocol.js'
import { enrolOverHttp, operatorCalls } from '../stage/enrol-over-http.js'
import type { Stage } from '../stage/stage.js'
import { openJobLoop, workers } from './job-loop.js'
import type { OpenScenario, Scenario } from './scenario.js'

/** Between two looks at how a transaction stands; the first is at once. */
const pollMs = 10

/** Everything a signature takes in a provider's own API: ask, challenge, confirm, and looking until it is signed. */
function dialectJob(script: DialectScript): Scenario {
  const name = `job-${script.provider}`
  return {
    name,
    about: `the whole job through ${script.provider}'s own API, RSA-2048, one digest: ask, the phone reads the challenge and confirms it by a biometric token, the portal looks every ${pollMs} ms until it is signed; ${workers} subscribers at a time; latency of a job`,
    unit: 'jobs/s',
    anywhere: true,
    open: (stage) => openDialectJobs(stage, name, script)
  }
}

async function openDialectJobs(stage: Stage, name: string, script: DialectScript): Promise<OpenScenario> {
  const served = await stage.served()
  const { provider, password } = script
  const operator = operatorCalls(served.url, await served.operatorKey())
  const run = Date.now().toString(36)
  const client = await operator<{ clientId: string; clientSecret: string }>('POST', '/relying-parties', {
    provider,
    name: `Cổng thử tải ${run}`
  })
  const { people, audience } = await enrolOverHttp(served.url, operator, {
    provider,
    run,
    count: workers,
    algorithms: ['RSA-2048'],
    ...(password === undefined ? {} : { password }),
    console: stage.console
  })
  const keyOf = createDeviceKeys(people)
  const phone = { calls: createPhoneWriter(`${served.url}/${provider}/phone`), audience }
  const calls = await Promise.all(
    people.map((person) => script.open({ url: served.url, population: client, person }))
  )

  const jobs = openJobLoop(stage, served, {
    name,
    algorithm: 'RSA-2048',
    people,
    async job({ person, documents }, connections) {
      const dialect = personOf(calls, person)
      const digest = digestOf(stage.options.seed, documents.first)
      const { name, challengeId } = await dialect.ask(digest, connections.portal)
      await confirmOverHttp(phone, personOf(people, person), keyOf(person), challengeId, connections.phone)
      for (;;) {
        const signatures = await dialect.result(name, connections.portal)
        if (signatures !== null)
          return { status: 200, retryAfterS: null, body: JSON.stringify({ signatures }) }
        await sleep(pollMs)
      }
    }
  })
  return {
    ...jobs,
    async close() {
      await operator('DELETE', `/relying-parties/${provider}/${client.clientId}`)
    }
  }
}

export const dialectJobScenarios: readonly Scenario[] = dialectScripts.map(dialectJob)
