import { closedLoop, type LoopResult } from '../load/closed-loop.js'
import type { MeasuredAlgorithm, Wanted } from '../prepare/protocol.js'
import type { Sample } from '../report/result.js'
import { sampleOf } from '../report/sample.js'
import type { Served, Stage } from '../stage/stage.js'
import { approved, type Prepared, signAll, verifyAnswers } from './approved.js'
import type { OpenScenario, Round, Scenario } from './scenario.js'

/** Connections: enough requests under way for every worker while others are written down, and no queue longer than that. */
export function connectionsOf(algorithm: MeasuredAlgorithm, digests: number): number {
  if (digests === 1) return 256
  const rsa = algorithm === 'RSA-2048'
  return digests <= 20 ? (rsa ? 16 : 128) : rsa ? 8 : 32
}

/** Signatures a second to prepare for before anything has been measured: alone in a request, and several. */
const guesses: Readonly<Record<MeasuredAlgorithm, { alone: number; several: number }>> = {
  'P-256': { alone: 4_000, several: 15_000 },
  'RSA-2048': { alone: 1_000, several: 1_500 }
}
/** Fewer cannot give what a guess says. */
const fewConnections = 8
/** More than the last round would have used. */
const margin = 1.2
/** A machine that others slow down and release makes poor guesses; a round is repeated with more requests. */
const attemptsMax = 4

/** Which credentials are used: all of them in turn, one, or whichever a function tells of so many people. */
export type WorkingSet = 'all' | 'one' | ((people: number) => () => number)

function draw(workingSet: WorkingSet, people: number): () => number {
  if (typeof workingSet === 'function') return workingSet(people)
  let last = -1
  return workingSet === 'one' ? () => 0 : () => (last = (last + 1) % people)
}

/** `sign-{algorithm}-x{digests}`: CSC v2 signHash on activations that were confirmed just before, one a request. */
export function signScenario(options: {
  name: string
  algorithm: MeasuredAlgorithm
  digests: number
  workingSet: WorkingSet
  byName?: true
}): Scenario {
  const { algorithm, digests, workingSet } = options
  const over = workingSet === 'all' ? 'over all credentials' : 'with one credential'
  return {
    name: options.name,
    ...(options.byName === undefined ? {} : { byName: options.byName }),
    about: `CSC v2 signHash, ${algorithm}, ${digests} ${digests === 1 ? 'digest' : 'digests'} and one activation a request, ${over}`,
    unit: 'signatures/s',
    anywhere: true,
    open: (stage) => openSigning(stage, options)
  }
}

/** What is signed, by whom, and how. */
export interface Signing {
  name: string
  algorithm: MeasuredAlgorithm
  digests: number
  workingSet: WorkingSet
  /** Default: as many as `connectionsOf` says. */
  connections?: number
  /** The server asked; default: the one under test. */
  served?: Served
}

/** Prepares and measures signHash; each round draws further people of the working set. */
export async function openSigning(stage: Stage, signing: Signing): Promise<OpenScenario> {
  const { name, algorithm, digests, workingSet } = signing
  const served = signing.served ?? (await stage.served())
  const { connections = connectionsOf(algorithm, digests) } = signing
  /** Requests a second. */
  const guess = digests === 1 ? guesses[algorithm].alone : guesses[algorithm].several / digests
  // A quick run judges no times, and prepares for slow ones.
  let expected = (guess * Math.min(1, connections / fewConnections)) / (stage.options.quick ? 2 : 1)
  const person = draw(workingSet, served.population.people.length)
  let ready: Prepared[] = []

  const next = (): Wanted => ({ person: person(), algorithm, documents: stage.documents(digests) })

  async function prepare({ windowMs, warmUpMs }: Round): Promise<void> {
    const count = Math.ceil(((windowMs + warmUpMs) / 1000) * expected * margin) + connections
    ready = await approved(stage, served, name, Array.from({ length: count }, next))
  }

  async function measureOnce({ number, windowMs, warmUpMs }: Round): Promise<Sample> {
    const before = await served.usage()
    const requests = ready.map(({ request }) => request)
    const loop = await closedLoop({ url: served.url, connections, requests, warmUpMs, windowMs })
    const after = await served.usage()
    const unsent = ready.map((_, index) => index).slice(loop.sent)
    const refused = loop.answers.filter(({ status }) => status === 503).map(({ index }) => index)
    const late = await signAll(served, connections, ready, [...refused, ...unsent])
    const verified = await verifyAnswers(stage, served, name, ready, [...loop.answers, ...late])
    const sample = sampleOf({ loop, digests, connections, before, after, verified })
    expected = expectation(expected, loop, sample.perSecond / digests, number)
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
}

/**
 * Requests a second to prepare for next: not too few after one slow round, of which the first, that warms up, is one, and
 * more where they ran out.
 */
function expectation(
  before: number,
  { ranOut }: LoopResult,
  requestsPerS: number,
  roundNumber: number
): number {
  if (ranOut) return Math.max(before * 1.5, requestsPerS * 1.2)
  return Math.max(requestsPerS, roundNumber === 0 ? before : before / 2)
}

const sizes = [1, 20, 100]

export const signScenarios: readonly Scenario[] = [
  ...sizes.map((digests) =>
    signScenario({ name: `sign-p256-x${digests}`, algorithm: 'P-256', digests, workingSet: 'all' })
  ),
  signScenario({ name: 'sign-p256-x20-hot', algorithm: 'P-256', digests: 20, workingSet: 'one' }),
  ...sizes.map((digests) =>
    signScenario({ name: `sign-rsa2048-x${digests}`, algorithm: 'RSA-2048', digests, workingSet: 'all' })
  ),
  signScenario({ name: 'sign-p256-x1-hot', algorithm: 'P-256', digests: 1, workingSet: 'one', byName: true }),
  ...[1, 20].map((digests) =>
    signScenario({
      name: `sign-rsa2048-x${digests}-hot`,
      algorithm: 'RSA-2048',
      digests,
      workingSet: 'one',
      byName: true
    })
  )
]
