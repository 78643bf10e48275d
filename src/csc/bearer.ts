import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import type { Access, AccessGrant } from '../access/access.js'
import { readBoundScope } from '../access/oauth/change-scope.js'
import type { CredentialChange } from '../access/oauth/oauth.js'
import type { Activations } from '../activation/activation.js'
import { readSad } from '../activation/sad.js'
import { CscFault, invalidRequest } from './faults.js'

/** What the token of a request stands for. */
export interface CscGrant extends AccessGrant {
  /** Set where the token is a credential's (scope `credential`): it is the SAD of an activation, for this credential. */
  redeems: { credentialId: string; sad: string } | null
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by `requireToken`; a member that exists from the start, since a map beside the requests costs more to collect. */
    cscGrant: CscGrant | null
  }
}

/** What v2 says of a header that has no bearer token in it; v1 has other texts. */
const malformedText = 'Malformed authorization header'

/**
 * Requires a service access token in the header before the body is looked at (RFC 6750 §2.1). A header of another
 * form is 400, a token that is not good is 401 (CSC API v2 §10).
 * @param malformed What the table of the call says of a header of another form.
 */
export function requireToken(
  access: Pick<Access, 'verifyToken'>,
  provider: string,
  audience: string,
  malformed: string = malformedText
): onRequestAsyncHookHandler {
  return async (request) => {
    const grant = await access.verifyToken(provider, audience, bearerIn(request, malformed))
    if (grant.scope !== 'service') throw unauthorized()
    request.cscGrant = { ...grant, redeems: null }
  }
}

/**
 * As `requireToken`, or a credential's own token (CSC API v2 §8.4.4): what comes of it is for that credential alone, and
 * for the person whose it is.
 */
export function requireTokenOrSad(
  {
    access,
    activations
  }: { access: Pick<Access, 'verifyToken'>; activations: Pick<Activations, 'bearerOf'> },
  provider: string,
  audience: string
): onRequestAsyncHookHandler {
  const service = requireToken(access, provider, audience)
  return async function (request, reply) {
    const sad = bearerIn(request, malformedText)
    if (readSad(sad) === null) {
      await service.call(this, request, reply)
      return
    }
    const { clientId, subscriberId, credentialId, expiresAt } = await activations.bearerOf({
      provider,
      audience,
      sad
    })
    const scope = 'credential'
    const redeems = { credentialId, sad }
    request.cscGrant = { provider, audience, clientId, subscriberId, scope, expiresAt, redeems }
  }
}

/**
 * Requires a token that a person gave for one change of their credentials (CSC API 2.2). It is good until `useUp`.
 */
export function requireChangeToken(
  access: Pick<Access, 'verifyToken'>,
  provider: string,
  audience: string,
  change: CredentialChange
): onRequestAsyncHookHandler {
  return async (request) => {
    const grant = await access.verifyToken(provider, audience, bearerIn(request, malformedText))
    if (readBoundScope(grant.scope)?.change !== change) throw unauthorized()
    request.cscGrant = { ...grant, redeems: null }
  }
}

/**
 * Takes the token of a request that passed `requireChangeToken`: of several such requests, on whatever servers, one.
 * @throws ServiceError `token_expired`.
 */
export async function useUp(access: Pick<Access, 'redeemToken'>, request: FastifyRequest): Promise<void> {
  const { provider, audience, clientId } = grantOf(request)
  await access.redeemToken({ provider, audience, clientId, accessToken: bearerIn(request, malformedText) })
}

const unauthorized = () =>
  new CscFault(400, 'unauthorized_client', 'The client is not authorized to use this method.')

function bearerIn({ headers: { authorization } }: FastifyRequest, malformed: string): string {
  const token =
    authorization === undefined
      ? undefined
      : /^Bearer ([A-Za-z0-9._~+/-]{1,4096}=*)$/i.exec(authorization)?.[1]
  if (token === undefined) throw invalidRequest(malformed)
  return token
}

/** The grant behind a request that passed `requireToken`. */
export function grantOf(request: FastifyRequest): CscGrant {
  const { cscGrant: grant } = request
  if (grant === null) throw new TypeError('the route has no requireToken hook')
  return grant
}

/** Whose token a request carried, as far as that is proven; null before. */
export function clientOf(request: FastifyRequest): string | null {
  return request.cscGrant?.clientId ?? null
}
