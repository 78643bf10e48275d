import type { FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import type { Credential } from '../../enrolment/enrolment.js'
import { ServiceError } from '../../errors.js'
import type { Transaction } from '../../transactions/transaction.js'
import type { DialectCaller } from '../dialect/caller.js'
import type { DialectDeps } from '../dialect/dialect.js'
import { type DigestForm, readDigest } from '../dialect/digest-text.js'
import type { Findings } from '../dialect/findings.js'
import { requireSigner } from '../dialect/signer.js'
import type { SignFile, timeStamp } from './fields.js'

/** A request to sign as the annex dialects send it. */
export interface AnnexRequest {
  user_id: string
  transaction_id?: string
  transaction_desc?: string
  serial_number?: string
  time_stamp?: Static<typeof timeStamp>
  sign_files: readonly Static<typeof SignFile>[]
}

/** What tells one annex dialect from another. */
export interface AnnexManners {
  provider: string
  /** Name of the dialect. */
  dialect: string
  form: DigestForm
  callbackUrl: string | null
}

/**
 * Opens the transaction that a request asks for.
 * @throws ServiceError as `Transactions.start` and `requireSigner`.
 */
export async function askToSign(
  deps: Pick<DialectDeps, 'directory' | 'transactions' | 'now' | 'quirk'>,
  request: FastifyRequest,
  { party, findings }: DialectCaller,
  body: AnnexRequest,
  { provider, dialect, form, callbackUrl }: AnnexManners
): Promise<Transaction> {
  const name = requireName(body.transaction_id, findings)
  const documents = body.sign_files.map((file, index) => {
    if ((file.sign_type ?? 'hash') !== 'hash')
      throw new ServiceError('not_offered', `sign_type ${file.sign_type}`, {
        says: 'Only sign_type "hash" is offered: hash the document and send its digest.',
        field: `sign_files[${index}].sign_type`
      })
    const field = `sign_files[${index}].data_to_be_signed`
    return {
      id: file.doc_id,
      name: file.doc_id,
      digest: readDigest(file.data_to_be_signed, { form, field, findings })
    }
  })
  const serial = body.serial_number ?? ''
  const { subscriber, credential } = await requireSigner(
    deps,
    provider,
    body.user_id,
    serial === '' ? null : hasSerial(serial)
  )
  const { transaction } = await deps.transactions.start({
    provider,
    clientId: party.clientId,
    dialect,
    name,
    requestId: request.id,
    subscriberId: subscriber.id,
    credentialId: credential.id,
    documents,
    description: body.transaction_desc ?? '',
    callbackUrl,
    details: {}
  })
  return transaction
}

/** Without a name, a request that is sent again would be another one. */
function requireName(name: string | undefined, findings: Findings): string {
  if (name !== undefined && name !== '') return name
  return findings.refuse({
    code: 'transaction_id_missing',
    field: 'transaction_id',
    found: 'The transaction_id is missing or empty.',
    remedy: 'Send an id of your own, new for each transaction; the same id again is the same transaction.'
  })
}

/** Hexadecimal in whatever case and with whatever zeros before it. */
export const hasSerial =
  (serial: string) =>
  ({ serialNumber }: Pick<Credential, 'serialNumber'>): boolean =>
    bareSerial(serial) === bareSerial(serialNumber)

const bareSerial = (serial: string): string => serial.toLowerCase().replace(/^0+/, '')
