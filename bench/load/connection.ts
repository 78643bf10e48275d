import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** A request unanswered by then has failed. */
const timeoutMs = 30_000
/** Octets of an answer's head; the server's own have some 500. */
const headLimit = 16 * 1024
const headEnd = Buffer.from('\r\n\r\n')

/** An answer as it came, without what nobody asks for. */
export interface RawAnswer {
  status: number
  /** `Retry-After` as whole seconds (RFC 9110 §10.2.3), or null. */
  retryAfterS: number | null
  body: string
}

/** One keep-alive connection that carries one request at a time. */
export interface Connection {
  /**
   * Writes a whole HTTP/1.1 request; connects first where the connection was never made or was closed meanwhile.
   * @throws Error when the connection is lost, or nothing is answered within 30 s.
   */
  send(request: Buffer): Promise<RawAnswer>
  /** Connects without sending, so that the first request need not wait. */
  open(): Promise<void>
  close(): void
}

/**
 * Reads no more of HTTP than a generator of load needs, because it shares the machine with what it measures: answers
 * with Content-Length or without a body. Anything else is an error.
 */
export function createConnection(url: string): Connection {
  const { protocol, hostname, port } = new URL(url)
  const secure = protocol === 'https:'
  const host = hostname.replace(/^\[|\]$/g, '')
  const address = { host, port: Number(port || (secure ? 443 : 80)) }
  let socket: Socket | null = null
  let waiting: { resolve: (answer: RawAnswer) => void; reject: (error: Error) => void } | null = null
  let received: Buffer = Buffer.alloc(0)
  let head: Head | null = null

  function lose(of: Socket, error: Error): void {
    if (socket !== of) return
    socket = null
    received = Buffer.alloc(0)
    head = null
    of.destroy()
    const lost = waiting
    waiting = null
    lost?.reject(error)
  }

  function read(of: Socket, part: Buffer): void {
    if (socket !== of) return
    received = received.length === 0 ? part : Buffer.concat([received, part])
    if (head === null) {
      const end = received.indexOf(headEnd)
      if (end < 0) {
        if (received.length > headLimit) lose(of, new Error('the head of an answer does not end'))
        return
      }
      head = readHead(received.toString('latin1', 0, end + 2))
      if (head === null) {
        lose(of, new Error('an answer that this client cannot read'))
        return
      }
      received = received.subarray(end + headEnd.length)
    }
    if (received.length < head.length) return
    const { status, retryAfterS, length, closes } = head
    const body = received.toString('utf8', 0, length)
    received = Buffer.alloc(0)
    head = null
    const answered = waiting
    waiting = null
    if (closes) lose(of, new Error('closed'))
    answered?.resolve({ status, retryAfterS, body })
  }

  function connected(): Socket {
    if (socket !== null) return socket
    const made = secure ? connectTls({ ...address, servername: host }) : connect(address)
    made.setNoDelay(true)
    made.setTimeout(timeoutMs)
    made.on('data', (part: Buffer) => read(made, part))
    made.on('timeout', () => {
      if (waiting !== null) lose(made, new Error(`nothing was answered within ${timeoutMs} ms`))
    })
    made.on('error', (error) => lose(made, error))
    made.on('close', () => lose(made, new Error('the connection was closed')))
    socket = made
    return made
  }

  return {
    send(request) {
      if (waiting !== null) return Promise.reject(new TypeError('a connection carries one request at a time'))
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        connected().write(request)
      })
    },
    open() {
      const made = connected()
      if (!made.connecting) return Promise.resolve()
      return new Promise((resolve, reject) => {
        made.once(secure ? 'secureConnect' : 'connect', () => resolve())
        made.once('error', reject)
      })
    },
    close() {
      if (socket !== null) lose(socket, new Error('closed by the benchmark'))
    }
  }
}

interface Head {
  status: number
  retryAfterS: number | null
  /** Octets of the body. */
  length: number
  closes: boolean
}

/** @param text Status line and header fields, each with its CRLF. Null: neither a length nor a reason to have none. */
function readHead(text: string): Head | null {
  const status = Number(text.slice(9, 12))
  const length = /\r\ncontent-length: *([0-9]+) *\r\n/i.exec(text)?.[1]
  const bodiless = status === 204 || status === 304
  if (!text.startsWith('HTTP/1.') || !(status >= 200) || (length === undefined && !bodiless)) return null
  const retryAfter = /\r\nretry-after: *([0-9]+) *\r\n/i.exec(text)?.[1]
  return {
    status,
    retryAfterS: retryAfter === undefined ? null : Number(retryAfter),
    length: length === undefined ? 0 : Number(length),
    closes: /\r\nconnection: *close *\r\n/i.test(text)
  }
}
