import type { FastifyRequest } from 'fastify'
import type { Access, AccessGrant } from '../../../access/access.js'
import type { Directory, Subscriber } from '../../../enrolment/enrolment.js'
import { ServiceError } from '../../../errors.js'
import { grantOfToken } from '../../dialect/bearer.js'
import { authenticate, type DialectCaller, enterByToken } from '../../dialect/caller.js'

/** Tokens of this dialect open no other surface. */
export const audience = 'viettel/mysign'

/** A relying party and the one subscriber that its token is for. */
export interface MySignCaller extends DialectCaller {
  subscriber: Subscriber
}

/** What proving a caller stands on. */
interface CallerDeps {
  access: Pick<Access, 'authenticateClient' | 'relyingParty' | 'verifyToken'>
  directory: Pick<Directory, 'subscriber'>
}

/**
 * Proves a call that carries both a token in its header and the relying party's name and secret in its body (§4.3).
 * @throws ServiceError `authentication_failed` (name or secret), and as `callerOfToken`.
 */
export async function callerOfBody(
  request: FastifyRequest,
  deps: CallerDeps,
  provider: string,
  { client_id: clientId, client_secret: clientSecret }: { client_id: string; client_secret: string }
): Promise<MySignCaller> {
  const caller = await authenticate(request, deps.access, { provider, clientId, clientSecret })
  const grant = await grantOf(request, deps.access, provider)
  if (grant.clientId !== clientId) throw badToken('the token is of another relying party')
  return { ...caller, subscriber: await subscriberOf(grant, deps) }
}

/**
 * Proves a call that carries a token alone.
 * @throws ServiceError `authentication_required`, `token_expired` (also unknown), `permission_denied` for a token that
 *   is for no user.
 */
export async function callerOfToken(
  request: FastifyRequest,
  deps: CallerDeps,
  provider: string
): Promise<MySignCaller> {
  const grant = await grantOf(request, deps.access, provider)
  const caller = await enterByToken(request, deps.access, grant)
  return { ...caller, subscriber: await subscriberOf(grant, deps) }
}

/** A relying party, and the subscriber that its token is for, if it is for one. */
export interface TokenCaller extends DialectCaller {
  subscriberId: string | null
}

/**
 * Proves a call by a token of either kind: of a subscriber, or of the relying party alone (§4.2).
 * @throws ServiceError `authentication_required`, `token_expired` (also unknown).
 */
export async function callerOfEitherToken(
  request: FastifyRequest,
  deps: Pick<CallerDeps, 'access'>,
  provider: string
): Promise<TokenCaller> {
  const grant = await grantOf(request, deps.access, provider)
  const caller = await enterByToken(request, deps.access, grant)
  return { ...caller, subscriberId: grant.subscriberId }
}

const grantOf = (
  request: FastifyRequest,
  access: Pick<Access, 'verifyToken'>,
  provider: string
): Promise<AccessGrant> => grantOfToken(request, access, { provider, audience, from: 'the login' })

async function subscriberOf({ subscriberId }: AccessGrant, { directory }: CallerDeps): Promise<Subscriber> {
  if (subscriberId === null)
    throw new ServiceError('permission_denied', 'the token is for no user', {
      says: 'The token of ras/v1/authenticate is for no user: this call needs that of ras/v1/login.'
    })
  const subscriber = await directory.subscriber(subscriberId)
  if (subscriber === null) throw badToken(`subscriber ${subscriberId} is gone`)
  return subscriber
}

const badToken = (message: string) => new ServiceError('token_expired', message)
