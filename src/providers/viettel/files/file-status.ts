import { Type } from 'typebox'
import { ServiceError } from '../../../errors.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { callerOfToken } from '../mysign/caller.js'
import { readSpelled } from '../mysign/members.js'
import { gateway } from '../mysign/paths.js'
import { mySignId } from '../mysign/sign-hash.js'
import { standingOf } from '../mysign/states.js'
import { fileId, placeOf } from './file-id.js'

const Body = Type.Object(
  {
    file_id: fileId,
    transactionId: Type.Optional(
      Type.String({ maxLength: 256, description: 'As external/signing answered it' })
    )
  },
  {
    examples: [
      {
        file_id: 'q1Zk3u8Yw2hT5nB7cX9vL0mR4sD6fG1jK3pQ8aE2oIU',
        transactionId: '019ab0c4-5d1e-7c3a-8f00-6b1f4f0c2d11'
      }
    ]
  }
)

/** `external/file/status` (§4.3): where a file stands, and where the signed one is. */
export const fileStatus: DialectRoutes = async (
  app,
  { access, provider, transactions, publicUrl, ...deps }
) => {
  app.post(
    `${gateway}/external/file/status`,
    {
      schema: {
        tags: ['Viettel MySign files'],
        summary: 'How the signature in a file stands',
        body: Body,
        response: {
          200: Type.Object({
            status: Type.Integer({ description: 'As in requests/status, here always a number' }),
            message: Type.String(),
            url: Type.Union([Type.String(), Type.Null()], { description: 'Of the signed file, once it is' })
          })
        }
      }
    },
    async (request) => {
      const { party, findings, subscriber } = await callerOfToken(request, { access, ...deps }, provider.id)
      const id = readSpelled(request.body, 'transactionId', findings)
      const { file_id } = request.body
      const transaction = await transactions.find(id, party)
      if (
        transaction?.dialect !== mySignId ||
        transaction.subscriberId !== subscriber.id ||
        placeOf(transaction, file_id) === null
      )
        throw new ServiceError('not_found', `no transaction ${id} of this user with this file`, {
          says: 'There is no such transaction, or the file is none of its files.',
          field: 'transactionId'
        })
      const { status, description } = standingOf(transaction)
      const url = `${publicUrl}/${provider.id}${gateway}/external/download/${file_id}`
      return {
        status: Number(status),
        message: description,
        url: transaction.signatures === null ? null : url
      }
    }
  )
}
