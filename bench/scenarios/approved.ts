import { setTimeout } from 'node:timers/promises'
import { type Answer, closedLoop } from '../load/closed-loop.js'
import { type DocumentRange, digestOf } from '../load/documents.js'
import type { Signed } from '../load/verify.js'
import { credentialOf, type MeasuredAlgorithm, type Wanted } from '../prepare/protocol.js'
import type { Served, Stage } from '../stage/stage.js'

/** OIDs by which signHash is asked. */
export const signAlgo: Readonly<Record<MeasuredAlgorithm, string>> = {
  'P-256': '1.2.840.10045.4.3.2',
  'RSA-2048': '1.2.840.113549.1.1.11'
}

const redeemConnections = 32
/** Activations that are confirmed before their SADs are fetched: more than people, so that each lane has its own. */
const atOnce = 2_000
/** How often, and how soon, a server that turns requests away is asked again outside of windows. */
const attemptsMax = 20
const refusedPauseMs = 500
const everything = { warmUpMs: 0, windowMs: Number.POSITIVE_INFINITY }

/** A request to signHash whose activation was confirmed, ready to be sent once. */
export interface Prepared {
  wanted: Wanted
  request: Buffer
}

/**
 * Asks and confirms through the middle floor, then fetches each SAD as a portal does: from the server, over HTTP. Both
 * at the same time, some after others, since they are two processes.
 */
export async function approved(
  stage: Stage,
  served: Served,
  name: string,
  wanted: Wanted[]
): Promise<Prepared[]> {
  const progress = stage.console.progress(`${name}: confirmed`)
  const prepared: Promise<Prepared[]>[] = []
  for (let from = 0; from < wanted.length; from += atOnce) {
    const some = wanted.slice(from, from + atOnce)
    const ids = await served.preparation.approve(stage.options.seed, some, (done) =>
      progress(from + done, wanted.length)
    )
    prepared.push(redeemed(stage, served, name, some, ids))
    // Whatever fails is thrown at the end; until then nobody waits for it.
    prepared.at(-1)?.catch(() => undefined)
  }
  return (await Promise.all(prepared)).flat()
}

/** Fetches the SADs of confirmed activations. @param ids In the order of `wanted`. */
async function redeemed(
  stage: Stage,
  served: Served,
  name: string,
  wanted: readonly Wanted[],
  ids: readonly string[]
): Promise<Prepared[]> {
  const checks = ids.map((handle) => served.requests.post('/credentials/authorizeCheck', { handle }))
  const { answers, failures } = await closedLoop({
    url: served.url,
    connections: redeemConnections,
    requests: checks,
    ...everything
  })
  if (failures > 0 || answers.length !== ids.length) throw new Error(`${name}: not every SAD was answered`)
  return answers
    .sort((a, b) => a.index - b.index)
    .map(({ index, status, body }) => {
      if (status !== 200) throw new Error(`${name}: authorizeCheck answered ${status}: ${body}`)
      const { SAD } = JSON.parse(body) as { SAD: string }
      const one = wanted[index] as Wanted
      return { wanted: one, request: signHash(served, stage.options.seed, one, SAD) }
    })
}

/**
 * Signs what was approved and is not signed yet, so that no round leaves approvals behind for the next. What the server
 * turns away is asked again.
 * @param indices Which of the prepared requests.
 * @returns The answers with 200, with indices into `prepared`.
 * @throws Error when one is answered otherwise, or the server never takes it.
 */
export async function signAll(
  served: Served,
  connections: number,
  prepared: readonly Prepared[],
  indices: readonly number[]
): Promise<Answer[]> {
  const signed: Answer[] = []
  let left = indices
  for (let attempt = 1; left.length > 0; attempt += 1) {
    const requests = left.map((index) => (prepared[index] as Prepared).request)
    const { answers } = await closedLoop({ url: served.url, connections, requests, ...everything })
    const refused: number[] = []
    for (const answer of answers) {
      const index = left[answer.index] as number
      if (answer.status === 200) signed.push({ ...answer, index })
      else if (answer.status === 503 && attempt < attemptsMax) refused.push(index)
      else throw new Error(`what was approved is not signed: ${answer.status} ${answer.body}`)
    }
    if (refused.length > 0) await setTimeout(refusedPauseMs)
    left = refused
  }
  return signed
}

/**
 * Verifies all signatures in answers to prepared requests.
 * @returns How many there were.
 * @throws Error when one is wrong or missing.
 */
export async function verifyAnswers(
  stage: Stage,
  served: Served,
  name: string,
  prepared: readonly Prepared[],
  answers: readonly Pick<Answer, 'index' | 'status' | 'body'>[]
): Promise<number> {
  const signed = answers.flatMap(({ index, status, body }): Signed[] => {
    const { wanted } = prepared[index] as Prepared
    const { certificate } = credentialOf(served.population.people[wanted.person], wanted.algorithm)
    return status === 200 ? [{ certificate, documents: wanted.documents, body }] : []
  })
  const { verified, wrong } = await stage.verifier.verify(signed)
  if (wrong.length > 0)
    throw new Error(`${name}: ${wrong.length} wrong signatures. ${wrong.slice(0, 3).join('; ')}`)
  return verified
}

/** The request to sign what a SAD stands for. */
export function signHash(served: Served, seed: string, wanted: Wanted, sad: string): Buffer {
  return served.requests.post('/signatures/signHash', {
    credentialID: credentialOf(served.population.people[wanted.person], wanted.algorithm).id,
    SAD: sad,
    hashes: digestsOf(seed, wanted.documents).map((digest) => digest.toString('base64')),
    signAlgo: signAlgo[wanted.algorithm]
  })
}

const digestsOf = (seed: string, { first, count }: DocumentRange): Buffer[] =>
  Array.from({ length: count }, (_, index) => digestOf(seed, first + index))
