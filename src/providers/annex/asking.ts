import type { FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import type { Credential, Subscriber } from '../../enrolment/enrolment.js'
import type { Transaction } from '../../transactions/transaction.js'
import type { DialectCaller } from '../dialect/caller.js'
import type { DialectDeps } from '../dialect/dialect.js'
import { type DigestForm, readDigest } from '../dialect/digest-text.js'
import type { Findings } from '../dialect/findings.js'
import { findSigner, requireSigner, type SignerDeps } from '../dialect/signer.js'
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
  /** Whether a request must carry a name of its own; where not, ours is the transaction's only one. */
  requiresName: boolean
  callbackUrl: string | null
  /** What is asked of the subscriber before the phone rings, once the request is known to be a right one. */
  prove?: (subscriber: Subscriber) => Promise<void>
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
  { provider, dialect, form, requiresName, callbackUrl, prove }: AnnexManners
): Promise<Transaction> {
  const name = nameOf(body.transaction_id, requiresName, findings)
  const documents = body.sign_files.map((file, index) => {
    requireHash(file.sign_type ?? 'hash', `sign_files[${index}].sign_type`, findings)
    const field = `sign_files[${index}].data_to_be_signed`
    return {
      id: file.doc_id,
      name: file.doc_id,
      digest: readDigest(file.data_to_be_signed, { form, field, findings })
    }
  })
  const serial = body.serial_number ?? ''
  const is = serial === '' ? null : hasSerial(serial)
  const earlier = name === null ? null : await deps.transactions.findByName(name, party)
  const { subscriber, credential } =
    (earlier && (await signerOf(earlier, deps, body.user_id, is))) ??
    (await requireSigner(deps, provider, body.user_id, is))
  await prove?.(subscriber)
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

/**
 * Whoever an earlier transaction is for, if a request under its name means the same: such a request is answered the
 * same whatever became of the credential since. Null: it means somebody else.
 */
async function signerOf(
  earlier: Transaction,
  deps: SignerDeps,
  login: string,
  is: ((credential: Credential) => boolean) | null
): Promise<{ subscriber: Subscriber; credential: Credential } | null> {
  const signer = await findSigner(deps, earlier.provider, login)
  const credential = signer?.credentials.find(({ id }) => id === earlier.credentialId)
  if (signer === null || credential === undefined || is?.(credential) === false) return null
  return { subscriber: signer.subscriber, credential }
}

/** Without a name, a request that is sent again is another one. */
function nameOf(name: string | undefined, required: boolean, findings: Findings): string | null {
  if (name !== undefined && name !== '') return name
  if (!required) return null
  return findings.refuse({
    code: 'transaction_id_missing',
    field: 'transaction_id',
    found: 'The transaction_id is missing or empty.',
    remedy: 'Send an id of your own, new for each transaction; the same id again is the same transaction.'
  })
}

function requireHash(signType: string, field: string, findings: Findings): void {
  if (signType === 'hash') return
  const found = 'Only sign_type "hash" is offered.'
  const remedy = 'Hash the document, and send its digest with sign_type "hash".'
  findings.refuse({ code: 'sign_type_not_offered', field, found, remedy }, 'not_offered')
}

/** Hexadecimal in whatever case and with whatever zeros before it. */
export const hasSerial =
  (serial: string) =>
  ({ serialNumber }: Pick<Credential, 'serialNumber'>): boolean =>
    bareSerial(serial) === bareSerial(serialNumber)

const bareSerial = (serial: string): string => serial.toLowerCase().replace(/^0+/, '')
