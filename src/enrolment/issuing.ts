import { v7 as uuidv7 } from 'uuid'
import type { Audit, AuditEvent } from '../audit/audit.js'
import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'
import type { KeyAlgorithm, StoredKey } from '../hsm/hsm.js'
import type { Pki } from '../pki/pki.js'
import type { Seals } from '../store/seals.js'
import type { LocalDirectory } from './directory.js'
import type { Credential, CredentialAuth, Subscriber } from './enrolment.js'
import type { CredentialRecord, CredentialStore } from './needs.js'
import type { PendingKeys } from './pending-keys.js'
import { type Pin, readPin } from './pins.js'
import { credentialFields } from './sealed-fields.js'
import { invalid } from './texts.js'

/** Days a certificate is valid: at most five years and a leap day. */
export const validDaysMax = 1826
export const validDaysDefault = 1095
export const multisignMax = 1000
export const multisignDefault = 100
/** Credentials of one subscriber, all that were ever issued. */
export const credentialsMax = 200

const dayMs = 86_400_000

/** What an operator asks for. */
export interface CredentialInput {
  algorithm: KeyAlgorithm
  /** 1 to 1826, default 1095. */
  validDays?: number | undefined
  /** Publish at once: the credential is `active`, otherwise `issued`. */
  publish?: boolean | undefined
  /** What is asked for beside the confirmation on the device, default `phone`: nothing. */
  auth?: CredentialAuth | undefined
  /** For `auth: 'pin'` alone: 4 to 32 visible ASCII characters. Without, one of six digits is made. */
  pin?: string | undefined
  /** `2`, the default: the device confirms digests. `1`: a number of signatures and an end time. */
  scal?: '1' | '2' | undefined
  /** Signatures one activation may allow, 1 to 1000, default 100. */
  multisign?: number | undefined
  /** Upper-case hex; for the demo seed, whose serials are the same everywhere. */
  serialNumber?: string | undefined
}

/** What issuing stands on. */
export interface IssuingDeps {
  credentials: Pick<CredentialStore, 'insert'>
  directory: LocalDirectory
  pendingKeys: Pick<PendingKeys, 'make'>
  pki: Pick<Pki, 'issue' | 'newSerialNumber'>
  seals: Seals
  audit: Audit
  now: Clock
  /** Whether this server has a way to send one-time codes. */
  sendsCodes: boolean
  /** @throws ServiceError `too_many_requests`. */
  hashPassword: (password: string) => Promise<string>
}

/** A new credential, with its PIN where that was made here: this is the only time it is told. */
export interface IssuedCredential extends Credential {
  pin?: string
}

