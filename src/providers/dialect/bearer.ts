import type { FastifyRequest } from 'fastify'
import type { Access, AccessGrant } from '../../access/access.js'
import { ServiceError } from '../../errors.js'

/**
 * What the access token in a request's header stands for (RFC 6750 §2.1): of this provider, and issued for `audience`.
 * @param of.from The call that issues tokens.
 * @throws ServiceError `authentication_required`, `token_expired`: one answer for a token that never was and one that is over.
 */
export async function grantOfToken(
  { headers: { authorization = '' } }: FastifyRequest,
  access: Pick<Access, 'verifyToken'>,
  { provider, audience, from }: { provider: string; audience: string; from: string }
): Promise<AccessGrant> {
  const token = /^Bearer +([A-Za-z0-9._~+/-]{1,4096}=*)$/i.exec(authorization)?.[1]
  if (token === undefined)
    throw new ServiceError('authentication_required', 'no bearer token', {
      says: `Send the header Authorization: Bearer with the access_token of ${from}.`
    })
  return access.verifyToken(provider, audience, token).catch((error: unknown) => {
    if (error instanceof ServiceError && error.code === 'authentication_failed')
      throw new ServiceError('token_expired', error.message)
    throw error
  })
}
