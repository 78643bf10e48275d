import type { ErrorCode } from '../../errors.js'
import { ServiceError } from '../../errors.js'
import { authorizationPages } from '../../http/authorization/page-routes.js'
import type { PagePlace } from '../../http/authorization/place.js'
import type { ApiRoutes } from '../deps.js'
import { type CscFault, faultOf } from '../faults.js'
import { tagOf, versionOf } from './version.js'

/** Where the pages of an API are. Both versions share style, script and logo. @param base Of the API. */
export function pagePlace(base: string): PagePlace {
  const { pathname, protocol } = new URL(base)
  return {
    endpoint: () => `${pathname}/oauth2/authorize`,
    shared: () => pathname.replace(/\/v[12]$/, ''),
    secure: protocol === 'https:'
  }
}

/** The pages that people see on the way through `oauth2/authorize`. */
export const pages: ApiRoutes = async (app, { provider, base, audience, oauth, now }) => {
  const version = versionOf(audience)
  await app.register(authorizationPages, {
    ...{ provider, audience, oauth, now, refusedBy },
    place: pagePlace(base),
    path: '/oauth2/authorize',
    tag: tagOf(version),
    issuer: version === 'v2' ? base : null
  })
}

/** Why a request came to nothing, in the words of the standard. */
function refusedBy(code: ErrorCode): CscFault {
  const fault = faultOf(new ServiceError(code, 'an authorization request was refused'), 'credentialID')
  return fault.statusCode === 202 ? faultOf(new ServiceError('internal', code), 'credentialID') : fault
}
