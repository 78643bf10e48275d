import { v7 as uuidv7 } from 'uuid'
import type { Audit, AuditEvent } from '../audit/audit.js'
import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'
import type { KeyAlgorithm, StoredKey } from '../hsm/hsm.js'
import type { Pki } from '../pki/pki.js'
import type { Seals } from '../store/seals.js'
import type { LocalDirectory } from './directory.js'
import type { Credential, Subscriber } from './enrolment.js'
import type { CredentialStore } from './needs.js'
import type { PendingKeys } from './pending-keys.js'
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
  /** How its use is authorized. So far `phone` alone. */
  auth?: 'phone' | 'pin' | 'otp' | 'oauth2code' | undefined
  /** Sole control assurance level. So far `2` alone. */
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
}

/** Key, certificate and row appear together or not at all. */
export function createIssuing(deps: IssuingDeps) {
  const { credentials, directory, pendingKeys, pki, seals, audit, now } = deps

  async function certified(subscriber: Subscriber, key: StoredKey, input: Terms): Promise<Credential> {
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
      auth: 'phone',
      scal: '2',
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
     * @throws ServiceError `not_found`, `request_invalid`, `not_offered` (auth, scal), `state_conflict` (a serial
     *   number that is taken, too many credentials), `hsm_unavailable`, `hsm_busy`, `database_unavailable`. Nothing
     *   stays behind then, but for a lost connection at the moment of writing.
     */
    async issueCredential(subscriberId: string, input: CredentialInput, by: string): Promise<Credential> {
      // Past the cache: what the certificate says is read when it is signed.
      directory.forget('subscriber', subscriberId)
      const subscriber = await directory.subscriber(subscriberId)
      if (subscriber === null) throw new ServiceError('not_found', `no subscriber ${subscriberId}`)
      const terms = readTerms(input, () => pki.newSerialNumber(subscriber.provider))
      const id = uuidv7({ msecs: now().getTime() })

      const credential = await pendingKeys.make(id, input.algorithm, async (key, pendingKey) => {
        const row = await certified(subscriber, key, terms)
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
      return credential
    }
  }
}

/** A credential that is published at once has both events. */
function issuedEvents(row: Credential, actor: string): AuditEvent[] {
  const { id, subscriberId, provider, algorithm, serialNumber, notAfter, publishedAt } = row
  const about = { credentialID: id, subscriberId, provider }
  const issued = { ...about, algorithm, serialNumber, notAfter: notAfter.toISOString() }
  return [
    { type: 'credential.issued', actor, about: issued },
    ...(publishedAt === null ? [] : [{ type: 'credential.published', actor, about } as const])
  ]
}

interface Terms {
  validDays: number
  publish: boolean
  multisign: number
  serialNumber: string
}

function readTerms(input: CredentialInput, newSerialNumber: () => string): Terms {
  const { validDays = validDaysDefault, multisign = multisignDefault, publish = false, serialNumber } = input
  if ((input.auth ?? 'phone') !== 'phone') throw notOffered('auth', `"${input.auth}"`)
  if ((input.scal ?? '2') !== '2') throw notOffered('scal', `"${input.scal}"`)
  if (!Number.isInteger(validDays) || validDays < 1 || validDays > validDaysMax) {
    throw invalid('validDays', `must be a whole number from 1 to ${validDaysMax}`)
  }
  if (!Number.isInteger(multisign) || multisign < 1 || multisign > multisignMax) {
    throw invalid('multisign', `must be a whole number from 1 to ${multisignMax}`)
  }
  if (serialNumber !== undefined && !/^([0-9A-F]{2}){1,20}$/.test(serialNumber)) {
    throw invalid('serialNumber', 'must be upper-case hex of at most 20 octets')
  }
  return { validDays, multisign, publish, serialNumber: serialNumber ?? newSerialNumber() }
}

function notOffered(field: string, value: string): ServiceError {
  return new ServiceError('not_offered', `${field} ${value}`, {
    says: `${field} ${value} is not offered yet.`,
    field
  })
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
