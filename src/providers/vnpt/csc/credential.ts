import { Type } from 'typebox'
import type { Credential, Subscriber } from '../../../enrolment/enrolment.js'
import { ServiceError } from '../../../errors.js'
import { findSigner, requireSigner, type SignerDeps } from '../../dialect/signer.js'

export const credentialId = Type.String({
  minLength: 1,
  maxLength: 128,
  pattern: '^[!-~]+$',
  description: 'As credentials/list has it'
})

/**
 * The credential that a call names, of the person its token is for.
 * @throws ServiceError `not_found` for an unknown one and another's alike (I6).
 */
export async function namedCredential(
  deps: SignerDeps,
  { provider, login }: Subscriber,
  id: string
): Promise<Credential> {
  const signer = await findSigner(deps, provider, login)
  const credential = signer?.credentials.find((one) => one.id === id)
  if (credential === undefined)
    throw new ServiceError('not_found', `${login} has no credential ${id}`, {
      says: `no_credential_match_id_${id}`,
      field: 'credentialId'
    })
  return credential
}

/** The same, fit to sign. @throws ServiceError as `namedCredential` and `requireSigner`. */
export async function signingCredential(
  deps: SignerDeps,
  subscriber: Subscriber,
  id: string
): Promise<Credential> {
  await namedCredential(deps, subscriber, id)
  const { provider, login } = subscriber
  return (await requireSigner(deps, provider, login, (one) => one.id === id)).credential
}
