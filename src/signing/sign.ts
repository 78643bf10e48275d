import { hash, timingSafeEqual } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import type { Approvals } from '../activation/approvals.js'
import { requireUsable } from '../activation/ask.js'
import { readSad } from '../activation/sad.js'
import type { Audit } from '../audit/audit.js'
import type { Clock } from '../clock.js'
import type { Credential, Directory } from '../enrolment/enrolment.js'
import { ServiceError } from '../errors.js'
import { hashes } from '../hsm/hashes.js'
import type { KeyStorage, SignatureScheme, SignResult } from '../hsm/hsm.js'
import { type Admission, createAdmission } from './admission.js'
import type { Reservation, ReservationStore } from './needs.js'
import { freeOccurrences, type Match, maskOf, matchOccurrences } from './occurrences.js'
import type { Signing, SignRequest } from './signing.js'
import { createUnfinished, type Unfinished } from './unfinished.js'

/** What signing stands on. `server.ts` hands it in. */
export interface SigningDeps {
  store: ReservationStore
  approvals: Pick<Approvals, 'get'>
  directory: Pick<Directory, 'credential' | 'freshCredential'>
  keys: Pick<KeyStorage, 'sign' | 'paceMs'>
  audit: Audit
  now: Clock
  serverId: string
}

/** Reserve, sign, record: see `Signing` for what it promises. */
export function createSigning(
  deps: SigningDeps
): Signing & Pick<Unfinished, 'settle'> & Pick<Admission, 'stats'> {
  const { store, keys, audit, now } = deps
  const admission = createAdmission()
  const unfinished = createUnfinished({ store, audit, now, actor: `server:${deps.serverId}` })

  async function signReserved(
    request: SignRequest,
    { reservation, credential }: Reserved
  ): Promise<Uint8Array[]> {
    const results = await keys
      .sign(credential.key, request.scheme, request.digests)
      .catch((error: Error) => request.digests.map(() => thrown(error)))
    return settle(request, reservation, results)
  }

  /** Records how each digest ended, then answers: signatures only when all were made. */
  async function settle(request: SignRequest, reservation: Reservation, results: SignResult[]) {
    const { id, activationId, positions, mask, scheme } = reservation
    const signatures = results.map((result) => (result.outcome === 'signed' ? result.signature : null))
    const made = signatures.filter((signature) => signature !== null)
    const returned = positions.filter((_, index) => results[index]?.outcome === 'refused')
    const fault =
      results.find((result) => result.outcome === 'uncertain') ?? results.find((r) => r.outcome === 'refused')
    const detail = fault?.detail ?? null
    const outcome =
      fault === undefined
        ? 'signed'
        : fault.outcome === 'uncertain'
          ? 'failed'
          : made.length > 0
            ? 'partly'
            : 'refused'

    const { clientId, credentialId: credentialID, provider } = request
    const about = { activationId, clientId, credentialID, provider, reservationId: id, scheme }
    const actor = `relying-party:${provider}/${clientId}`
    const events = []
    if (made.length > 0) {
      const digests = request.digests.filter((_, index) => signatures[index] !== null).map(base64)
      const signaturesSha256 = made.map((signature) => hash('sha256', signature, 'base64'))
      // In the order of canonical JSON, which saves sorting and writing it twice.
      const signed = { activationId, clientId, credentialID, digests, provider, reservationId: id, scheme }
      events.push({ type: 'signature.made' as const, actor, about: { ...signed, signaturesSha256 } })
    }
    if (fault !== undefined) {
      const type =
        fault.outcome === 'uncertain' ? ('signature.uncertain' as const) : ('signature.refused' as const)
      events.push({ type, actor, about: { ...about, detail, returned } })
    }
    // A signature that is recorded and not in the audit must not exist, not even after a crash.
    const ending = { id, activationId, outcome, signatures, detail, now: now() } as const
    let mine: boolean
    try {
      if (returned.length === 0) mine = await audit.recordEnding(ending, ...events)
      else {
        await audit.record(...events)
        mine = await store.finish({ ...ending, returned: maskOf(returned, mask.length) })
      }
    } catch (error) {
      unfinished.notRecorded(reservation)
      throw error
    }
    if (!mine) throw new ServiceError('signature_uncertain', `reservation ${id} was ended by another server`)
    if (fault !== undefined) throw failure(fault, detail ?? '')
    return made
  }

  async function workMs({ credentialId, digests }: SignRequest): Promise<number> {
    // Whether the credential exists, or is whole, must not show here: it counts like one of the common kind. What is
    // wrong with it is found, and recorded, on the way to the reservation.
    const credential = await deps.directory.credential(credentialId).catch(() => null)
    return digests.length * keys.paceMs(credential?.algorithm ?? 'RSA-2048')
  }

  async function refused(request: SignRequest, error: unknown): Promise<never> {
    if (error instanceof ServiceError && refusals.has(error.code)) {
      const { provider, clientId, credentialId: credentialID } = request
      await audit.record({
        type: 'signature.refused',
        actor: `relying-party:${provider}/${clientId}`,
        about: { provider, clientId, credentialID, code: error.code, detail: error.message }
      })
    }
    throw error
  }

  async function begin(request: SignRequest): Promise<{ ended: Promise<Uint8Array[]> }> {
    const leave = admission.enter(await workMs(request))
    let reserved: Reserved
    try {
      reserved = await reserve(deps, request, unfinished)
    } catch (error) {
      leave()
      return refused(request, error)
    }
    const ended = signReserved(request, reserved)
      .catch((error: unknown) => refused(request, error))
      .finally(leave)
    return { ended }
  }

  return {
    settle: unfinished.settle,
    stats: admission.stats,
    sign: async (request) => (await begin(request)).ended,
    begin
  }
}

