import { once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse
} from 'node:http'

/** What a test's teardown registration looks like. */
export interface Test {
  teardown(work: () => unknown): void
}

/** A call as a relying party saw it. */
export interface Received {
  method: string
  /** With its query. */
  path: string
  headers: IncomingMessage['headers']
  body: unknown
}

/** A relying party's HTTP server on loopback, and what it was asked. */
export interface Receiver {
  url: string
  port: number
  received: Received[]
  /** How it answers from now on. */
  answer: (response: ServerResponse, call: Received) => void
}

export const acknowledge = (response: ServerResponse) => {
  response.setHeader('content-type', 'application/json').end('{"ok":true}')
}

/** Answers with an acknowledgement unless told otherwise. */
export async function startReceiver(t: Test): Promise<Receiver> {
  const receiver: Receiver = { url: '', port: 0, received: [], answer: acknowledge }
  receiver.port = await listen(t, createServer(listenerOf(receiver)))
  receiver.url = `http://127.0.0.1:${receiver.port}`
  return receiver
}

export function listenerOf(receiver: Receiver): RequestListener {
  return async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    const { method = '', url: path = '', headers } = request
    const call = { method, path, headers, body: text === '' ? null : (JSON.parse(text) as unknown) }
    receiver.received.push(call)
    receiver.answer(response, call)
  }
}

export async function listen(t: Test, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('a TCP server has a port')
  return address.port
}
