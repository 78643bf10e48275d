import type { RelyingParty } from '../../access/access.js'
import { anyLoopback, mayRedirectTo } from '../../access/addresses.js'
import { credentialChanges, isChange } from '../../access/oauth/change-scope.js'
import type { AuthorizationAsked, OAuth } from '../../access/oauth/oauth.js'
import { pkceForm } from '../../access/oauth/pkce.js'
import { descriptionMaxLength } from '../../activation/ask.js'
import { ServiceError } from '../../errors.js'
import { type Language, preferredLanguage } from '../../http/authorization/language.js'
import { CscFault, invalidRequest } from '../faults.js'
import type { Lenient } from '../leniencies.js'
import { readDetails } from './authorization-details.js'
import { readChange, scopeOfDetails } from './credential-change.js'
import { readCredential } from './credential-parameters.js'
import { hasNul, invalidParameter, missingParameter, type Parameters } from './form.js'

/** Octets of `state` (CSC API v1 §8.3.2). */
const stateMaxOctets = 255
const clientDataMaxLength = 4096

/** RFC 6749 §4.1.2.1. */
const unsupportedResponseType = () =>
  new CscFault(
    400,
    'unsupported_response_type',
    'The authorization server does not support obtaining an authorization code using this method.'
  )
const invalidScope = () =>
  new CscFault(400, 'invalid_scope', 'The requested scope is invalid, unknown, or malformed.')

/** What reading a request stands on. */
export interface AuthorizationReading {
  version: 'v1' | 'v2'
  party: RelyingParty
  readAccountToken: OAuth['readAccountToken']
  lenient: Lenient
  /** Where credentials can be made and deleted: the policy that new ones have. Null: they cannot. */
  changes: { policy: string } | null
  /** The Accept-Language header of the browser. */
  acceptLanguage: string | undefined
}

/**
 * Where a request is answered: a registered address, by its very characters; the only registered one where the request
 * names none.
 * @throws CscFault which must not be answered by a redirect (RFC 6749 §4.1.2.1).
 */
export function readRedirectUri(
  { redirect_uri: named }: Parameters,
  party: RelyingParty
): Pick<AuthorizationAsked, 'redirectUri' | 'redirectUriGiven'> {
  if (named !== undefined) {
    if (!mayRedirectTo(party, named)) throw invalidParameter('redirect_uri')
    return { redirectUri: named, redirectUriGiven: true }
  }
  const [only, ...others] = party.redirectUris
  if (only === undefined || only === anyLoopback || others.length > 0) throw missingParameter('redirect_uri')
  return { redirectUri: only, redirectUriGiven: false }
}

/** `state` as it is sent back with whatever else is wrong; null: there is none that could be. */
export const readState = ({ state }: Parameters): string | null =>
  state === undefined || Buffer.byteLength(state) > stateMaxOctets || state.includes('\0') ? null : state

/**
 * Reads an authorization request (CSC API v1 §8.3.2, v2 §8.4.2 and §8.4.3), in the order of the tables.
 * @throws CscFault which the relying party is told, by redirect or as the answer to its push.
 */
export async function readAuthorization(
  parameters: Parameters,
  redirect: Pick<AuthorizationAsked, 'redirectUri' | 'redirectUriGiven'>,
  reading: AuthorizationReading
): Promise<AuthorizationAsked> {
  const { version, party } = reading
  if (hasNul(parameters)) throw invalidRequest()
  if (parameters.response_type === undefined) throw missingParameter('response_type')
  if (parameters.response_type !== 'code') throw unsupportedResponseType()
  const details = version === 'v2' ? (parameters.authorization_details ?? null) : null
  const scope = readScope(parameters.scope, details, reading)
  const state = readState(parameters)
  if (parameters.state !== undefined && state === null) throw invalidParameter('state')
  const pkce = readPkce(parameters, reading)
  const anyBase64 = reading.lenient('csc.any-base64')
  const change =
    reading.changes === null || !isChange(scope)
      ? {}
      : { change: readChange(scope, parameters, details, reading.changes.policy) }
  const credential =
    scope !== 'credential'
      ? null
      : details === null
        ? readCredential(parameters, version, anyBase64)
        : { ...readDetails(details, anyBase64), description: readDescription(parameters), details }
  const lang: Language = preferredLanguage(parameters.lang, reading.acceptLanguage)
  if ((parameters.clientData?.length ?? 0) > clientDataMaxLength) throw invalidParameter('clientData')
  const account = await readAccount(parameters.account_token, party, reading)
  return { ...redirect, scope, state, lang, pkce, account, credential, ...change }
}

function readScope(
  scope: string | undefined,
  details: string | null,
  { lenient, changes }: AuthorizationReading
): AuthorizationAsked['scope'] {
  const offered = ['service', 'credential', ...(changes === null ? [] : credentialChanges)] as const
  if (details === null) {
    const known = offered.find((one) => one === (scope ?? 'service'))
    if (known === undefined) throw invalidScope()
    return known
  }
  const inDetails = changes === null ? 'credential' : scopeOfDetails(details)
  const beside = scope === undefined || (scope === inDetails && lenient('csc.scope-beside-details'))
  if (!beside) throw invalidScope()
  return inDetails
}

/** Required in v2 (§8.4.2); v1 does not have it and takes it all the same. */
function readPkce(
  { code_challenge: challenge, code_challenge_method: method = 'plain' }: Parameters,
  { version, party, lenient }: AuthorizationReading
): AuthorizationAsked['pkce'] {
  if (challenge === undefined) {
    if (version === 'v2') throw missingParameter('code_challenge')
    return null
  }
  const plain = method === 'plain' && party.mode === 'lenient' && lenient('csc.pkce-plain')
  if (method !== 'S256' && !plain) throw invalidParameter('code_challenge_method')
  if (!pkceForm.test(challenge) || (method === 'S256' && challenge.length !== 43))
    throw invalidParameter('code_challenge')
  return { challenge, method: plain ? 'plain' : 'S256' }
}

function readDescription({ description = '' }: Parameters): string {
  if (description.length > descriptionMaxLength) throw invalidParameter('description')
  return description
}

async function readAccount(
  accountToken: string | undefined,
  { provider, clientId }: RelyingParty,
  { readAccountToken }: AuthorizationReading
): Promise<string | null> {
  if (accountToken === undefined) return null
  try {
    return await readAccountToken({ provider, clientId }, accountToken)
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'authentication_failed')
      throw invalidParameter('account_token')
    throw error
  }
}
