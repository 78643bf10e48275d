import { ServiceError } from '../errors.js'
import type { Secrets } from '../hsm/hsm.js'
import { newSecret } from './client-secret.js'
import type { RelyingPartyRecord } from './needs.js'

/** Characters of a secret for `callbackAuthUrl`, at most. */
export const callbackAuthSecretMax = 256

const form = new RegExp(`^\\P{Cc}{1,${callbackAuthSecretMax}}$`, 'u')

/** The row as far as it decides where and with what we prove ourselves. */
type Place = Pick<RelyingPartyRecord, 'provider' | 'clientId' | 'callbackAuthUrl' | 'callbackAuthSecret'>

/** What is to be kept after a change. */
export interface CallbackSecret {
  encrypted: Uint8Array | null
  /** Made here, in clear; null: it was given, or stays. */
  made: string | null
  /** Whether it is another one than before. */
  replaced: boolean
}

/**
 * The secret after a change: the one given; with an address that is new and came without one, a fresh one, since the
 * old one was for the old address; none without an address.
 * @throws ServiceError `request_invalid`, `hsm_unavailable`.
 */
export async function callbackSecretOf(
  present: Place,
  change: { callbackAuthUrl?: string | null; callbackAuthSecret?: string },
  secrets: Pick<Secrets, 'encrypt'>
): Promise<CallbackSecret> {
  const { callbackAuthUrl: url = present.callbackAuthUrl, callbackAuthSecret: given } = change
  if (given !== undefined && url === null) refuse('A secret is for a callbackAuthUrl, and there is none.')
  if (url === null) return { encrypted: null, made: null, replaced: false }
  if (given !== undefined && !form.test(given))
    refuse(`A secret has 1 to ${callbackAuthSecretMax} characters, none of them a control character.`)
  if (given === undefined && url === present.callbackAuthUrl && present.callbackAuthSecret !== null)
    return { encrypted: present.callbackAuthSecret, made: null, replaced: false }
  const made = given === undefined ? newSecret() : null
  const encrypted = await secrets.encrypt(Buffer.from(given ?? made ?? '', 'utf8'), placeOf(present))
  return { encrypted, made, replaced: true }
}

/** @throws ServiceError `integrity_broken` when it is missing or not this row's, `hsm_unavailable`. */
export async function decryptCallbackSecret(
  record: Place,
  secrets: Pick<Secrets, 'decrypt'>
): Promise<string> {
  if (record.callbackAuthSecret === null)
    throw new ServiceError('integrity_broken', `${placeOf(record)} is missing`)
  const plain = await secrets.decrypt(record.callbackAuthSecret, placeOf(record))
  return Buffer.from(plain).toString('utf8')
}

const placeOf = ({ provider, clientId }: Place): string =>
  `relying_parties/${provider}/${clientId}/callback_auth_secret`

function refuse(says: string): never {
  throw new ServiceError('request_invalid', says, { says, field: 'callbackAuthSecret' })
}
