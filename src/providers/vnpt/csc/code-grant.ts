import type { GrantedTokens, Grants, OAuthClient } from '../../../access/oauth/oauth.js'
import { ServiceError } from '../../../errors.js'
import { refreshTtlS } from './terms.js'

/** What is told of each thing that can be wrong. */
const told: Readonly<Record<string, string>> = {
  code: 'The code is unknown, used or too old.',
  redirect_uri: 'redirect_uri is not that of the authorization request.',
  code_verifier: 'code_verifier does not fit the code_challenge.'
}

/**
 * Tokens for the code of a person who logged in at the pages (RFC 6749 §4.1.3).
 * @throws ServiceError as `Grants.redeemCode`, in the words of the grant.
 */
export async function codeGrant(
  oauth: Pick<Grants, 'redeemCode'>,
  client: OAuthClient,
  of: { code: string; redirectUri: string; codeVerifier: string | null }
): Promise<GrantedTokens> {
  // No request here has details that an exchange would have to repeat.
  const details = { credential: () => true, change: () => true }
  try {
    const redeemed = await oauth.redeemCode(client, { ...of, details, refreshTtlS })
    if (redeemed.scope !== 'service') throw new TypeError(`a code for ${redeemed.scope}`)
    return redeemed
  } catch (error) {
    const field = error instanceof ServiceError ? error.field : undefined
    const says = field === undefined ? undefined : told[field]
    if (!(error instanceof ServiceError) || field === undefined || says === undefined) throw error
    throw new ServiceError(error.code, error.message, { says, field, cause: error })
  }
}
