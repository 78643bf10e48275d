import type { Answer, LoopResult } from '../load/closed-loop.js'
import type { Usage } from '../stage/usage.js'
import type { Sample } from './result.js'
import { latenciesOf, round } from './statistics.js'

/** What a closed loop, or an open one, and two readings of the usage come to. */
export function sampleOf<Timed extends Answer>({
  loop,
  timedBy = ({ endedAt }) => endedAt,
  success = 200,
  isError = ({ status }) => status !== success,
  digests,
  connections,
  before,
  after,
  verified
}: {
  loop: Omit<LoopResult, 'answers'> & { answers: Timed[] }
  /** The moment that decides whether the latency of an answer is of the window; that of the answer by default. */
  timedBy?: (answer: Timed) => number
  /** The status of an answer that counts. */
  success?: number
  /** What counts as an error; every other status by default. */
  isError?: (answer: Timed) => boolean
  /** Digests a request. */
  digests: number
  connections: number
  before: Usage
  after: Usage
  verified: number
}): Sample {
  const { answers, windowFrom, windowTo, failures, ranOut } = loop
  const good = answers.filter(({ status }) => status === success)
  const within = (at: number) => at >= windowFrom && at < windowTo
  const inWindow = good.filter(({ endedAt }) => within(endedAt))
  const timed = good.filter((answer) => within(timedBy(answer)))
  const windowMs = windowTo - windowFrom
  const signatures = inWindow.length * digests
  const allSignatures = good.length * digests
  const errorsByStatus: Record<string, number> = {}
  for (const { status } of answers) {
    if (status !== success) errorsByStatus[status] = (errorsByStatus[status] ?? 0) + 1
  }
  const serverS = after.serverCpuS - before.serverCpuS
  const generatorS = after.generatorCpuS - before.generatorCpuS
  const postgresS = after.postgresCpuS - before.postgresCpuS
  const activeS = after.loopActiveS - before.loopActiveS
  const loopS = activeS + after.loopIdleS - before.loopIdleS
  const elapsedS = (after.at - before.at) / 1000
  const hits = after.keyHits - before.keyHits
  const asked = hits + after.keyLoads - before.keyLoads
  const each = (seconds: number) => known((seconds * 1000) / allSignatures)
  return {
    perSecond: windowMs > 0 ? round((signatures / windowMs) * 1000) : 0,
    windowMs: Math.round(windowMs),
    load: {
      connections,
      requests: inWindow.length,
      signatures,
      latencyMs: latenciesOf(timed.map(({ latencyMs }) => latencyMs)),
      errors: answers.filter(isError).length + failures,
      errorsByStatus,
      verified,
      serverCpuMsPerSignature: each(serverS),
      postgresCpuMsPerSignature: each(postgresS),
      generatorCpuMsPerSignature: each(generatorS),
      serverCores: known(serverS / elapsedS),
      postgresCores: known(postgresS / elapsedS),
      generatorCores: round(generatorS / elapsedS),
      eventLoopUtilisation: known(activeS / loopS),
      statementsPerRequest: known((after.statements - before.statements) / good.length),
      keyHitRate: known(hits / asked),
      ranOut
    }
  }
}

/** Of what no value comes, as of what falls where it can only rise (another server answered), nothing is known. */
const known = (value: number): number | null => (Number.isFinite(value) && value >= 0 ? round(value) : null)
