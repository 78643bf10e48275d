import type { RelyingParty } from '../../access/access.js'
import type { Credential } from '../../enrolment/enrolment.js'
import { ServiceError } from '../../errors.js'
import type { Transaction } from '../../transactions/transaction.js'
import type { DialectDeps } from '../dialect/dialect.js'
import { prepareFile, type SentFile } from '../dialect/prepare-file.js'
import { findSigner, requireSigner } from '../dialect/signer.js'
import { isOverFiles, type KeptFile } from '../dialect/whole-files.js'
import { gatewayId } from './paths.js'

/** A request to sign files, read and decoded. */
export interface FileRequest {
  owner: RelyingParty
  name: string | null
  requestId: string
  /** Of the subscriber. */
  login: string
  /** Tells the credential that was named; null: none was. */
  is: ((credential: Credential) => boolean) | null
  files: readonly (SentFile & { id: string })[]
  description: string
}

type Deps = Pick<DialectDeps, 'transactions' | 'documents' | 'directory' | 'pki' | 'now' | 'quirk'>

/**
 * Gives the files a place for their signatures, and asks the subscriber; the same request again under the same name is
 * the same transaction.
 * @throws ServiceError as `requireSigner`, `Documents.prepare` and `Transactions.start`.
 */
export async function openFileTransaction(deps: Deps, request: FileRequest): Promise<Transaction> {
  const earlier = await repeated(deps, request)
  if (earlier !== null) return earlier
  const { owner, files, name, requestId, description } = request
  const { subscriber, credential } = await requireSigner(deps, owner.provider, request.login, request.is)
  const by = { signerName: deps.pki.describe(credential.certificate).commonName, signedAt: deps.now() }
  const kept: KeptFile[] = []
  const documents: { id: string; name: string; digest: Uint8Array }[] = []
  for (const file of files) {
    const made = await prepareFile(deps.documents, owner, credential, file, by)
    kept.push(made.kept)
    documents.push({ id: file.id, name: file.name, digest: made.prepared.digest })
  }
  try {
    const { transaction } = await deps.transactions.start({
      provider: owner.provider,
      clientId: owner.clientId,
      dialect: gatewayId,
      name,
      requestId,
      subscriberId: subscriber.id,
      credentialId: credential.id,
      documents,
      description,
      callbackUrl: null,
      details: { files: kept }
    })
    return transaction
  } catch (error) {
    // The same request came at the same moment.
    const taken = error instanceof ServiceError && error.code === 'transaction_taken'
    const winner = taken ? await repeated(deps, request) : null
    if (winner === null) throw error
    return winner
  }
}

/**
 * The transaction that the same request opened before, whatever became of the credential since.
 * @throws ServiceError `transaction_taken`.
 */
async function repeated(
  deps: Deps,
  { name, owner, login, is, files }: FileRequest
): Promise<Transaction | null> {
  const earlier = name === null ? null : await deps.transactions.findByName(name, owner)
  if (earlier === null) return null
  const signer = await findSigner(deps, owner.provider, login)
  const credential = signer?.credentials.find(({ id }) => id === earlier.credentialId)
  const same = earlier.dialect === gatewayId && isOverFiles(earlier, files)
  if (same && credential !== undefined && is?.(credential) !== false) return earlier
  throw new ServiceError('transaction_taken', `${name} is the name of ${earlier.id}`, {
    field: 'transaction_id'
  })
}
