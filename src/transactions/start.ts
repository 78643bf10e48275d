import { hash } from 'node:crypto'
import type { Activations } from '../activation/activation.js'
import { ServiceError } from '../errors.js'
import type { NamedTransaction, TransactionStore } from './needs.js'
import type { Transaction, TransactionRequest } from './transaction.js'

/** What starting stands on. */
export interface StartDeps {
  store: Pick<TransactionStore, 'insert' | 'find' | 'findByName'>
  activations: Pick<Activations, 'ask'>
}

/** Says that another request came first under the same name; undoes the activation. */
class NameTaken extends Error {
  override readonly name = 'NameTaken'
}

/** See `Transactions.start`. */
export async function startTransaction(
  deps: StartDeps,
  request: TransactionRequest
): Promise<{ transaction: Transaction; repeated: boolean }> {
  const requestSha256 = fingerprint(request)
  const before = await named(deps, request)
  if (before !== null) return repeated(before, requestSha256)
  try {
    const { id } = await deps.activations.ask(
      {
        provider: request.provider,
        clientId: request.clientId,
        credentialId: request.credentialId,
        subscriberId: request.subscriberId,
        hash: 'SHA-256',
        digests: request.documents.map(({ digest }) => digest),
        numSignatures: request.documents.length,
        documentNames: request.documents.map(({ name }) => name),
        description: request.description
      },
      // With the activation or not at all: a name without a challenge would be taken and lead nowhere.
      async (database, { id, createdAt }) => {
        if (!(await deps.store.insert(database, { id, request, requestSha256, createdAt })))
          throw new NameTaken()
      }
    )
    const transaction = await deps.store.find(id)
    if (transaction === null) throw new ServiceError('internal', `transaction ${id} is gone`)
    return { transaction, repeated: false }
  } catch (error) {
    const winner = error instanceof NameTaken ? await named(deps, request) : null
    if (winner === null) throw error
    return repeated(winner, requestSha256)
  }
}

async function named({ store }: StartDeps, request: TransactionRequest): Promise<NamedTransaction | null> {
  return request.name === null ? null : store.findByName(request.name, request)
}

function repeated({ transaction, requestSha256 }: NamedTransaction, again: Uint8Array) {
  if (Buffer.compare(requestSha256, again) === 0) return { transaction, repeated: true }
  throw new ServiceError('transaction_taken', `${transaction.name ?? ''} is the name of ${transaction.id}`)
}

/** Of what makes it this request. How it was shown, and where its outcome goes, may be put in other words. */
function fingerprint({ dialect, subscriberId, credentialId, documents }: TransactionRequest): Uint8Array {
  const digests = documents.map(({ id, digest }) => [id, Buffer.from(digest).toString('base64')])
  return hash('sha256', JSON.stringify([dialect, subscriberId, credentialId, digests]), 'buffer')
}
