import { type OpenAnswer, type OpenLoopResult, openLoop } from '../load/open-loop.js'
import type { Sample } from '../report/result.js'
import { sampleOf } from '../report/sample.js'
import type { Served } from '../stage/stage.js'
import type { Round } from './scenario.js'
import type { Supply } from './supply.js'

/** More requests than an average says: they arrive at random. */
const margin = 1.15
const fewMore = 64

/**
 * One window at a fixed average rate, all its signatures verified. Latency is counted from when a request was due.
 * @param options.seed Of the arrivals.
 */
export async function measureAtRate(
  served: Served,
  supply: Supply,
  { windowMs, warmUpMs }: Pick<Round, 'windowMs' | 'warmUpMs'>,
  { perSecond, seed }: { perSecond: number; seed: string }
): Promise<{ sample: Sample; sent: OpenLoopResult }> {
  await supply.fill(((perSecond * (windowMs + warmUpMs)) / 1000) * margin + fewMore)
  const before = await served.usage()
  const sent = await openLoop({
    url: served.url,
    phases: [{ perSecond, ms: warmUpMs + windowMs }],
    seed,
    requests: supply.requests,
    next: supply.take
  })
  const after = await served.usage()
  const verified = await supply.settle(sent.answers)
  const sample = sampleOf<OpenAnswer>({
    loop: {
      answers: sent.answers,
      sent: sent.answers.length + sent.failures.length,
      failures: sent.failures.length,
      windowFrom: (sent.beganAt[0] ?? 0) + warmUpMs,
      windowTo: sent.endedAt,
      ranOut: sent.ranOut
    },
    timedBy: ({ dueAt }) => dueAt,
    digests: 1,
    connections: sent.connections,
    before,
    after,
    verified
  })
  return { sample, sent }
}
