import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIPv6, type LookupFunction } from 'node:net'
import type { CallbackAnswer } from './delivery.js'
import { DestinationRefused, destinationsOf, type Resolve } from './destination.js'

/** From the look for the address to the last octet of the answer. */
export const callTimeoutMs = 5_000
/** Octets of an answer that are read. */
export const answerMax = 65_536

/** One call of an address outside. */
export interface Call {
  method: 'GET' | 'POST'
  url: URL
  headers: Readonly<Record<string, string>>
  /** JSON text; null: none. */
  body: string | null
}

/** What calls are made with. */
export interface CallDeps {
  resolve: Resolve
  /** Whether loopback and private networks may be called. */
  localAllowed: boolean
}

/** A call that brought no answer to go by. The message is for an integrator, and carries no secret. */
export class CallFailed extends Error {
  override readonly name = 'CallFailed'
  /** Null: no answer came. */
  readonly httpStatus: number | null
  constructor(message: string, httpStatus: number | null, options?: ErrorOptions) {
    super(message, options)
    this.httpStatus = httpStatus
  }
}

/**
 * Calls an address outside: on a connection of its own to an address that was judged, verifying TLS whatever the
 * environment says, following no redirect.
 * @param signal Ends the call from outside.
 * @throws CallFailed.
 */
export async function call(deps: CallDeps, asked: Call, signal: AbortSignal): Promise<CallbackAnswer> {
  const end = new AbortController()
  const timer = setTimeout(() => end.abort(new CallFailed(late, null)), callTimeoutMs)
  const stop = () => end.abort(new CallFailed('This server was stopped before the answer came.', null))
  signal.addEventListener('abort', stop, { once: true })
  try {
    if (signal.aborted) stop()
    const addresses = await until(end.signal, destinationsOf(asked.url.hostname, deps))
    end.signal.throwIfAborted()
    return await send(asked, addresses, end.signal)
  } catch (error) {
    throw end.signal.aborted ? end.signal.reason : explained(error)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
}

const late = `No complete answer came within ${callTimeoutMs / 1000} s.`

function send(
  { method, url, headers, body }: Call,
  addresses: readonly string[],
  signal: AbortSignal
): Promise<CallbackAnswer> {
  const options: RequestOptions & { rejectUnauthorized: boolean } = {
    method,
    headers: {
      ...headers,
      accept: 'application/json',
      'accept-encoding': 'identity',
      'user-agent': 'kyso',
      ...(body !== null && {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body))
      })
    },
    agent: false,
    lookup: onlyTo(addresses),
    rejectUnauthorized: true,
    signal
  }
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, options)
    request.on('error', reject)
    request.on('response', (response) => {
      read(response)
        .then(resolve, reject)
        .finally(() => request.destroy())
    })
    request.end(body ?? undefined)
  })
}

/** Instead of asking for the address a second time. Node tries them in turn, as ever. */
function onlyTo(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }))
  return (hostname, { all }, done) => {
    const [first] = found
    if (first === undefined) done(new Error(`no address for ${hostname}`), [])
    else if (all) done(null, found)
    else done(null, first.address, first.family)
  }
}

async function read(response: IncomingMessage): Promise<CallbackAnswer> {
  const status = response.statusCode ?? 0
  if (status >= 300 && status < 400)
    throw new CallFailed(
      'The receiver redirects, which is not followed: register the address itself.',
      status
    )
  const chunks: Buffer[] = []
  let octets = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    octets += chunk.length
    if (octets > answerMax) throw new CallFailed(`The answer is longer than ${answerMax} octets.`, status)
    chunks.push(chunk)
  }
  return { status, body: parsed(Buffer.concat(chunks).toString('utf8')) }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Waits for what cannot be ended, such as a look for a name, no longer than until the signal. */
function until<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

/** In words, without what the call carried: some messages of Node quote headers. */
function explained(error: unknown): CallFailed {
  if (error instanceof CallFailed) return error
  if (error instanceof DestinationRefused) return new CallFailed(error.message, null, { cause: error })
  const code = codeOf(error)
  return new CallFailed(
    said[code] ?? (code === '' ? 'The call failed.' : `The call failed: ${code}.`),
    null,
    {
      cause: error
    }
  )
}

/** Of several addresses tried, what the last one said. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors.at(-1))
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return ''
  return error.code
}

const said: Readonly<Record<string, string>> = {
  ENOTFOUND: 'The name of the receiver does not resolve.',
  EAI_AGAIN: 'The name of the receiver could not be resolved just now.',
  ECONNREFUSED: 'Nothing listens at the address.',
  ECONNRESET: 'The receiver broke the connection before the whole answer was there.',
  EPIPE: 'The receiver broke the connection before the whole answer was there.',
  EHOSTUNREACH: 'There is no way to the address.',
  ENETUNREACH: 'There is no way to the address.',
  ETIMEDOUT: 'The address cannot be connected to.',
  EPROTO: 'The receiver does not speak TLS, or none that we do.',
  ERR_SSL_WRONG_VERSION_NUMBER: 'The receiver does not speak TLS, or none that we do.',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'The receiver does not speak TLS, or none that we do.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'TLS: the certificate of the receiver is for another name.',
  CERT_HAS_EXPIRED: 'TLS: the certificate of the receiver has expired.',
  CERT_NOT_YET_VALID: 'TLS: the certificate of the receiver is not valid yet.',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'TLS: the certificate of the receiver is self-signed, by no CA known here.',
  SELF_SIGNED_CERT_IN_CHAIN: 'TLS: the certificate of the receiver is from a CA that is not known here.',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'TLS: the certificate of the receiver is from a CA that is not known here.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'TLS: the receiver does not send the chain of its certificate.',
  HPE_HEADER_OVERFLOW: 'The header of the answer is too long.',
  HPE_INVALID_CONSTANT: 'The receiver does not speak HTTP.'
}