/** Refusals made before the HSM was asked; those of the HSM itself are recorded with their reservation. */
const refusals = new Set([
  'sad_invalid',
  'sad_expired',
  'not_found',
  'credential_unusable',
  'certificate_expired',
  'digest_length_wrong',
  'digest_not_authorized',
  'signatures_too_many',
  'sign_algorithm_refused',
  'integrity_broken'
])

/** What the HSM may be asked for. */
interface Reserved {
  reservation: Reservation
  credential: Credential
}

/** Tries that found nothing new before the stored row is taken to differ from what was verified. */
const unchangedMax = 3

/**
 * Checks everything, then takes the occurrences. The database has the last word on all that can change: if it
 * disagrees with what was remembered, the row is read again and either explains the refusal or allows another try.
 */
async function reserve(deps: SigningDeps, request: SignRequest, unfinished: Unfinished): Promise<Reserved> {
  const { store, approvals, directory, now, serverId } = deps
  const named = readSad(request.sad)
  const approval = named === null ? null : await approvals.get(named.activationId, request)
  if (named === null || approval === null || approval.activation.kind === 'device') {
    throw new ServiceError('sad_invalid', 'no activation of this relying party answers to the SAD')
  }
  const { activation } = approval
  let credential = await directory.credential(request.credentialId)
  if (activation.credentialId !== request.credentialId) {
    const exists = credential?.provider === request.provider
    throw new ServiceError(exists ? 'sad_invalid' : 'not_found', 'the SAD is for another credential')
  }
  requireDigests(request)
  const { digests } = request
  const session = activation.kind === 'session'
  const match = (occurrences: string): Match =>
    session ? freeOccurrences(occurrences, digests) : matchOccurrences(approval.digests, occurrences, digests)

  let occurrences = activation.occurrences
  for (let unchanged = 0; unchanged < unchangedMax; ) {
    const at = now()
    if (credential?.provider !== request.provider) throw new ServiceError('not_found', 'no such credential')
    requireUsable(credential, at)
    requireScheme(credential, request.scheme)
    // What the device showed, and not only what the row says of its SAD.
    if (activation.validUntil !== null && activation.validUntil <= at)
      throw new ServiceError('sad_expired', `the session ended at ${activation.validUntil.toISOString()}`)
    const found = match(occurrences)
    if (found.found) {
      const reservation: Reservation = {
        id: request.reservationId ?? uuidv7({ msecs: at.getTime() }),
        activationId: activation.id,
        sadSha256: named.sadSha256,
        provider: request.provider,
        clientId: request.clientId,
        credentialId: credential.id,
        credentialVersion: credential.version,
        usesSadUp: request.usesSadUp === true,
        mask: found.mask,
        positions: found.positions,
        scheme: schemeName(request.scheme),
        serverId,
        now: at
      }
      const taken = await store.reserve(reservation).catch((error: unknown) => {
        unfinished.notAsked(reservation)
        throw error
      })
      if (taken) return { reservation, credential }
    }
    const standing = await store.standing(activation.id)
    if (standing === null || standing.sadSha256 === null || !equal(standing.sadSha256, named.sadSha256)) {
      throw new ServiceError('sad_invalid', 'the SAD is not the present one of its activation')
    }
    const version: number = credential.version
    credential = await directory.freshCredential(request.credentialId)
    if (standing.status === 'confirmed' && standing.sadExpiresAt !== null && standing.sadExpiresAt <= at) {
      throw new ServiceError('sad_expired', `the SAD expired at ${standing.sadExpiresAt.toISOString()}`)
    }
    if (standing.status !== 'confirmed') {
      if (credential !== null) requireUsable(credential, at) // a revocation cancels, and is the better answer
      const expired = standing.status === 'expired'
      throw new ServiceError(
        expired ? 'sad_expired' : 'sad_invalid',
        `activation ${activation.id} is ${standing.status}`
      )
    }
    if (standing.sadUsed) throw new ServiceError('sad_invalid', 'the SAD has signed and was not renewed')
    // Of a session the length of this is the number that the device showed.
    if (standing.occurrences.length !== activation.numSignatures)
      throw new ServiceError(
        'integrity_broken',
        `activation ${activation.id} has another number of signatures`
      )
    const again = match(standing.occurrences)
    if (!again.found)
      throw session
        ? new ServiceError('signatures_too_many', `the session has no ${digests.length} signatures left`)
        : new ServiceError('digest_not_authorized', `a digest is ${again.why}`)
    // Newer truth is a reason to try again, and somebody else's progress; the same truth twice is not.
    if (standing.occurrences === occurrences && credential?.version === version) unchanged += 1
    occurrences = standing.occurrences
  }
  throw new ServiceError('integrity_broken', `activation ${activation.id} is not what was confirmed`)
}

