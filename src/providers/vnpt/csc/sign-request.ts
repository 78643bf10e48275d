import { Type } from 'typebox'
import type { RelyingParty } from '../../../access/access.js'
import { isCallbackAddress } from '../../../access/addresses.js'
import { descriptionMaxLength } from '../../../activation/ask.js'
import type { Transaction } from '../../../transactions/transaction.js'
import type { Findings } from '../../dialect/findings.js'
import { credentialId } from './credential.js'
import { envelopeOf, success } from './envelope.js'
import { smartCaCscId } from './paths.js'

/** Text that a database keeps and an answer repeats as it is: without control characters and halves of characters. */
const plainText = '^[^\\p{Cc}\\p{Cs}]+$'

/** What names a document; shown on the device. */
export const documentName = Type.String({ minLength: 1, maxLength: 200, pattern: plainText })

/** What both calls are sent that ask for signatures. */
export const signFields = {
  credentialId,
  refTranId: Type.String({
    minLength: 1,
    maxLength: 128,
    pattern: '^[!-~]+$',
    description: 'Of your own, new for each transaction'
  }),
  notifyUrl: Type.Optional(
    Type.String({
      maxLength: 512,
      description: 'A registered callback address; the outcome is posted there once'
    })
  ),
  description: Type.Optional(
    Type.String({ maxLength: descriptionMaxLength, description: 'Shown on the device' })
  )
}

/** What both of them answer. */
export const Accepted = envelopeOf(Type.Object({ tranId: Type.String() }))
export const accepted = ({ id }: Pick<Transaction, 'id'>) =>
  success({ tranId: id }, 'Chờ người dùng xác nhận')

/**
 * Where the outcome is posted; null: the relying party polls.
 * @throws ServiceError `request_invalid` for an address that is not registered, character for character.
 */
export function readNotifyUrl(address: string, party: RelyingParty, findings: Findings): string | null {
  if (address === '') return null
  if (isCallbackAddress(party, address)) return address
  return findings.refuse({
    code: 'notify_url_not_registered',
    field: 'notifyUrl',
    found: 'notifyUrl is no callback address that is registered for this relying party.',
    remedy: 'Send an address as it is registered, or none and ask gettraninfo.'
  })
}

/**
 * Whether a transaction of this name is already that of this person, credential and dialect: it is answered the same
 * whatever became of the credential since.
 */
export const isSame = (
  earlier: Transaction | null,
  { subscriberId, credentialId }: Pick<Transaction, 'subscriberId' | 'credentialId'>
): boolean =>
  earlier?.dialect === smartCaCscId &&
  earlier.subscriberId === subscriberId &&
  earlier.credentialId === credentialId
