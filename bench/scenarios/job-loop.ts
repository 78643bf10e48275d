import { UnexpectedAnswer } from '../load/approval.js'
import type { Answer, LoopResult } from '../load/closed-loop.js'
import { type Connection, createConnection, type RawAnswer } from '../load/connection.js'
import type { DocumentRange } from '../load/documents.js'
import { credentialOf, type MeasuredAlgorithm, type Person, type Wanted } from '../prepare/protocol.js'
import type { Sample } from '../report/result.js'
import { sampleOf } from '../report/sample.js'
import type { Served, Stage } from '../stage/stage.js'
import type { OpenScenario, Round } from './scenario.js'

/** Jobs under way, each of another subscriber. */
export const workers = 16
/** A job takes longer than a request. */
const windowMsMin = 1_000
/** A server that is gone is not asked for ever. */
const failuresMax = 100

/** The connections of one job. */
export interface JobConnections {
  portal: Connection
  phone: Connection
}

/** A whole job: from the question to the signatures. */
export interface Jobs {
  name: string
  algorithm: MeasuredAlgorithm
  people: readonly Person[]
  /** @returns An answer whose body is `{signatures}`. @throws UnexpectedAnswer */
  job(wanted: Wanted, connections: JobConnections): Promise<RawAnswer>
}

/** Runs jobs side by side, as many as there are workers, and verifies what each ended with. */
export function openJobLoop(
  stage: Stage,
  served: Served,
  { name, algorithm, people, job }: Jobs
): OpenScenario {
  const lanes = Math.min(workers, people.length)
  /** People whose turn has not come, so that none has two jobs. */
  const free = people.map((_, person) => person)

  async function one(wanted: Wanted, connections: JobConnections): Promise<RawAnswer | null> {
    try {
      return await job(wanted, connections)
    } catch (error) {
      return error instanceof UnexpectedAnswer ? error.answer : null
    }
  }

  async function loop({ windowMs, warmUpMs }: Round): Promise<{ result: LoopResult; wanted: Wanted[] }> {
    const answers: Answer[] = []
    const wanted: Wanted[] = []
    let failures = 0
    const windowFrom = performance.now() + warmUpMs
    const windowTo = windowFrom + Math.max(windowMs, windowMsMin)

    async function work(): Promise<void> {
      const connections = { portal: createConnection(served.url), phone: createConnection(served.url) }
      while (performance.now() < windowTo && failures < failuresMax) {
        const person = free.shift()
        if (person === undefined) throw new TypeError('there are more people than jobs under way')
        const documents: DocumentRange = stage.documents(1)
        const index = wanted.push({ person, algorithm, documents }) - 1
        const startedAt = performance.now()
        const answer = await one({ person, algorithm, documents }, connections)
        const endedAt = performance.now()
        if (answer === null) failures += 1
        else
          answers.push({
            index,
            status: answer.status,
            body: answer.body,
            latencyMs: endedAt - startedAt,
            endedAt
          })
        free.push(person)
      }
      connections.portal.close()
      connections.phone.close()
    }
    await Promise.all(Array.from({ length: lanes }, work))
    return { result: { answers, sent: wanted.length, failures, windowFrom, windowTo, ranOut: false }, wanted }
  }

  return {
    async measure(round): Promise<Sample> {
      const before = await served.usage()
      const { result, wanted } = await loop(round)
      const after = await served.usage()
      const { verified, wrong } = await stage.verifier.verify(
        result.answers.flatMap(({ index, status, body }) => {
          if (status !== 200) return []
          const { person, documents } = wanted[index] as Wanted
          return [{ certificate: credentialOf(people[person], algorithm).certificate, documents, body }]
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
