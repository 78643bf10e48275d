import { randomBytes } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import type { Access, RelyingParty } from '../access/access.js'
import type { Factors } from '../access/factors.js'
import type { Clock } from '../clock.js'
import { type Credential, credentialStatus, type Directory } from '../enrolment/enrolment.js'
import { ServiceError } from '../errors.js'
import { hashes } from '../hsm/hashes.js'
import type { Activation, AskRequest } from './activation.js'
import type { Approvals } from './approvals.js'
import { displayText } from './display-text.js'
import type { ActivationStore, Alongside, SessionStore, WaitingLimits } from './needs.js'
import { requireSessionAsked } from './session-asked.js'
import { sadsEnd } from './standing.js'

/** Challenges that may wait at once. */
export const waitingLimits: WaitingLimits = { perSubscriber: 20, perRelyingParty: 5 }
/** Longest description and document name shown, in characters (CSC API v1 §11.6 limits the description). */
export const descriptionMaxLength = 500
export const documentNameMaxLength = 200

/** What asking stands on. */
export interface AskDeps {
  store: Pick<ActivationStore, 'open' | 'findBySad'>
  sessions: Pick<SessionStore, 'claim'>
  approvals: Pick<Approvals, 'get'>
  directory: Pick<Directory, 'credential' | 'freshCredential'>
  access: Pick<Access, 'relyingParty'>
  factors: Pick<Factors, 'require'>
  /** Seconds a challenge of this provider waits. */
  ttlS: (provider: string) => number
  sadTtlS: number
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
  const { session } = request
  const sessionSadSha256 =
    session === undefined ? null : await requireSessionAsked(deps, request, session, at)
  const { provider, clientId, factors = {} } = request
  const given = typeof factors === 'function' ? factors() : factors
  await deps.factors.require({ provider, clientId, credential }, given)

  const activation = waiting(deps, request, party, credential)
  const result = await store.open(activation, waitingLimits, async (tx, opened) => {
    if (sessionSadSha256 !== null) await claimSession(deps, tx, opened, sessionSadSha256)
    await alongside?.(tx, opened)
  })
  if (result === 'credential_unusable') await directory.freshCredential(credential.id)
  if (result !== 'opened') {
    throw new ServiceError(result, `${request.clientId} asked for ${credential.id}: ${result}`)
  }
  return activation
}

/** @throws ServiceError `session_open`: the session that was just written goes with it. */
async function claimSession(
  { sessions, now }: Pick<AskDeps, 'sessions' | 'now'>,
  tx: Parameters<Alongside>[0],
  { id: activationId, provider, clientId, credentialId }: Activation,
  sadSha256: Uint8Array
): Promise<void> {
  if (credentialId === null) throw new TypeError('a session is of a credential')
  const claimed = { provider, clientId, credentialId, activationId, sadSha256, now: now() }
  if (!(await sessions.claim(tx, claimed)))
    throw new ServiceError('session_open', `${clientId} has a session with ${credentialId}`)
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
  { hash, digests, numSignatures, documentNames, session }: AskRequest,
  credential: Credential
): void {
  if (digests.length === 0 && session === undefined && credential.scal !== '1') {
    throw new ServiceError('request_invalid', `no digests, and ${credential.id} is SCAL 2`, {
      field: 'hashes'
    })
  }
  if (numSignatures > credential.multisign) {
    throw new ServiceError('signatures_too_many', `${numSignatures} of at most ${credential.multisign}`)
  }
  // A session's number is free; what names digests is for each of them once.
  if (numSignatures < 1 || (digests.length !== 0 && digests.length !== numSignatures)) {
    throw new ServiceError('request_invalid', `${digests.length} digests for ${numSignatures} signatures`, {
      field: 'numSignatures'
    })
  }
  if (documentNames.length > digests.length) {
    throw new ServiceError('request_invalid', 'more document names than digests', { field: 'documents' })
  }
  if ((hash === null) !== (digests.length === 0))
    throw new TypeError('digests have a hash, and no digests none')
  if (hash === null) return
  const { octets } = hashes[hash]
  const wrong = digests.find((digest) => digest.length !== octets)
  if (wrong !== undefined) {
    throw new ServiceError('digest_length_wrong', `${wrong.length} octets for ${hash}`)
  }
}

function waiting(
  { now, ttlS, sadTtlS }: AskDeps,
  request: AskRequest,
  party: RelyingParty,
  credential: Credential
): Activation {
  // Since now, and not since the question came: checking a PIN may have had to wait.
  const at = now()
  const expiresAt = new Date(at.getTime() + ttlS(request.provider) * 1000)
  const session = request.digests.length === 0
  return {
    id: uuidv7({ msecs: at.getTime() }),
    provider: request.provider,
    clientId: request.clientId,
    subscriberId: credential.subscriberId,
    credentialId: credential.id,
    kind: session ? 'session' : 'digests',
    status: 'waiting',
    relyingPartyName: displayText(party.name, documentNameMaxLength),
    hash: request.hash,
    numSignatures: request.numSignatures,
    digests: request.digests,
    documentNames: request.digests.map((_, index) =>
      displayText(request.documentNames[index] ?? `Tài liệu ${index + 1}`, documentNameMaxLength)
    ),
    description: displayText(request.description, descriptionMaxLength),
    validUntil: session
      ? (request.session?.validUntil ?? sadsEnd({ validUntil: null, confirmedAt: null, expiresAt }, sadTtlS))
      : null,
    nonce: randomBytes(32).toString('base64url'),
    createdAt: at,
    expiresAt,
    confirmedAt: null,
    endedAt: null,
    endedReason: null,
    occurrences: '0'.repeat(request.numSignatures)
  }
}
