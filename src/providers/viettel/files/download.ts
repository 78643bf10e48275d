import { Type } from 'typebox'
import { ServiceError } from '../../../errors.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { callerOfToken } from '../mysign/caller.js'
import { gateway } from '../mysign/paths.js'
import { failureOf, standingOf } from '../mysign/states.js'
import { fileId, placeOf } from './file-id.js'

const Params = Type.Object({ file_id: fileId })

/** `external/download` (§4.3): the signed PDF, for whom it was uploaded. */
export const download: DialectRoutes = async (
  app,
  { access, provider, uploads, documents, transactions, pki, ...deps }
) => {
  app.get(
    `${gateway}/external/download/:file_id`,
    {
      schema: {
        tags: ['Viettel MySign files'],
        summary: 'The signed PDF',
        params: Params,
        response: {
          200: {
            description: 'PDF',
            content: {
              'application/pdf': { schema: Type.Unsafe<Buffer>({ type: 'string', format: 'binary' }) }
            }
          }
        }
      }
    },
    async (request, reply) => {
      const { party, subscriber } = await callerOfToken(request, { access, ...deps }, provider.id)
      const { file_id } = request.params
      const owner = { provider: provider.id, clientId: party.clientId, subscriberId: subscriber.id }
      const transactionId = await uploads.transactionOf(owner, file_id)
      const transaction = transactionId === null ? null : await transactions.find(transactionId, party)
      const place = transaction === null ? null : placeOf(transaction, file_id)
      if (transaction === null || place === null || transaction.subscriberId !== subscriber.id)
        throw notFound('no file of this name was asked a signature for')
      const signature = transaction.signatures?.[place.index]
      if (signature === undefined) {
        const { status, description: says } = standingOf(transaction)
        const code = status === '1' ? 'internal' : failureOf[status]
        throw new ServiceError(code, `transaction ${transaction.id} is ${transaction.state}`, { says })
      }
      const prepared = await documents.find(party, { id: place.documentId })
      if (prepared === null) throw notFound('the document is not kept any more')
      const signed = documents.complete(prepared, signature, pki.chain(provider.id))
      return reply
        .type('application/pdf')
        .header('content-disposition', 'attachment')
        .send(Buffer.from(signed))
    }
  )
}

const notFound = (message: string) =>
  new ServiceError('not_found', message, {
    says: 'There is no such file: one is kept for an hour, and signed by external/signing.',
    field: 'file_id'
  })
