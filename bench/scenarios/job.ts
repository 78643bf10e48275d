import type { KeyObject } from 'node:crypto'
import type { Challenge } from '../../src/activation/activation.js'
import { hashes } from '../../src/hsm/hashes.js'
import type { Answer, LoopResult } from '../load/closed-loop.js'
import { type Connection, createConnection, type RawAnswer } from '../load/connection.js'
import { biometricToken, deviceKey, deviceToken } from '../prepare/device.js'
import { credentialOf, type MeasuredAlgorithm, type Wanted } from '../prepare/protocol.js'
import type { Sample } from '../report/result.js'
import { sampleOf } from '../report/sample.js'
import type { Served, Stage } from '../stage/stage.js'
import { digestsOf, signHash } from './approved.js'
import type { OpenScenario, Round, Scenario } from './scenario.js'

/** Jobs under way, each of another subscriber. */
const workers = 16
/** A server that is gone is not asked for ever. */
const failuresMax = 100
/** What the portal names as the factor; it has no value, the phone answers (CSC API v2 §11.6). */
const factor = 'biometric'

/** Everything a signature takes, as portal and phone do it: five requests over two connections. */
function jobScenario(name: string, algorithm: MeasuredAlgorithm): Scenario {
  return {
    name,
    about: `the whole job over HTTP, ${algorithm}, one digest: credentials/authorize, the phone reads the challenge and confirms it by a biometric token, authorizeCheck, signHash; ${workers} subscribers at a time; latency of a job`,
    unit: 'jobs/s',
    open: (stage) => openJobs(stage, name, algorithm)
  }
}

/** An answer other than the one a job needs to go on. */
class JobEnded extends Error {
  constructor(readonly answer: RawAnswer) {
    super(`${answer.status} ${answer.body}`)
  }
}

async function openJobs(stage: Stage, name: string, algorithm: MeasuredAlgorithm): Promise<OpenScenario> {
  const served = await stage.served()
  const { people } = served.population
  const lanes = Math.min(workers, people.length)
  /** People whose turn has not come, so that none has two jobs. */
  const free = people.map((_, person) => person)
  const keys = new Map<number, KeyObject>()

  function keyOf(person: number): KeyObject {
    const known = keys.get(person)
    if (known !== undefined) return known
    const key = deviceKey(personOf(served, person))
    keys.set(person, key)
    return key
  }

  /** @returns The answer of signHash. @throws JobEnded */
  async function job(wanted: Wanted, portal: Connection, phone: Connection): Promise<RawAnswer> {
    const { requests, audience, phone: calls } = served
    const { seed } = stage.options
    const person = personOf(served, wanted.person)
    const key = keyOf(wanted.person)
    const asked = await portal.send(
      requests.post('/credentials/authorize', {
        credentialID: credentialOf(person, algorithm).id,
        numSignatures: 1,
        hashes: digestsOf(seed, wanted.documents).map((digest) => digest.toString('base64')),
        hashAlgorithmOID: hashes['SHA-256'].oid,
        authData: [{ id: factor }],
        description: 'Hồ sơ thử tải'
      })
    )
    const { handle } = read<{ handle: string }>(asked, 202)
    const proof = () => deviceToken(person, key, audience, new Date())
    const waiting = await phone.send(calls.get('/challenges', proof()))
    const challenge = read<Challenge[]>(waiting, 200).find(({ id }) => id === handle)
    if (challenge === undefined) throw new JobEnded({ ...waiting, status: 404 })
    const token = biometricToken(person, key, challenge, new Date())
    read(await phone.send(calls.post(`/challenges/${handle}/confirm`, proof(), { token })), 200)
    const { SAD } = read<{ SAD: string }>(
      await portal.send(requests.post('/credentials/authorizeCheck', { handle })),
      200
    )
    const signed = await portal.send(signHash(served, seed, wanted, SAD))
    read(signed, 200)
    return signed
  }

  async function loop({ windowMs, warmUpMs }: Round): Promise<{ result: LoopResult; wanted: Wanted[] }> {
    const answers: Answer[] = []
    const wanted: Wanted[] = []
    let failures = 0
    const windowFrom = performance.now() + warmUpMs
    const windowTo = windowFrom + windowMs

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
          if (error instanceof JobEnded) ended(error.answer.status, error.answer.body)
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

function read<Body>(answer: RawAnswer, status: number): Body {
  if (answer.status !== status) throw new JobEnded(answer)
  return JSON.parse(answer.body) as Body
}

function personOf({ population }: Served, person: number) {
  const found = population.people[person]
  if (found === undefined) throw new RangeError(`there is no person ${person}`)
  return found
}

export const jobScenarios: readonly Scenario[] = [jobScenario('job-rsa2048', 'RSA-2048')]
