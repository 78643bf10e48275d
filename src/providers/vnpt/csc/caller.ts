import type { FastifyRequest } from 'fastify'
import type { Access } from '../../../access/access.js'
import type { Directory, Subscriber } from '../../../enrolment/enrolment.js'
import { ServiceError } from '../../../errors.js'
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
  const { authorization = '' } = request.headers
  const token = /^Bearer +([A-Za-z0-9._~+/-]{1,4096}=*)$/i.exec(authorization)?.[1]
  if (token === undefined)
    throw new ServiceError('authentication_required', 'no bearer token', {
      says: 'Send the header Authorization: Bearer with the access_token of auth/token.'
    })
  const grant = await access.verifyToken(provider, audience, token).catch((error: unknown) => {
    // One answer for a token that never was and one that is over.
    if (error instanceof ServiceError && error.code === 'authentication_failed') throw ended(error.message)
    throw error
  })
  const caller = await enterByToken(request, access, grant)
  const subscriber = grant.subscriberId === null ? null : await directory.subscriber(grant.subscriberId)
  if (subscriber === null) throw ended(`subscriber ${grant.subscriberId} is gone`)
  return { ...caller, subscriber }
}

const ended = (message: string) => new ServiceError('token_expired', message)
