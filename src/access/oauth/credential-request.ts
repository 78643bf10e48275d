import type { AskRequest } from '../../activation/activation.js'
import { type Credential, credentialStatus, type Directory } from '../../enrolment/enrolment.js'
import { ServiceError } from '../../errors.js'
import type { CredentialAsked } from './oauth.js'

/**
 * The credential that a request is about: the one it names, or for a qualifier the person's first that can sign all of
 * it now and asks for no factor that this way does not have.
 * @throws ServiceError `not_found`.
 */
export async function choosesCredential(
  directory: Pick<Directory, 'credentialsOf'>,
  { subscriberId }: { provider: string; subscriberId: string },
  asked: CredentialAsked,
  at: Date
): Promise<string> {
  if (asked.credentialId !== null) return asked.credentialId
  const fits = (credential: Credential) =>
    credentialStatus(credential, at) === 'active' &&
    credential.notBefore <= at &&
    (credential.auth === 'phone' || credential.auth === 'oauth2code') &&
    credential.multisign >= asked.numSignatures &&
    (asked.digests.length > 0 || credential.scal === '1')
  const found = (await directory.credentialsOf(subscriberId)).find(fits)
  if (found === undefined)
    throw new ServiceError('not_found', `${subscriberId} has no credential ${asked.signatureQualifier}`)
  return found.id
}

/** What is asked of the person's devices. */
export function askRequestOf(
  by: { provider: string; clientId: string; subscriberId: string },
  asked: CredentialAsked,
  credentialId: string
): AskRequest {
  return {
    ...by,
    credentialId,
    hash: asked.digests.length === 0 ? null : asked.hash,
    digests: asked.digests.map((digest) => Buffer.from(digest, 'base64')),
    numSignatures: asked.numSignatures,
    factors: { loggedIn: true },
    documentNames: asked.documentNames,
    description: asked.description
  }
}
