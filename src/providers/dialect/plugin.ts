import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ErrorCode, ServiceError } from '../../errors.js'
import { errorResponses, listErrors } from '../../http/error-list.js'
import { dropNulls, refuseNul } from '../../http/nulls.js'
import { asServiceError } from '../../http/problem.js'
import type { Dialect, DialectDeps } from './dialect.js'

/** Failures found on the way to the service, which nobody else has recorded. */
const unheard: ReadonlySet<ErrorCode> = new Set([
  'authentication_required',
  'permission_denied',
  'not_found',
  'credential_unusable',
  'certificate_expired',
  'sign_algorithm_refused',
  'request_invalid',
  'request_too_large',
  'media_type_unsupported',
  'digest_length_wrong',
  'hash_algorithm_refused',
  'token_expired',
  'transaction_taken',
  'not_offered'
])

/** What all dialects need of the plugin around them. */
export interface DialectFrame extends Pick<DialectDeps, 'notes' | 'refusals' | 'now'> {
  /** First path segment: a provider, or the gateway over all of them. */
  at: string
  dialect: Pick<Dialect, 'id' | 'fault'>
  /** Registers the routes. */
  routes: (app: FastifyInstance) => Promise<void>
}

/**
 * One dialect. What all have alike is here: an explicit null counts as an absent member, refusals are recorded before
 * they are answered, and what a request had wrong is kept under its request id.
 */
export async function dialectPlugin(app: FastifyInstance, frame: DialectFrame): Promise<void> {
  const { at, dialect, routes, notes, refusals, now } = frame
  const errors = errorResponses((failure) => dialect.fault(failure, { path: '', requestId: '' }))
  app.addHook('onRoute', listErrors(errors))
  app.addHook('preValidation', dropNulls)
  app.addHook('preValidation', refuseNul)

  async function note(request: FastifyRequest, error: ErrorCode | null): Promise<void> {
    const { dialectCaller: caller, id: requestId, method, url } = request
    if (caller === null || caller.findings.diagnoses.length === 0) return
    await notes.record({
      requestId,
      at: now(),
      provider: caller.party.provider,
      clientId: caller.party.clientId,
      call: `${method} ${url.split('?', 1)[0] ?? ''}`.slice(0, 500),
      error,
      diagnoses: caller.findings.diagnoses
    })
  }

  async function recordRefusal(failure: ServiceError, request: FastifyRequest): Promise<void> {
    await note(request, failure.code)
    if (!unheard.has(failure.code)) return
    const call = request.routeOptions.url ?? 'unknown'
    const clientId = request.dialectCaller?.party.clientId ?? null
    const provider = request.dialectCaller?.party.provider ?? at
    const actor = clientId === null ? 'anyone' : `relying-party:${provider}/${clientId}`
    const about = { provider, call, code: failure.code, detail: failure.message.slice(0, 500) }
    const subject = `${clientId ?? ''} ${call} ${failure.code}`
    await refusals.record(`${dialect.id} ${at}`, subject, { type: 'request.refused', actor, about })
  }

  // Awaited before the answer leaves, so that whoever reads the request id can look it up.
  app.addHook('preSerialization', async (request, reply, body) => {
    if (reply.statusCode < 400) await note(request, null)
    return body
  })

  app.setErrorHandler(async (error, request: FastifyRequest, reply: FastifyReply) => {
    let failure = asServiceError(error)
    await recordRefusal(failure, request).catch((further: unknown) => {
      failure = asServiceError(further)
    })
    const path = request.routeOptions.url ?? ''
    const { status, body } = dialect.fault(failure, { path, requestId: request.id })
    if (status >= 500) request.log.error({ err: failure }, 'request failed')
    else request.log.info({ problem: failure.code, reason: failure.message }, 'request refused')
    if (failure.retryAfterS !== undefined) reply.header('retry-after', String(Math.ceil(failure.retryAfterS)))
    await reply
      .code(status)
      .type('application/json; charset=utf-8')
      .serializer((answer: unknown) => JSON.stringify(answer))
      .send(body)
  })

  await routes(app)
}
