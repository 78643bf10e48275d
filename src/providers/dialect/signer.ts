import type { Clock } from '../../clock.js'
import {
  type Credential,
  credentialStatus,
  type Directory,
  type Subscriber
} from '../../enrolment/enrolment.js'
import { ServiceError } from '../../errors.js'

/** What finding a signer stands on. */
export interface SignerDeps {
  directory: Pick<Directory, 'subscriberByLogin' | 'credentialsOf'>
  now: Clock
  quirk: (name: string) => boolean
}

/** A subscriber and the credentials that a dialect shows of them. */
export interface Signer {
  subscriber: Subscriber
  /** Usable ones first, then in order of issue. */
  credentials: readonly Credential[]
}

/** Whether dialects show RSA credentials only: their clients take the first and cannot use another. */
export const rsaOnly = {
  name: 'dialects.rsa-only',
  meaning: 'Dialects list RSA credentials alone; off, those of P-256 and P-384 are listed after them.',
  mark: 'A'
} as const

/** Whether dialects show a credential. None has a place for the PIN or code that some ask for besides. */
export const isShown = ({ status, auth, algorithm }: Credential, quirk: (name: string) => boolean): boolean =>
  status !== 'issued' && auth === 'phone' && (algorithm.startsWith('RSA') || !quirk(rsaOnly.name))

/**
 * The person that a relying party names, and their credentials. One not yet published is not shown, nor one that the
 * phone alone does not open.
 * @returns Null: no such subscriber at this provider. A dialect answers it like one without credentials (I6).
 */
export async function findSigner(deps: SignerDeps, provider: string, login: string): Promise<Signer | null> {
  const subscriber = await deps.directory.subscriberByLogin(provider, login)
  if (subscriber === null) return null
  const all = await deps.directory.credentialsOf(subscriber.id)
  const shown = all.filter((one) => isShown(one, deps.quirk))
  const at = deps.now()
  const usable = (credential: Credential) => credentialStatus(credential, at) === 'active'
  return { subscriber, credentials: [...shown.filter(usable), ...shown.filter((one) => !usable(one))] }
}

/**
 * The credential that a request to sign means.
 * @param is Tells the one that was named; null: none was, and the first usable one is meant.
 * @throws ServiceError `not_found` for an unknown person, a person without credentials and an unknown name alike;
 *   `credential_unusable`; `sign_algorithm_refused` for one that is not RSA.
 */
export async function requireSigner(
  deps: SignerDeps,
  provider: string,
  login: string,
  is: ((credential: Credential) => boolean) | null
): Promise<{ subscriber: Subscriber; credential: Credential }> {
  const signer = await findSigner(deps, provider, login)
  const credential = signer?.credentials.find(is ?? (() => true))
  if (signer === null || credential === undefined)
    throw new ServiceError('not_found', `nobody at ${provider} signs under this name`)
  if (!credential.algorithm.startsWith('RSA'))
    throw new ServiceError('sign_algorithm_refused', `${credential.id} is ${credential.algorithm}`)
  const status = credentialStatus(credential, deps.now())
  if (status !== 'active') {
    const code = status === 'expired' ? 'certificate_expired' : 'credential_unusable'
    throw new ServiceError(code, `${credential.id} is ${status}`)
  }
  return { subscriber: signer.subscriber, credential }
}
