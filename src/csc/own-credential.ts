import type { Credential } from '../enrolment/enrolment.js'
import type { CscGrant } from './bearer.js'
import type { ProviderApi } from './deps.js'
import { invalidRequest } from './faults.js'

/**
 * The credential that a call names, as far as its token reaches: of this provider, of the person whose token it is, and
 * for a credential's own token that one alone. Everything else is as if it did not exist (I6).
 * @throws CscFault
 */
export async function ownCredential(
  { directory, provider }: Pick<ProviderApi, 'directory' | 'provider'>,
  { subscriberId, redeems }: CscGrant,
  credentialId: string
): Promise<Credential> {
  const credential = await directory.credential(credentialId)
  const owned = subscriberId === null || credential?.subscriberId === subscriberId
  const reached = redeems === null || redeems.credentialId === credentialId
  if (credential?.provider !== provider.id || !owned || !reached)
    throw invalidRequest('Invalid parameter credentialID')
  return credential
}
