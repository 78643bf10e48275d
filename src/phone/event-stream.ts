import type { ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'

const commentIntervalMs = 15_000
/** A client that takes longer to read what was written is dropped. */
const drainTimeoutMs = 10_000
/** How long a client that lost its stream waits before it connects again. */
const reconnectAfterMs = 1_000

/** One open answer of server-sent events. */
export interface EventStream {
  readonly closed: boolean
  /**
   * Writes one event and resolves when the client has room for more. A client that does not read is dropped.
   * Never rejects; on a closed stream it does nothing.
   */
  send(event: string, data: unknown): Promise<void>
  /** Ends the answer in good order. */
  close(): void
  /** Called once, whoever ended it. */
  onClosed(then: () => void): void
}

/**
 * Takes over `raw`, with the headers it has, and starts a stream on it: UTF-8, a comment every 15 s so that proxies keep it open and a dead
 * client is noticed.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export function openEventStream(raw: ServerResponse): EventStream {
  const ended = new AbortController()
  raw.writeHead(200, {
    'content-type': 'text/event-stream',
    // Kept alive after its last event, the connection would hold up a server that stops.
    connection: 'close',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no'
  })
  raw.write(`retry: ${reconnectAfterMs}\n\n`)

  const comments = setInterval(() => {
    // While the client is behind, a comment would only add to what it has not read.
    if (!raw.writableNeedDrain) raw.write(': still here\n\n')
  }, commentIntervalMs)
  raw.on('error', () => raw.destroy())
  raw.once('close', () => {
    clearInterval(comments)
    ended.abort()
  })

  return {
    get closed() {
      return ended.signal.aborted || raw.writableEnded
    },
    async send(event, data) {
      if (ended.signal.aborted || raw.writableEnded) return
      if (raw.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)) return
      const drained = new AbortController()
      raw.once('drain', () => drained.abort())
      const signal = AbortSignal.any([drained.signal, ended.signal])
      const late = await wait(drainTimeoutMs, true, { signal }).catch(() => false)
      if (late) raw.destroy()
    },
    close() {
      raw.end()
    },
    onClosed(then) {
      if (ended.signal.aborted) then()
      else ended.signal.addEventListener('abort', then, { once: true })
    }
  }
}