/** Key, certificate and row appear together or not at all. */
export function createIssuing(deps: IssuingDeps) {
  const { credentials, directory, pendingKeys, pki, seals, audit, now } = deps

  async function certified(
    subscriber: Subscriber,
    key: StoredKey,
    input: Terms,
    pinHash: string | null
  ): Promise<CredentialRecord> {
    const at = now()
    // X.509 knows no fractions of a second (RFC 5280 §4.1.2.5.1).
    const notBefore = new Date(Math.floor(at.getTime() / 1000) * 1000)
    const notAfter = new Date(notBefore.getTime() + input.validDays * dayMs)
    const { provider } = subscriber
    const { serialNumber } = input
    const { spki } = key
    const certificate = await pki.issue({
      provider,
      subject: subscriber,
      spki,
      serialNumber,
      notBefore,
      notAfter
    })
    return {
      id: key.id,
      provider,
      subscriberId: subscriber.id,
      algorithm: key.algorithm,
      status: input.publish ? 'active' : 'issued',
      serialNumber,
      certificate,
      key,
      notBefore,
      notAfter,
      auth: input.auth,
      pinHash,
      scal: input.scal,
      multisign: input.multisign,
      issuedAt: at,
      publishedAt: input.publish ? at : null,
      suspendedAt: null,
      revokedAt: null,
      revocationReason: null,
      version: 1
    }
  }

  return {
    /**
     * @throws ServiceError `not_found`, `request_invalid`, `not_offered` (`otp` without a way to send it),
     *   `state_conflict` (a serial number that is taken, too many credentials), `too_many_requests` (hashing the PIN),
     *   `hsm_unavailable`, `hsm_busy`, `database_unavailable`. Nothing
     *   stays behind then, but for a lost connection at the moment of writing.
     */
    async issueCredential(
      subscriberId: string,
      input: CredentialInput,
      by: string
    ): Promise<IssuedCredential> {
      // Past the cache: what the certificate says is read when it is signed.
      directory.forget('subscriber', subscriberId)
      const subscriber = await directory.subscriber(subscriberId)
      if (subscriber === null) throw new ServiceError('not_found', `no subscriber ${subscriberId}`)
      const terms = readTerms(input, () => pki.newSerialNumber(subscriber.provider))
      if (terms.auth === 'otp' && !deps.sendsCodes)
        throw new ServiceError('not_offered', 'one-time codes, and nothing to send them', {
          says: 'This server has no way to send one-time codes, so that auth cannot be otp.',
          field: 'auth'
        })
      const { pin } = terms
      const pinHash = pin === null ? null : await deps.hashPassword(pin.value)
      const id = uuidv7({ msecs: now().getTime() })

      const credential = await pendingKeys.make(id, input.algorithm, async (key, pendingKey) => {
        const row = await certified(subscriber, key, terms, pinHash)
        const seal = await seals.seal('credentials', credentialFields(row))
        const outcome = await audit.recordWith((record) =>
          credentials.insert({ row, seal }, { pendingKey, max: credentialsMax }, (transaction) =>
            record(transaction, ...issuedEvents(row, by))
          )
        )
        if (outcome === 'key_gone') return outcome
        if (outcome !== 'inserted') throw conflict(outcome, terms.serialNumber)
        return row
      })
      directory.forget('subscriber', subscriberId)
      const { pinHash: _, ...issued } = credential
      return { ...issued, ...(pin?.made === true ? { pin: pin.value } : {}) }
    }
  }
}

/** A credential that is published at once has both events. */
function issuedEvents(row: Credential, actor: string): AuditEvent[] {
  const { id, subscriberId, provider, algorithm, serialNumber, notAfter, publishedAt, auth, scal } = row
  const about = { credentialID: id, subscriberId, provider }
  const issued = { ...about, algorithm, auth, scal, serialNumber, notAfter: notAfter.toISOString() }
  return [
    { type: 'credential.issued', actor, about: issued },
    ...(publishedAt === null ? [] : [{ type: 'credential.published', actor, about } as const])
  ]
}

interface Terms {
  validDays: number
  publish: boolean
  auth: CredentialAuth
  /** Null unless `auth` is `pin`. */
  pin: Pin | null
  scal: '1' | '2'
  multisign: number
  serialNumber: string
}

function readTerms(input: CredentialInput, newSerialNumber: () => string): Terms {
  const { validDays = validDaysDefault, multisign = multisignDefault, publish = false, serialNumber } = input
  const { auth = 'phone', scal = '2' } = input
  if (auth !== 'pin' && input.pin !== undefined) throw invalid('pin', 'is for auth pin alone')
  if (!Number.isInteger(validDays) || validDays < 1 || validDays > validDaysMax) {
    throw invalid('validDays', `must be a whole number from 1 to ${validDaysMax}`)
  }
  if (!Number.isInteger(multisign) || multisign < 1 || multisign > multisignMax) {
    throw invalid('multisign', `must be a whole number from 1 to ${multisignMax}`)
  }
  if (serialNumber !== undefined && !/^([0-9A-F]{2}){1,20}$/.test(serialNumber)) {
    throw invalid('serialNumber', 'must be upper-case hex of at most 20 octets')
  }
  return {
    validDays,
    multisign,
    publish,
    auth,
    pin: auth === 'pin' ? readPin(input.pin) : null,
    scal,
    serialNumber: serialNumber ?? newSerialNumber()
  }
}

function conflict(outcome: 'serial_taken' | 'too_many', serialNumber: string): ServiceError {
  return outcome === 'serial_taken'
    ? new ServiceError('state_conflict', `serial ${serialNumber} is taken`, {
        says: 'The provider has issued a certificate with this serial number.',
        field: 'serialNumber'
      })
    : new ServiceError('state_conflict', `more than ${credentialsMax} credentials`, {
        says: `The subscriber has ${credentialsMax} credentials, which is the limit.`
      })
}
