import type { AskRequest } from '../../activation/activation.js'
import { type Credential, credentialStatus, type Directory } from '../../enrolment/enrolment.js'
import { ServiceError } from '../../errors.js'
import type { CredentialAsked } from './oauth.js'

/**
 * The credential that a request is about: the one it names, or for a qualifier the person's first that can sign all of
 * it now and asks for no factor that this way does not have. Whose the named one is, is asked later.
 * @throws ServiceError `not_found`.
 */
export async function chooseCredential(
  directory: Pick<Directory, 'credential' | 'credentialsOf'>,
  subscriberId: string,
  asked: CredentialAsked,
  at: Date
): Promise<Credential> {
  const fits = (credential: Credential) =>
    credentialStatus(credential, at) === 'active' &&
    credential.notBefore <= at &&
    (credential.auth === 'phone' || credential.auth === 'oauth2code') &&
    credential.multisign >= asked.numSignatures &&
    (credential.scal === '1' || asked.digests.length === asked.numSignatures)
  const found =
    asked.credentialId === null
      ? (await directory.credentialsOf(subscriberId)).find(fits)
      : await directory.credential(asked.credentialId)
  if (found == null) {
    const named = asked.credentialId ?? asked.signatureQualifier
    throw new ServiceError('not_found', `${subscriberId} has no credential ${named}`)
  }
  return found
}

/** What is asked of the person's devices. With SCAL 1 digests bind nothing: a number is asked for, and a time. */
export function askRequestOf(
  by: { provider: string; clientId: string; subscriberId: string },
  asked: CredentialAsked,
  credential: Credential
): AskRequest {
  const session = credential.scal === '1' || asked.digests.length === 0
  return {
    ...by,
    credentialId: credential.id,
    hash: session ? null : asked.hash,
    digests: session ? [] : asked.digests.map((digest) => Buffer.from(digest, 'base64')),
    numSignatures: asked.numSignatures,
    factors: { loggedIn: true },
    documentNames: session ? [] : asked.documentNames,
    description: asked.description
  }
}
