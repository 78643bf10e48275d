import { type Answer, closedLoop, type LoopResult } from '../load/closed-loop.js'
import type { DocumentRange } from '../load/documents.js'
import { digestOf } from '../load/documents.js'
import type { Signed } from '../load/verify.js'
import type { MeasuredAlgorithm, Wanted } from '../prepare/protocol.js'
import type { Sample } from '../report/result.js'
import { sampleOf } from '../report/sample.js'
import type { Served, Stage } from '../stage/stage.js'
import type { OpenScenario, Round, Scenario } from './scenario.js'

/** OIDs by which signHash is asked. */
export const signAlgo: Readonly<Record<MeasuredAlgorithm, string>> = {
  'P-256': '1.2.840.10045.4.3.2',
  'RSA-2048': '1.2.840.113549.1.1.11'
}

/** Connections: enough requests under way for every worker, and no queue longer than that needs. */
export function connectionsOf(algorithm: MeasuredAlgorithm, digests: number): number {
  if (digests === 1) return 64
  const rsa = algorithm === 'RSA-2048'
  return digests <= 20 ? (rsa ? 8 : 32) : rsa ? 4 : 16
}

/** Signatures a second to prepare for before anything has been measured: alone in a request, and several. */
const guesses: Readonly<Record<MeasuredAlgorithm, { alone: number; several: number }>> = {
  'P-256': { alone: 2_500, several: 15_000 },
  'RSA-2048': { alone: 1_000, several: 1_500 }
}
/** More than the last round would have used. */
const margin = 1.2
const redeemConnections = 32
/** A machine that others slow down and release makes poor guesses; a round is repeated with more requests. */
const attemptsMax = 4

/** Which credentials are used: all of them in turn, or one. */
export type WorkingSet = 'all' | 'one'

/** An approved request, ready to be sent. */
interface Prepared {
  wanted: Wanted
  request: Buffer
}

/** `sign-{algorithm}-x{digests}`: CSC v2 signHash on activations that were confirmed just before, one a request. */
export function signScenario(options: {
  name: string
  algorithm: MeasuredAlgorithm
  digests: number
  workingSet: WorkingSet
}): Scenario {
  const { algorithm, digests, workingSet } = options
  const over = workingSet === 'all' ? 'over all credentials' : 'with one credential'
  return {
    name: options.name,
    about: `CSC v2 signHash, ${algorithm}, ${digests} ${digests === 1 ? 'digest' : 'digests'} and one activation a request, ${over}`,
    unit: 'signatures/s',
    open: (stage) => openSigning(stage, options)
  }
}

async function openSigning(
  stage: Stage,
  { name, algorithm, digests, workingSet }: Parameters<typeof signScenario>[0]
): Promise<OpenScenario> {
  const served = await stage.served()
  const connections = connectionsOf(algorithm, digests)
  /** Requests a second. */
  let expected = digests === 1 ? guesses[algorithm].alone : guesses[algorithm].several / digests
  let person = 0
  let ready: Prepared[] = []

  function next(): Wanted {
    const chosen = workingSet === 'one' ? 0 : person++ % served.population.people.length
    return { person: chosen, algorithm, documents: stage.documents(digests) }
  }

  async function prepare({ windowMs, warmUpMs }: Round): Promise<void> {
    const count = Math.ceil(((windowMs + warmUpMs) / 1000) * expected * margin) + connections
    ready = await approved(stage, served, name, Array.from({ length: count }, next))
  }

  async function measureOnce({ windowMs, warmUpMs }: Round): Promise<Sample> {
    const before = await served.usage()
    const requests = ready.map(({ request }) => request)
    const loop = await closedLoop({ url: served.url, connections, requests, warmUpMs, windowMs })
    const after = await served.usage()
    // What was approved and not sent is signed now, so that no round leaves approvals behind for the next.
    const rest = requests.slice(loop.sent)
    const whole = { warmUpMs: 0, windowMs: Number.POSITIVE_INFINITY }
    const later = await closedLoop({ url: served.url, connections, requests: rest, ...whole })
    const late = later.answers.map((answer) => ({ ...answer, index: answer.index + loop.sent }))
    const { verified, wrong } = await stage.verifier.verify([...loop.answers, ...late].flatMap(signedOf))
    if (wrong.length > 0)
      throw new Error(`${name}: ${wrong.length} wrong signatures. ${wrong.slice(0, 3).join('; ')}`)
    const sample = sampleOf({ loop, digests, connections, before, after, verified })
    expected = expectation(expected, loop, sample.perSecond / digests)
    return sample
  }

  return {
    prepare,
    async measure(round) {
      for (let attempt = 1; ; attempt += 1) {
        const sample = await measureOnce(round)
        if (sample.windowMs >= round.windowMs / 2 || round.number === 0) return sample
        if (attempt === attemptsMax) throw new Error(`${name}: the prepared requests never last for a window`)
        await prepare(round)
      }
    },
    async close() {
      ready = []
    }
  }

  function signedOf({ index, status, body }: Answer): Signed[] {
    const { wanted } = ready[index] as Prepared
    const { certificate } = credentialOf(served, wanted)
    return status === 200 ? [{ certificate, documents: wanted.documents, body }] : []
  }
}

