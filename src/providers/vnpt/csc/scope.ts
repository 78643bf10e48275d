import { ServiceError } from '../../../errors.js'

/** What every token says of itself (§3.4), whatever was asked for. */
export const scopes = ['email', 'offline_access', 'openid', 'profile', 'sign'] as const

/** @throws ServiceError `request_invalid` with `field` `scope`, for one that there is not. */
export function readScope(scope = ''): void {
  const unknown = scope.split(' ').filter((one) => one !== '' && !scopes.some((known) => known === one))
  if (unknown.length > 0)
    throw new ServiceError('request_invalid', `scope ${unknown.join(' ')}`, {
      says: `scope is any of: ${scopes.join(' ')}.`,
      field: 'scope'
    })
}
