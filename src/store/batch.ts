import { setTimeout as sleep } from 'node:timers/promises'

/** A statement and its wait for the disk cost about as much as the rows of ten requests: so long is always gathered. */
const gatherLeastMs = 12
/** Of what the HSM still has to do. Reserving may wait for that at no loss; answers come so much later. */
const gatherShare = 0.6
/** However busy the HSM is, a request waits no longer for the next statement to begin; it needs two. */
const gatherMostMs = 60

/**
 * How long statements on the way to a signature gather calls. The busier the HSM, the longer: what fewer and
 * larger statements save is left for signing.
 * @param backlogMs How long the HSM will be busy with what it has been given.
 */
export const gatheringFor = (backlogMs: () => number) => (): number =>
  Math.min(Math.max(gatherLeastMs, gatherShare * backlogMs()), gatherMostMs)

/**
 * Lets many concurrent calls share one statement. Calls that arrive while a statement runs wait together and go
 * with the next one, so a lone call never waits and a crowd travels in one round trip.
 *
 * @param run Receives up to `limit` inputs and answers as many outputs in the same order. If it throws, every call
 *   of that batch fails with the same error.
 * @param options.limit Inputs a statement takes at most.
 * @param options.lanes How many statements may run at the same time.
 * @param options.gatherMs Asked at the start of a statement that several calls share: the next one starts no sooner than
 *   this after it, unless it is full. Default 0.
 */
export function batched<In, Out>(
  run: (inputs: readonly In[]) => Promise<readonly Out[]>,
  options: { limit: number; lanes: number; gatherMs?: () => number }
): (input: In) => Promise<Out> {
  interface Call {
    input: In
    resolve: (output: Out) => void
    reject: (error: unknown) => void
  }
  const waiting: Call[] = []
  let running = 0
  /** Monotonic, ms; until then calls are gathered. */
  let gatherUntil = Number.NEGATIVE_INFINITY

  async function drain(): Promise<void> {
    running += 1
    while (waiting.length > 0) {
      const pauseMs = gatherUntil - performance.now()
      if (pauseMs > 0 && waiting.length < options.limit) await sleep(pauseMs)
      const calls = waiting.splice(0, options.limit)
      gatherUntil =
        calls.length > 1 ? performance.now() + (options.gatherMs?.() ?? 0) : Number.NEGATIVE_INFINITY
      try {
        const outputs = await run(calls.map((call) => call.input))
        if (outputs.length !== calls.length) {
          throw new RangeError(`a batch of ${calls.length} was answered by ${outputs.length} results`)
        }
        calls.forEach((call, index) => {
          call.resolve(outputs[index] as Out)
        })
      } catch (error) {
        for (const call of calls) call.reject(error)
      }
    }
    running -= 1
  }

  return (input) =>
    new Promise<Out>((resolve, reject) => {
      waiting.push({ input, resolve, reject })
      // Started in a microtask, so that calls of the same turn of the event loop go together.
      if (running < options.lanes)
        queueMicrotask(() => void (running < options.lanes && waiting.length > 0 && drain()))
    })
}
