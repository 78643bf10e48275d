import { approveOverHttp, readAnswer, UnexpectedAnswer } from '../load/approval.js'
import type { Answer, LoopResult } from '../load/closed-loop.js'
import { type Connection, createConnection, type RawAnswer } from '../load/connection.js'
import { createDeviceKeys } from '../prepare/device.js'
import { credentialOf, type MeasuredAlgorithm, type Wanted } from '../prepare/protocol.js'
import type { Sample } from '../report/result.js'
import { sampleOf } from '../report/sample.js'
import type { Stage } from '../stage/stage.js'
import { signHash } from './approved.js'
import type { OpenScenario, Round, Scenario } from './scenario.js'

/** Jobs under way, each of another subscriber. */
const workers = 16
/** A job takes longer than a request. */
const windowMsMin = 1_000
/** A server that is gone is not asked for ever. */
const failuresMax = 100
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
  const lanes = Math.min(workers, people.length)
  /** People whose turn has not come, so that none has two jobs. */
  const free = people.map((_, person) => person)
  const keyOf = createDeviceKeys(people)

  /** @returns The answer of signHash. @throws UnexpectedAnswer */
  async function job(wanted: Wanted, portal: Connection, phone: Connection): Promise<RawAnswer> {
    const { seed } = stage.options
    const handle = await approveOverHttp(served, seed, wanted, keyOf(wanted.person), { portal, phone })
    const check = await portal.send(served.requests.post('/credentials/authorizeCheck', { handle }))
    const { SAD } = readAnswer<{ SAD: string }>(check, 200)
    const signed = await portal.send(signHash(served, seed, wanted, SAD))
    readAnswer(signed, 200)
    return signed
  }

  async function loop({ windowMs, warmUpMs }: Round): Promise<{ result: LoopResult; wanted: Wanted[] }> {
    const answers: Answer[] = []
    const wanted: Wanted[] = []
    let failures = 0
    const windowFrom = performance.now() + warmUpMs
    const windowTo = windowFrom + Math.max(windowMs, windowMsMin)

    async function work(): Promise<void> {
      const [portal, phone] = [createConnection(served.url), createConnection(served.url)]
      while (performance.now() < windowTo && failures < failuresMax) {
        const person = free.shift()
        if (person === undefined) throw new TypeError('there are more people than jobs under way')
        const one = { person, algorithm, documents: stage.documents(1) }
        const index = wanted.push(one) - 1
        const startedAt = performance.now()
        const ended = (status: number, body: string) => {
          const endedAt = performance.now()
          answers.push({ index, status, body, latencyMs: endedAt - startedAt, endedAt })
        }
        try {
          const { status, body } = await job(one, portal, phone)
          ended(status, body)
        } catch (error) {
          if (error instanceof UnexpectedAnswer) ended(error.answer.status, error.answer.body)
          else failures += 1
        }
        free.push(person)
      }
      portal.close()
      phone.close()
    }
    await Promise.all(Array.from({ length: lanes }, work))
    const result = { answers, sent: wanted.length, failures, windowFrom, windowTo, ranOut: false }
    return { result, wanted }
  }

  return {
    async measure(round): Promise<Sample> {
      const before = await served.usage()
      const { result, wanted } = await loop(round)
      const after = await served.usage()
      const { verified, wrong } = await stage.verifier.verify(
        result.answers.flatMap(({ index, status, body }) => {
          if (status !== 200) return []
          const one = wanted[index] as Wanted
          return [
            {
              certificate: credentialOf(people[one.person], algorithm).certificate,
              documents: one.documents,
              body
            }
          ]
        })
      )
      if (wrong.length > 0) throw new Error(`${name}: ${wrong.length} wrong signatures. ${wrong[0]}`)
      const refused = result.answers.find(({ status }) => status !== 200)
      if (refused !== undefined) stage.console.say(`  a job ended with ${refused.status} ${refused.body}`)
      return sampleOf({ loop: result, digests: 1, connections: 2 * lanes, before, after, verified })
    },
    async close() {}
  }
}

export const jobScenarios: readonly Scenario[] = [jobScenario('job-rsa2048', 'RSA-2048')]
