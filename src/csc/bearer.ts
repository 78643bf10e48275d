import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import type { Access, AccessGrant } from '../access/access.js'
import { CscFault, invalidRequest } from './faults.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by `requireToken`; a member that exists from the start, since a map beside the requests costs more to collect. */
    cscGrant: AccessGrant | null
  }
}

/**
 * Requires a service access token in the header before the body is looked at (RFC 6750 §2.1). A header of another
 * form is 400 `Malformed authorization header`, a token that is not good is 401 (CSC API v2 §10).
 */
export function requireToken(
  access: Pick<Access, 'verifyToken'>,
  provider: string,
  audience: string
): onRequestAsyncHookHandler {
  return async (request) => {
    const header = request.headers.authorization
    const token =
      header === undefined ? undefined : /^Bearer ([A-Za-z0-9._~+/-]{1,4096}=*)$/i.exec(header)?.[1]
    if (token === undefined) throw invalidRequest('Malformed authorization header')
    const grant = await access.verifyToken(provider, audience, token)
    if (grant.scope !== 'service') {
      throw new CscFault(400, 'unauthorized_client', 'The client is not authorized to use this method.')
    }
    request.cscGrant = grant
  }
}

/** The grant behind a request that passed `requireToken`. */
export function grantOf(request: FastifyRequest): AccessGrant {
  const { cscGrant: grant } = request
  if (grant === null) throw new TypeError('the route has no requireToken hook')
  return grant
}

/** Whose token a request carried, as far as that is proven; null before. */
export function clientOf(request: FastifyRequest): string | null {
  return request.cscGrant?.clientId ?? null
}
