import type { onRequestAsyncHookHandler } from 'fastify'
import { ServiceError } from '../../../errors.js'
import { authenticate, type DialectCaller } from '../../dialect/caller.js'
import type { DialectOptions } from '../../dialect/dialect.js'

/**
 * Proves the relying party by the headers of every call (§5.1), before the body is looked at.
 * @param bare Whether the call is documented with `clientId` and `clientKey`, without the `x-`.
 */
export function proveClient(
  { access, provider }: Pick<DialectOptions, 'access' | 'provider'>,
  { bare }: { bare: boolean }
): onRequestAsyncHookHandler {
  return async (request) => {
    const { headers } = request
    const prefixed = headers['x-clientid'] !== undefined || headers['x-clientkey'] !== undefined
    const clientId = prefixed ? headers['x-clientid'] : headers.clientid
    const clientSecret = prefixed ? headers['x-clientkey'] : headers.clientkey
    if (typeof clientId !== 'string' || typeof clientSecret !== 'string')
      throw new ServiceError('authentication_required', 'no client headers', {
        says: 'Send the headers x-clientId and x-clientKey.',
        field: 'x-clientId'
      })
    const { findings } = await authenticate(request, access, {
      provider: provider.id,
      clientId,
      clientSecret
    })
    if (!prefixed && !bare)
      findings.forgive({
        code: 'client_headers_without_prefix',
        field: 'x-clientId',
        found: 'The client is named by clientId and clientKey.',
        remedy: 'Send the headers x-clientId and x-clientKey.'
      })
  }
}

/** Who calls, after `proveClient`. */
export function callerOf({ dialectCaller }: { dialectCaller: DialectCaller | null }): DialectCaller {
  if (dialectCaller === null) throw new TypeError('the route has no proveClient hook')
  return dialectCaller
}