/** Requests a second to prepare for next: not too few after one slow round, and more where they ran out. */
function expectation(before: number, { ranOut }: LoopResult, requestsPerS: number): number {
  if (ranOut) return Math.max(before * 2, requestsPerS * 1.5)
  return Math.max(requestsPerS, before / 2)
}

/** Asks and confirms through the middle floor, then fetches each SAD as a portal does: from the server, over HTTP. */
async function approved(stage: Stage, served: Served, name: string, wanted: Wanted[]): Promise<Prepared[]> {
  const { seed } = stage.options
  const ids = await served.preparation.approve(seed, wanted, stage.console.progress(`${name}: confirmed`))
  const checks = ids.map((handle) => served.requests.post('/credentials/authorizeCheck', { handle }))
  const { answers, failures } = await closedLoop({
    url: served.url,
    connections: redeemConnections,
    requests: checks,
    warmUpMs: 0,
    windowMs: Number.POSITIVE_INFINITY
  })
  if (failures > 0 || answers.length !== ids.length) throw new Error(`${name}: not every SAD was answered`)
  return answers
    .sort((a, b) => a.index - b.index)
    .map(({ index, status, body }) => {
      if (status !== 200) throw new Error(`${name}: authorizeCheck answered ${status}: ${body}`)
      const { SAD } = JSON.parse(body) as { SAD: string }
      const one = wanted[index] as Wanted
      return { wanted: one, request: signHash(served, seed, one, SAD) }
    })
}

function signHash(served: Served, seed: string, wanted: Wanted, sad: string): Buffer {
  return served.requests.post('/signatures/signHash', {
    credentialID: credentialOf(served, wanted).id,
    SAD: sad,
    hashes: digestsOf(seed, wanted.documents).map((digest) => digest.toString('base64')),
    signAlgo: signAlgo[wanted.algorithm]
  })
}

const digestsOf = (seed: string, { first, count }: DocumentRange): Buffer[] =>
  Array.from({ length: count }, (_, index) => digestOf(seed, first + index))

function credentialOf(
  { population }: Served,
  { person, algorithm }: Wanted
): { id: string; certificate: string } {
  const found = population.people[person]
  if (found === undefined) throw new RangeError(`there is no person ${person}`)
  return found.credentials[algorithm]
}

const sizes = [1, 20, 100]

export const signScenarios: readonly Scenario[] = [
  ...sizes.map((digests) =>
    signScenario({ name: `sign-p256-x${digests}`, algorithm: 'P-256', digests, workingSet: 'all' })
  ),
  signScenario({ name: 'sign-p256-x20-hot', algorithm: 'P-256', digests: 20, workingSet: 'one' }),
  ...sizes.map((digests) =>
    signScenario({ name: `sign-rsa2048-x${digests}`, algorithm: 'RSA-2048', digests, workingSet: 'all' })
  )
]
