import { createHmac } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'
import { problemMediaType } from '../http/problem.js'
import type { IdempotencyKeys } from '../store/idempotency.js'
import { operatorOf } from './authentication.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Members of the answer that are secrets shown once: left out of what a replay answers. */
    shownOnce?: readonly string[]
  }
  interface FastifyRequest {
    /** The first use of an Idempotency-Key that this request is; null: none, or a replay. */
    firstUse: { operatorId: string; key: string; startedAt: Date } | null
  }
}

/** For `schema.headers` of every POST. */
export const IdempotencyHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      pattern: '^[ -~]{1,255}$',
      description:
        'The same key with the same request answers what the first one answered, for 24 h. Secrets that are shown once are left out then.'
    })
  )
})

/** Answers that say nothing of the request itself: trying again with the same key must really try again. */
const passing = (status: number) => status >= 500 || status === 429

/**
 * Honours `Idempotency-Key` on every POST below `app`. The same key with the same request answers what the first
 * answered, refusals included, without secrets that are shown once. Runs after validation, so that a malformed
 * request does not use a key up.
 *
 * If the server dies between a change and the keeping of its answer, the key is taken over after 60 s and the work is
 * done again; what must not be done twice is guarded by the middle floor's own rules.
 */
export function honourIdempotencyKeys(
  app: FastifyInstance,
  deps: { keys: IdempotencyKeys; now: Clock }
): void {
  const { keys, now } = deps
  app.decorateRequest('firstUse', null)

  app.addHook('preHandler', async (request, reply) => {
    const key = request.headers['idempotency-key']
    if (request.method !== 'POST' || typeof key !== 'string') return
    const use = { operatorId: operatorOf(request).id, key }
    const start = await keys.start({ ...use, requestMac: macOf(request) }, now())
    switch (start.state) {
      case 'first':
        request.firstUse = { ...use, startedAt: start.startedAt }
        return
      case 'running':
        throw new ServiceError('idempotency_conflict', 'the first use of the key runs', {
          says: 'The first request with this Idempotency-Key has not ended.',
          retryAfterS: 1
        })
      case 'other':
        throw new ServiceError('idempotency_conflict', 'the key belongs to another request', {
          says: 'This Idempotency-Key was used with another request.'
        })
      case 'done':
        reply.code(start.status).header('idempotent-replayed', 'true')
        if (start.status >= 400) reply.type(problemMediaType).serializer(JSON.stringify)
        return reply.send(start.body ?? undefined)
    }
  })

  app.addHook('onSend', async (request, reply, payload) => {
    const use = request.firstUse
    if (use === null) return payload
    request.firstUse = null // first of all: if keeping fails, the error's own answer comes through here again
    if (passing(reply.statusCode)) await keys.release(use, use.startedAt)
    else {
      // A failure shows no secret; its own members, `code` first of all, are kept whatever the route's are called.
      const shownOnce = reply.statusCode < 400 ? (request.routeOptions.config.shownOnce ?? []) : []
      await keys.finish(use, use.startedAt, { status: reply.statusCode, body: kept(payload, shownOnce) })
    }
    return payload
  })
}

/**
 * What stands for the request, keyed by the caller's bearer key: of that the database holds only a hash, so nobody
 * who reads the table can try out passwords that a body carried.
 */
function macOf(request: FastifyRequest): Uint8Array {
  const text = canonicalize([request.method, request.url, request.body ?? null])
  return createHmac('sha256', request.operatorKey)
    .update(text ?? '')
    .digest()
}

/** The answer's JSON without what is shown once; null for an empty one. */
function kept(payload: unknown, shownOnce: readonly string[]): unknown {
  if (typeof payload !== 'string' || payload === '') return null
  const body: unknown = JSON.parse(payload)
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body
  return Object.fromEntries(Object.entries(body).filter(([name]) => !shownOnce.includes(name)))
}
