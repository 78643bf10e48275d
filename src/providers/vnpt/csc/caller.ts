import type { FastifyRequest } from 'fastify'
import type { Access } from '../../../access/access.js'
import type { Directory, Subscriber } from '../../../enrolment/enrolment.js'
import { ServiceError } from '../../../errors.js'
import { grantOfToken } from '../../dialect/bearer.js'
import { type DialectCaller, enterByToken } from '../../dialect/caller.js'
import { audience } from './paths.js'

/** A relying party and the one subscriber that its token is for. */
export interface CscCaller extends DialectCaller {
  subscriber: Subscriber
}

/**
 * Proves a call by the access token in its header (RFC 6750 §2.1).
 * @throws ServiceError `authentication_required`, `token_expired` (also unknown, revoked or of somebody who is gone).
 */
export async function callerOf(
  request: FastifyRequest,
  {
    access,
    directory
  }: { access: Pick<Access, 'verifyToken' | 'relyingParty'>; directory: Pick<Directory, 'subscriber'> },
  provider: string
): Promise<CscCaller> {
  const grant = await grantOfToken(request, access, { provider, audience, from: 'auth/token' })
  const caller = await enterByToken(request, access, grant)
  const subscriber = grant.subscriberId === null ? null : await directory.subscriber(grant.subscriberId)
  if (subscriber === null) throw new ServiceError('token_expired', `subscriber ${grant.subscriberId} is gone`)
  return { ...caller, subscriber }
}
