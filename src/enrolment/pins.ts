import { randomInt } from 'node:crypto'
import type { Audit } from '../audit/audit.js'
import { ServiceError } from '../errors.js'
import type { Seals } from '../store/seals.js'
import type { LocalDirectory } from './directory.js'
import type { CredentialStore } from './needs.js'
import { credentialFields } from './sealed-fields.js'
import { invalid } from './texts.js'

/** How often a change is tried again because another came first. */
const attemptsMax = 5
/** Digits of a PIN that is made here. */
const madeDigits = 6

/** A PIN on its way to being hashed. */
export interface Pin {
  value: string
  /** Whether it was made here, so that somebody has to be told. */
  made: boolean
}

/**
 * What the operator chose, or six digits.
 * @throws ServiceError `request_invalid`.
 */
export function readPin(given: string | undefined): Pin {
  if (given === undefined) {
    return { value: String(randomInt(10 ** madeDigits)).padStart(madeDigits, '0'), made: true }
  }
  if (!/^[!-~]{4,32}$/.test(given)) throw invalid('pin', 'must have 4 to 32 visible ASCII characters')
  return { value: given, made: false }
}

/** What PINs of credentials stand on. */
export interface PinsDeps {
  credentials: Pick<CredentialStore, 'changePin'>
  directory: Pick<LocalDirectory, 'credentialRecord' | 'forget'>
  seals: Seals
  audit: Audit
  /** @throws ServiceError `too_many_requests`. */
  hashPassword: (password: string) => Promise<string>
}

/** The PIN of a credential that asks for one. */
export function createPins({ credentials, directory, seals, audit, hashPassword }: PinsDeps) {
  return {
    /**
     * Sets another PIN; the one before is refused from now on.
     * @param given Null: six digits are made.
     * @returns The PIN if it was made here, which is the only time it is told; else null.
     * @throws ServiceError `not_found`, `request_invalid`, `state_conflict` (the credential has no PIN, or changes
     *   constantly), `too_many_requests`, `integrity_broken`.
     */
    async setPin(credentialId: string, given: string | null, by: string): Promise<string | null> {
      const pin = readPin(given ?? undefined)
      for (let attempt = 0, pinHash = ''; attempt < attemptsMax; attempt += 1) {
        const present = await directory.credentialRecord(credentialId)
        if (present === null) throw new ServiceError('not_found', `no credential ${credentialId}`)
        const { auth, subscriberId, provider } = present
        if (auth !== 'pin')
          throw new ServiceError('state_conflict', `${credentialId} has auth ${auth}`, {
            says: `The credential asks for no PIN: its auth is ${auth}.`,
            state: auth
          })
        pinHash ||= await hashPassword(pin.value)
        const row = { ...present, pinHash, version: present.version + 1 }
        const seal = await seals.seal('credentials', credentialFields(row))
        const about = { credentialID: credentialId, subscriberId, provider }
        const changed = await audit.recordWith((record) =>
          credentials.changePin({ row, seal }, (transaction) =>
            record(transaction, { type: 'credential.pin-set', actor: by, about })
          )
        )
        directory.forget('credential', credentialId)
        if (changed) return pin.made ? pin.value : null
      }
      throw new ServiceError('state_conflict', `${credentialId} changed ${attemptsMax} times meanwhile`, {
        says: 'The credential is being changed by others; try again.',
        retryAfterS: 1
      })
    }
  }
}
