import type { Credential, Directory, Subscriber } from '../../../enrolment/enrolment.js'
import { ServiceError } from '../../../errors.js'
import { findSigner, type SignerDeps } from '../../dialect/signer.js'
import type { TokenCaller } from '../mysign/caller.js'
import { isNamed } from '../mysign/credential-id.js'

/** What finding a credential stands on. */
export interface NamedDeps extends SignerDeps {
  directory: Pick<Directory, 'subscriberByLogin' | 'credentialsOf' | 'credential' | 'subscriber'>
}

/**
 * The credential that a call names, of whatever subscriber of the provider where the token is for none. Who may not see
 * it hears that it does not exist (I6).
 * @throws ServiceError `not_found`.
 */
export async function namedCredential(
  deps: NamedDeps,
  { party, subscriberId }: TokenCaller,
  name: string
): Promise<{ credential: Credential; subscriber: Subscriber }> {
  // As listed, it begins with the id that it has everywhere.
  const found = await deps.directory.credential(name.split('_', 1)[0] ?? '')
  const owned =
    found?.provider === party.provider && (subscriberId === null || found.subscriberId === subscriberId)
  const subscriber = owned ? await deps.directory.subscriber(found.subscriberId) : null
  const signer = subscriber && (await findSigner(deps, party.provider, subscriber.login))
  const credential = signer?.credentials.find(isNamed(name))
  if (subscriber === null || credential === undefined)
    throw new ServiceError('not_found', `no credential ${name} for this token`, {
      says: 'There is no such credential.',
      field: 'credentialID'
    })
  return { credential, subscriber }
}
