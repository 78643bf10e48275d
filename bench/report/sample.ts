import type { LoopResult } from '../load/closed-loop.js'
import type { Usage } from '../stage/usage.js'
import type { Sample } from './result.js'
import { latenciesOf, round } from './statistics.js'

/** What a closed loop and two readings of the usage come to. */
export function sampleOf({
  loop,
  digests,
  connections,
  before,
  after,
  verified
}: {
  loop: LoopResult
  /** Digests a request. */
  digests: number
  connections: number
  before: Usage
  after: Usage
  verified: number
}): Sample {
  const { answers, windowFrom, windowTo, failures, ranOut } = loop
  const good = answers.filter(({ status }) => status === 200)
  const inWindow = good.filter(({ endedAt }) => endedAt >= windowFrom && endedAt < windowTo)
  const windowMs = windowTo - windowFrom
  const signatures = inWindow.length * digests
  const allSignatures = good.length * digests
  const errorsByStatus: Record<string, number> = {}
  for (const { status } of answers) {
    if (status !== 200) errorsByStatus[status] = (errorsByStatus[status] ?? 0) + 1
  }
  const serverS = after.serverCpuS - before.serverCpuS
  const generatorS = after.generatorCpuS - before.generatorCpuS
  const postgresS =
    after.postgresCpuS === null || before.postgresCpuS === null
      ? null
      : after.postgresCpuS - before.postgresCpuS
  const activeS = after.loopActiveS - before.loopActiveS
  const elapsedS = activeS + after.loopIdleS - before.loopIdleS
  const hits = after.keyHits - before.keyHits
  const asked = hits + after.keyLoads - before.keyLoads
  const each = (seconds: number) => round((seconds * 1000) / allSignatures)
  return {
    perSecond: windowMs > 0 ? round((signatures / windowMs) * 1000) : 0,
    windowMs: Math.round(windowMs),
    load: {
      connections,
      requests: inWindow.length,
      signatures,
      latencyMs: latenciesOf(inWindow.map(({ latencyMs }) => latencyMs)),
      errors: answers.length - good.length + failures,
      errorsByStatus,
      verified,
      serverCpuMsPerSignature: each(serverS),
      postgresCpuMsPerSignature: postgresS === null ? null : each(postgresS),
      generatorCpuMsPerSignature: each(generatorS),
      serverCores: round(serverS / elapsedS),
      postgresCores: postgresS === null ? null : round(postgresS / elapsedS),
      generatorCores: round(generatorS / elapsedS),
      eventLoopUtilisation: round(activeS / elapsedS),
      statementsPerRequest: round((after.statements - before.statements) / good.length),
      keyHitRate: asked === 0 ? null : round(hits / asked),
      ranOut
    }
  }
}
