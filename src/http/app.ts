import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
  type RawServerDefault
} from 'fastify'
import type { Logger } from 'pino'
import { ServiceError } from '../errors.js'
import { describeApi } from './docs.js'
import { type HostRules, isOurHost } from './host.js'
import { asServiceError, problemErrorHandler, problemMediaType, problemOf, sendProblem } from './problem.js'
import { RequestLog } from './request-log.js'
import { createRouteTable } from './route-table.js'
import { isHandshakeFailure, type ServerTls } from './tls.js'

/** The app that surfaces are registered on. */
export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

/** Octets of a body where a route does not say otherwise. */
export const bodyLimitDefault = 1024 * 1024
/** Time for a client to send its headers, and its whole request. */
const headersTimeoutMs = 15_000
const requestTimeoutMs = 30_000
/** A connection on which nothing moves; longer than any wait that a surface offers. */
const connectionTimeoutMs = 600_000
const keepAliveTimeoutMs = 65_000
const headersLimit = 16 * 1024
const connectionsLimit = 5_000
/** After this time of closing, connections are cut, whatever they carry. */
const drainTimeoutMs = 800

/** What the hall needs. */
export interface AppOptions extends Omit<HostRules, 'secure'> {
  log: Logger
  /**
   * Whether the one proxy in front names the client, in the last entry of `X-Forwarded-For`; what stands before it came
   * with the request and may say anything. The Host header is taken as it came either way.
   */
  trustProxy: boolean
  /** Told of a request for a host that is not ours, before it is answered. */
  onForeignHost?: (host: string) => Promise<void>
  /** The path under our own address that a request means, by its Host and path. Default: as it came. */
  rewrite?: (host: string | undefined, url: string) => string
  /** Null or left out: plain HTTP. */
  tls?: ServerTls | null
}

/**
 * The hall of all surfaces: a fastify app with limits, request ids, the Host check, and problem details for every
 * failure that no surface answers in its own words. Values are never coerced to a schema's type; members a schema
 * does not know are ignored.
 */
export function createApp({ log, trustProxy, onForeignHost, rewrite, tls, ...rules }: AppOptions): App {
  const loggerInstance: FastifyBaseLogger = log
  const hosts: HostRules = { ...rules, secure: tls != null }
  const http = { headersTimeout: headersTimeoutMs, maxHeaderSize: headersLimit }
  const app = fastify({
    loggerInstance,
    logController: new LogController({ requestIdLogLabel: 'requestId', disableRequestLogging: true }),
    childLoggerFactory: (parent, bindings) => new RequestLog(parent, bindings),
    requestIdHeader: false,
    genReqId: () => randomUUID(),
    // Who is connected to us, and nobody beyond.
    trustProxy: trustProxy ? (_address: string, hop: number) => hop === 0 : false,
    ...(rewrite && {
      rewriteUrl: (request: IncomingMessage) => rewrite(request.headers.host, request.url ?? '/')
    }),
    bodyLimit: bodyLimitDefault,
    requestTimeout: requestTimeoutMs,
    connectionTimeout: connectionTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    // What still arrives on an open connection while we close is answered, and the connection closed: a balancer would
    // pass a refusal on to the client, since it cannot know that nothing was done.
    return503OnClosing: false,
    ...(tls == null ? { http } : { https: { ...http, ...tls.options() } }),
    routerOptions: { maxParamLength: 1024 },
    ajv: {
      customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: true, allErrors: false }
    },
    frameworkErrors: (error, request, reply) => {
      reply.header('x-request-id', request.id)
      sendProblem(asServiceError(error), request, reply)
    },
    clientErrorHandler: answerUnreadable
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.server.maxConnections = connectionsLimit
  const cutConnections = tls?.attach(app.server) ?? (() => app.server.closeAllConnections())
  const routes = createRouteTable()
  app.addHook('onRoute', routes.add)

  app.addHook('onRequest', (request, reply, done) => {
    // On the raw response, so that it is there too when a surface answers by itself, such as with an event stream.
    reply.raw.setHeader('x-request-id', request.id)
    reply.raw.setHeader('x-content-type-options', 'nosniff')
    reply.raw.setHeader('cache-control', 'no-store')
    if (isOurHost(request.headers.host, request.socket.localPort, hosts)) return done()
    refuseHost(request, reply).catch(done)
  })
  async function refuseHost(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    await onForeignHost?.(request.headers.host ?? '')
    sendProblem(new ServiceError('host_unknown', 'the Host is not ours'), request, reply)
  }
  // Its members are these and no others: looking for secrets in them would cost more than the line.
  const requestLine = log.child({}, { redact: [] })
  app.addHook('onResponse', (request, reply, done) => {
    requestLine.info(
      {
        requestId: request.id,
        method: request.method,
        path: pathOf(request.url),
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 10) / 10
      },
      'request'
    )
    done()
  })
  app.setErrorHandler(problemErrorHandler)
  app.setNotFoundHandler((request, reply) => {
    const allowed = routes.methodsOf(pathOf(request.url))
    if (allowed.length === 0)
      return sendProblem(
        new ServiceError('not_found', 'no such route', { says: 'There is nothing here.' }),
        request,
        reply
      )
    reply.header('allow', allowed.join(', '))
    return sendProblem(new ServiceError('method_unknown', 'no such method'), request, reply)
  })
  app.addHook('preClose', async () => {
    setTimeout(cutConnections, drainTimeoutMs).unref()
  })
  describeApi(app)
  return app
}

/** Without the query, which is nobody else's business. */
const pathOf = (url: string) => url.split('?', 1)[0] ?? ''

/** What never became a request: malformed HTTP, too many headers, too slow. */
function answerUnreadable(
  this: { log: FastifyBaseLogger },
  error: Error & { code?: string },
  socket: Socket
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return
  const requestId = randomUUID()
  if (isHandshakeFailure(error)) {
    this.log.info({ requestId, errorCode: error.code }, 'no TLS with this client')
    socket.destroy()
    return
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request'
  const problem = problemOf(new ServiceError('request_invalid', error.message), requestId)
  const body = JSON.stringify({ ...problem, status: Number(status.slice(0, 3)) })
  this.log.info({ requestId, errorCode: error.code }, 'unreadable request')
  socket.end(
    [
      `HTTP/1.1 ${status}`,
      'Connection: close',
      `X-Request-Id: ${requestId}`,
      `Content-Type: ${problemMediaType}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body
    ].join('\r\n')
  )
}
