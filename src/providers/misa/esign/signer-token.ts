import type { FastifyInstance, FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import type { Subscriber } from '../../../enrolment/enrolment.js'
import { ServiceError } from '../../../errors.js'
import type { DialectOptions } from '../../dialect/dialect.js'
import { callerOf } from './client.js'
import { asUnusable, audiences } from './session.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who logged in, on calls that ask for the token of remote signing; null before it is proved. */
    misaSubscriber: Subscriber | null
  }
}

const header = 'AuthorizationRM'
/** Whatever is wrong with the token: 401, which tells a client to log in or to renew (§5.2). */
const refused = 'token_expired'
const sendIt = `Send ${header}: Bearer, a space and the remoteSigningAccessToken of the login.`

/** Prepares an app for `proveSubscriber`. */
export const holdSubscriber = (app: FastifyInstance): void => {
  app.decorateRequest('misaSubscriber', null)
}

/**
 * Proves the subscriber by the `remoteSigningAccessToken` in the header `AuthorizationRM` (§5.1). It is good for the
 * relying party that asked for it alone. Comes after `proveClient`.
 */
export function proveSubscriber({
  access,
  provider,
  directory
}: Pick<DialectOptions, 'access' | 'provider' | 'directory'>): onRequestAsyncHookHandler {
  return async (request) => {
    const { party, findings } = callerOf(request)
    const token = readToken(request)
    let subscriberId: string | null
    try {
      const grant = await access.verifyToken(provider.id, audiences.remoteSigning, token)
      if (grant.clientId !== party.clientId)
        throw new ServiceError('authentication_failed', 'token of another relying party')
      subscriberId = grant.subscriberId
    } catch (error) {
      if (await isAccessToken(token, party.clientId))
        findings.refuse(
          {
            code: 'access_token_for_signing',
            field: header,
            found: 'The accessToken of the login was sent.',
            remedy: sendIt
          },
          refused
        )
      throw asUnusable(error, header)
    }
    const subscriber = subscriberId === null ? null : await directory.subscriber(subscriberId)
    if (subscriber === null) throw new ServiceError('token_expired', 'token of nobody', { field: header })
    request.misaSubscriber = subscriber
  }

  /** Whether somebody confused the two tokens of his own login. */
  async function isAccessToken(token: string, clientId: string): Promise<boolean> {
    return access.verifyToken(provider.id, audiences.access, token).then(
      (grant) => grant.clientId === clientId,
      () => false
    )
  }
}

/** Who logged in, after `proveSubscriber`. */
export function subscriberOf({ misaSubscriber }: FastifyRequest): Subscriber {
  if (misaSubscriber === null) throw new TypeError('the route has no proveSubscriber hook')
  return misaSubscriber
}

function readToken(request: FastifyRequest): string {
  const { findings } = callerOf(request)
  const { authorizationrm: proper, authorization: plain } = request.headers
  const sent = typeof proper === 'string' ? proper : plain
  if (sent === undefined || sent === '') {
    const found = 'No token was sent.'
    const diagnosis = { code: 'signing_token_missing', field: header, found, remedy: sendIt }
    return findings.refuse(diagnosis, refused)
  }
  if (proper === undefined) {
    // Integrators send it (§5.1, P); whether the real service takes it is not known.
    const found = 'The token came in the header Authorization.'
    findings.forgive(
      { code: 'signing_token_in_authorization', field: header, found, remedy: sendIt },
      refused
    )
  }
  const [, scheme, token] = /^(Bearer )?([!-~]{1,4096})$/i.exec(sent) ?? []
  if (scheme === undefined) {
    const found = 'The token came without the word Bearer before it.'
    findings.forgive({ code: 'signing_token_without_bearer', field: header, found, remedy: sendIt }, refused)
  }
  return token ?? ''
}
