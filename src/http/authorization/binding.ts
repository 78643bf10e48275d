import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { PagePlace } from './place.js'

/** How long a browser keeps the secret of a request: longer than any takes. In seconds. */
const maxAgeS = 1_800
/** Requests that one browser has open, at most; the oldest is forgotten. */
const openMax = 8

const cookieName = 'kyso-authorization-'
const cookie = new RegExp(`^${cookieName}([0-9a-f-]{36})=([A-Za-z0-9_-]{43})$`)

/**
 * The secret that binds a request to its browser, in a cookie of its own: only that browser can go on with it, see how it
 * stands, or get its answer. No script reads it, and no other site's form or frame brings it along.
 */
export interface Bindings {
  /** Null: this browser has none for the request. */
  of(request: FastifyRequest, requestId: string): string | null
  keep(request: FastifyRequest, reply: FastifyReply, requestId: string, binding: string): void
}

/** Cookies are for the authorization endpoint alone, and over TLS only where there is TLS. */
export function createBindings({ endpoint, secure }: Pick<PagePlace, 'endpoint' | 'secure'>): Bindings {
  const attributes = [
    'HttpOnly',
    'SameSite=Lax', // it must come along when the relying party sends the browser here
    ...(secure ? ['Secure'] : [])
  ]

  return {
    of: (request, requestId) => held(request).get(requestId) ?? null,
    keep(request, reply, requestId, binding) {
      const path = `Path=${endpoint(request)}`
      const set = (id: string, value: string, ageS: number) =>
        reply.header(
          'set-cookie',
          [`${cookieName}${id}=${value}`, `Max-Age=${ageS}`, path, ...attributes].join('; ')
        )
      // Ids are in order of time.
      const others = [...held(request).keys()].filter((id) => id !== requestId).sort()
      for (const id of others.slice(0, Math.max(0, others.length + 1 - openMax))) set(id, '', 0)
      set(requestId, binding, maxAgeS)
    }
  }
}

function held(request: FastifyRequest): Map<string, string> {
  const found = new Map<string, string>()
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const [, id, binding] = cookie.exec(part.trim()) ?? []
    if (id !== undefined && binding !== undefined) found.set(id, binding)
  }
  return found
}

/** What the forms of a request carry: only who knows the binding can make it, and it does not tell it. */
export const proofOf = (binding: string): string =>
  createHash('sha256').update(`kyso/authorization-form/1 ${binding}`).digest('base64url')

export function isProof(given: string | undefined, binding: string): boolean {
  const [one, other] = [Buffer.from(given ?? ''), Buffer.from(proofOf(binding))]
  return one.length === other.length && timingSafeEqual(one, other)
}
