import autocannon from 'autocannon'

/** Resolution of autocannon's own end, ms; the window is measured here. */
const sampleMs = 50
/** A request unanswered by then is an error; autocannon counts in seconds. */
const timeoutS = 30
/** A server that is gone is not asked for ever. */
const failuresMax = 1_000

/** One request that was answered. */
export interface Answer {
  /** Which request of the list. */
  index: number
  status: number
  body: string
  latencyMs: number
  /** `performance.now()` when the answer was complete. */
  endedAt: number
}

/** What a closed loop saw. Answers from before and after the window are there too: all are verified. */
export interface LoopResult {
  answers: Answer[]
  /** Requests of the list that were sent, from its beginning. */
  sent: number
  /** Connections lost and requests unanswered. */
  failures: number
  /** `performance.now()` of the window; it ends early where the requests ran out. */
  windowFrom: number
  windowTo: number
  /** Whether the requests ran out before the window ended. */
  ranOut: boolean
}

/** What autocannon's client has beside its types; each connection is one. */
interface Connection extends autocannon.Client {
  opts: { verifyBody?: (body: string) => boolean }
  getRequestBuffer(): Buffer
  reqsMade: number
  /** A client that made so many requests ends. */
  responseMax: number | undefined
}

/**
 * Sends prepared requests, each once, over so many connections, each connection as soon as it has its answer. After
 * the window, connections finish what they have sent and send nothing more.
 * @param options.requests Whole HTTP/1.1 requests. Not all need be sent.
 * @param options.windowMs Infinity: all requests are sent.
 */
export async function closedLoop(options: {
  url: string
  connections: number
  requests: readonly Buffer[]
  warmUpMs: number
  windowMs: number
  /** Begin again with the first request after the last; default false. */
  again?: boolean
}): Promise<LoopResult> {
  const { url, requests, warmUpMs, windowMs, again = false } = options
  const connections = Math.min(options.connections, requests.length)
  const answers: Answer[] = []
  if (connections === 0) return { answers, sent: 0, failures: 0, windowFrom: 0, windowTo: 0, ranOut: true }
  let failures = 0
  let next = 0
  let ranOutAt: number | null = null
  const windowFrom = performance.now() + warmUpMs
  const windowEnd = windowFrom + windowMs

  function setUp(plain: autocannon.Client): void {
    const client = plain as Connection
    let index = -1
    let sentAt = 0
    let answered: Answer | null = null
    client.getRequestBuffer = () => {
      if (again && next >= requests.length) next = 0
      // Only a connection that was lost asks when nothing is left; its answer is not counted.
      index = next < requests.length ? next++ : -1
      sentAt = performance.now()
      return requests[Math.max(index, 0)] as Buffer
    }
    client.on('response', (status: number) => {
      const endedAt = performance.now()
      answered = { index, status, body: '', latencyMs: endedAt - sentAt, endedAt }
      if (index >= 0) answers.push(answered)
      const ranOut = !again && next >= requests.length
      if (ranOut) ranOutAt ??= endedAt
      if (ranOut || endedAt >= windowEnd) client.responseMax = client.reqsMade
    })
    // Called after the next request has been sent.
    client.opts.verifyBody = (body) => {
      if (answered !== null) answered.body = body
      return true
    }
  }

  await new Promise<void>((resolve, reject) => {
    const run = autocannon(
      {
        url,
        connections,
        duration: 86_400,
        timeout: timeoutS,
        bailout: failuresMax,
        sampleInt: sampleMs,
        setupClient: setUp,
        skipAggregateResult: true
      },
      (error) => (error ? reject(error as Error) : resolve())
    ) as unknown as autocannon.Instance
    run.on('reqError', () => {
      failures += 1
    })
  })
  const ranOut = ranOutAt !== null && ranOutAt < windowEnd
  const windowTo = ranOut ? (ranOutAt as unknown as number) : Math.min(windowEnd, performance.now())
  return { answers, sent: next, failures, windowFrom: Math.min(windowFrom, windowTo), windowTo, ranOut }
}