function requireDigests({ digests, hash }: SignRequest): void {
  if (digests.length < 1) throw new ServiceError('request_invalid', 'no digest', { field: 'hashes' })
  const { octets } = hashes[hash]
  if (digests.some((digest) => digest.length !== octets)) {
    throw new ServiceError('digest_length_wrong', `a digest does not have ${octets} octets`)
  }
}

function requireScheme(credential: Credential, scheme: SignatureScheme): void {
  const rsa = credential.algorithm.startsWith('RSA')
  if (rsa !== (scheme.type !== 'ecdsa')) {
    throw new ServiceError('sign_algorithm_refused', `${scheme.type} with a ${credential.algorithm} key`)
  }
}

/** A RangeError is thrown before anything reaches the HSM; of any other failure nobody knows how far it got. */
function thrown(error: Error): SignResult {
  const detail = error.message
  if (error instanceof RangeError) return { outcome: 'refused', reason: 'key_invalid', detail }
  return { outcome: 'uncertain', detail }
}

function failure(fault: SignResult, detail: string): ServiceError {
  if (fault.outcome === 'uncertain') return new ServiceError('signature_uncertain', detail)
  const reason = fault.outcome === 'refused' ? fault.reason : 'unavailable'
  if (reason === 'busy') return new ServiceError('hsm_busy', detail, { retryAfterS: 1 })
  if (reason === 'unavailable') return new ServiceError('hsm_unavailable', detail, { retryAfterS: 5 })
  return new ServiceError('integrity_broken', detail)
}

const schemeName = (scheme: SignatureScheme): string =>
  `${scheme.type}/${scheme.hash}${scheme.type === 'pss' ? `/${scheme.saltLength}` : ''}`
const equal = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b)
const base64 = ({ buffer, byteOffset, length }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, length).toString('base64')
