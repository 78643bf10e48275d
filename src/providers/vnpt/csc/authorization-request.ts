import type { RelyingParty } from '../../../access/access.js'
import { mayRedirectTo } from '../../../access/addresses.js'
import type { AuthorizationAsked } from '../../../access/oauth/oauth.js'
import { pkceForm } from '../../../access/oauth/pkce.js'
import { ServiceError } from '../../../errors.js'
import { hasNul, type Parameters } from '../../../http/form.js'
import { readScope } from './scope.js'

/** Octets of `state`. */
const stateMaxOctets = 255

const refuse = (field: string, says: string) => new ServiceError('request_invalid', says, { says, field })

/**
 * Where a request is answered: a registered address, by its very characters.
 * @throws ServiceError `request_invalid`, which must not be answered by a redirect (RFC 6749 §4.1.2.1).
 */
export function readRedirectUri(
  { redirect_uri: named }: Parameters,
  party: RelyingParty
): Pick<AuthorizationAsked, 'redirectUri' | 'redirectUriGiven'> {
  if (named === undefined || !mayRedirectTo(party, named))
    throw refuse('redirect_uri', 'redirect_uri is not registered.')
  return { redirectUri: named, redirectUriGiven: true }
}

/** `state` as it is sent back with whatever else is wrong; null: there is none that could be. */
export const readState = ({ state }: Parameters): string | null =>
  state === undefined || Buffer.byteLength(state) > stateMaxOctets || state.includes('\0') ? null : state

/**
 * Reads an authorization request: a login, which every scope here is.
 * @param twice Parameters that came more than once.
 * @throws ServiceError `request_invalid`, which the relying party is told.
 */
export function readAuthorization(
  parameters: Parameters,
  twice: readonly string[],
  redirect: Pick<AuthorizationAsked, 'redirectUri' | 'redirectUriGiven'>,
  lang: AuthorizationAsked['lang']
): AuthorizationAsked {
  const [repeated] = twice
  if (repeated !== undefined) throw refuse(repeated, `${repeated} comes twice.`)
  if (hasNul(parameters)) throw refuse('state', 'U+0000 is not accepted in any value.')
  if (parameters.response_type !== 'code') throw refuse('response_type', 'response_type is code.')
  readScope(parameters.scope)
  const state = readState(parameters)
  if (parameters.state !== undefined && state === null)
    throw refuse('state', `state has at most ${stateMaxOctets} octets.`)
  const { code_challenge: challenge, code_challenge_method: method } = parameters
  if (challenge !== undefined && (method !== 'S256' || !pkceForm.test(challenge) || challenge.length !== 43))
    throw refuse('code_challenge', 'code_challenge is one by S256.')
  const pkce = challenge === undefined ? null : ({ challenge, method: 'S256' } as const)
  return { ...redirect, scope: 'service', state, lang, pkce, account: null, credential: null }
}
