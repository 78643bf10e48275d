import { randomBytes } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import type { Access, RelyingParty } from '../access/access.js'
import type { Clock } from '../clock.js'
import { type Credential, credentialStatus, type Directory } from '../enrolment/enrolment.js'
import { ServiceError } from '../errors.js'
import { hashes } from '../hsm/hashes.js'
import type { Activation, AskRequest } from './activation.js'
import { displayText } from './display-text.js'
import type { ActivationStore, Alongside, WaitingLimits } from './needs.js'

/** Challenges that may wait at once. */
export const waitingLimits: WaitingLimits = { perSubscriber: 20, perRelyingParty: 5 }
/** Longest description and document name shown, in characters (CSC API v1 §11.6 limits the description). */
export const descriptionMaxLength = 500
export const documentNameMaxLength = 200

/** What asking stands on. */
export interface AskDeps {
  store: Pick<ActivationStore, 'open'>
  directory: Pick<Directory, 'credential' | 'freshCredential'>
  access: Pick<Access, 'relyingParty'>
  /** Seconds a challenge of this provider waits. */
  ttlS: (provider: string) => number
  now: Clock
}

/**
 * Checks a relying party's request and opens the activation. What is another provider's or another person's is
 * reported as unknown (I6).
 * @throws ServiceError as `Activations.ask` lists.
 */
export async function openActivation(
  deps: AskDeps,
  request: AskRequest,
  alongside?: Alongside
): Promise<Activation> {
  const { store, directory, access, now } = deps
  const at = now()
  const party = await access.relyingParty(request.provider, request.clientId)
  if (party === null) throw new ServiceError('authentication_failed', `${request.clientId} is not registered`)

  const credential = await directory.credential(request.credentialId)
  if (
    credential === null ||
    credential.provider !== request.provider ||
    (request.subscriberId !== null && credential.subscriberId !== request.subscriberId)
  ) {
    throw new ServiceError('not_found', `no credential ${request.credentialId} at ${request.provider}`)
  }
  requireUsable(credential, at)
  requireDigests(request, credential)

  const activation = waiting(request, party, credential, at, deps.ttlS(request.provider))
  const result = await store.open(activation, waitingLimits, alongside)
  if (result === 'credential_unusable') await directory.freshCredential(credential.id)
  if (result !== 'opened') {
    throw new ServiceError(result, `${request.clientId} asked for ${credential.id}: ${result}`)
  }
  return activation
}

/**
 * A credential that may be used now: active, and its certificate valid.
 * @throws ServiceError `credential_unusable`, `certificate_expired`.
 */
export function requireUsable(credential: Credential, at: Date): void {
  const status = credentialStatus(credential, at)
  if (status === 'expired' || credential.notBefore > at) {
    throw new ServiceError(
      'certificate_expired',
      `certificate of ${credential.id} is not valid at ${at.toISOString()}`
    )
  }
  if (status !== 'active') throw new ServiceError('credential_unusable', `${credential.id} is ${status}`)
}

function requireDigests(
  { hash, digests, numSignatures, documentNames }: AskRequest,
  credential: Credential
): void {
  if (digests.length < 1 || digests.length !== numSignatures) {
    throw new ServiceError('request_invalid', `${digests.length} digests for ${numSignatures} signatures`, {
      field: 'numSignatures'
    })
  }
  if (numSignatures > credential.multisign) {
    throw new ServiceError('signatures_too_many', `${numSignatures} of at most ${credential.multisign}`)
  }
  if (documentNames.length > digests.length) {
    throw new ServiceError('request_invalid', 'more document names than digests', { field: 'documents' })
  }
  const { octets } = hashes[hash]
  const wrong = digests.find((digest) => digest.length !== octets)
  if (wrong !== undefined) {
    throw new ServiceError('digest_length_wrong', `${wrong.length} octets for ${hash}`)
  }
}

function waiting(
  request: AskRequest,
  party: RelyingParty,
  credential: Credential,
  at: Date,
  ttlS: number
): Activation {
  return {
    id: uuidv7({ msecs: at.getTime() }),
    provider: request.provider,
    clientId: request.clientId,
    subscriberId: credential.subscriberId,
    credentialId: credential.id,
    kind: 'digests',
    status: 'waiting',
    relyingPartyName: displayText(party.name, documentNameMaxLength),
    hash: request.hash,
    numSignatures: request.numSignatures,
    digests: request.digests,
    documentNames: request.digests.map((_, index) =>
      displayText(request.documentNames[index] ?? `Tài liệu ${index + 1}`, documentNameMaxLength)
    ),
    description: displayText(request.description, descriptionMaxLength),
    validUntil: null,
    nonce: randomBytes(32).toString('base64url'),
    createdAt: at,
    expiresAt: new Date(at.getTime() + ttlS * 1000),
    confirmedAt: null,
    endedAt: null,
    endedReason: null,
    occurrences: '0'.repeat(request.digests.length)
  }
}
