import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a receiver was sent. */
export interface ReceivedCall {
  method: string
  path: string
  query: Record<string, string>
  headers: IncomingHttpHeaders
  /** Parsed; null: none. */
  body: unknown
}

/** What a receiver does: an answer in JSON, none at all, or a connection that breaks off. */
export type ReceiverAnswer = { status?: number; body: unknown } | 'silent' | 'lost'

/** A relying party's own server on this machine. */
export interface Receiver {
  url: string
  /** What a path answers, one after the other; the last one again and again. */
  answers(path: string, ...answers: readonly ReceiverAnswer[]): void
  /** All calls since it was last asked. */
  take(): ReceivedCall[]
}

/** Opens a receiver; it ends with `t`. */
export async function openReceiver(t: { teardown(work: () => Promise<void>): void }): Promise<Receiver> {
  const queues = new Map<string, ReceiverAnswer[]>()
  let calls: ReceivedCall[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    const { pathname: path, searchParams } = new URL(request.url ?? '/', 'http://receiver')
    const { method = '', headers } = request
    const query = Object.fromEntries(searchParams)
    calls.push({ method, path, query, headers, body: text === '' ? null : JSON.parse(text) })
    const queue = queues.get(path) ?? []
    const answer = queue.length > 1 ? queue.shift() : queue[0]
    if (answer === 'silent') return
    if (answer === 'lost' || answer === undefined) {
      request.socket.destroy()
      return
    }
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(answer.body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    answers: (path, ...answers) => void queues.set(path, [...answers]),
    take() {
      const taken = calls
      calls = []
      return taken
    }
  }
}
