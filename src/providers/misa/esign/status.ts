import { Type } from 'typebox'
import { ServiceError } from '../../../errors.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { callerOf } from './client.js'
import { guid } from './guid.js'
import { signingPath } from './paths.js'
import { subscriberOf } from './signer-token.js'
import { statusAnswer } from './status-answer.js'

const NullableText = Type.Union([Type.String(), Type.Null()])

/** `Signing/status/{transactionId}` (§5.5), for the person and the relying party that asked. */
export const status: DialectRoutes = async (app, { transactions }) => {
  app.get(
    `${signingPath}/status/:transactionId`,
    {
      schema: {
        tags: ['MISA eSign'],
        summary: 'How a transaction stands',
        params: Type.Object({ transactionId: guid('Of the call that asked for signatures') }),
        response: {
          200: Type.Object({
            transactionId: Type.String(),
            status: Type.String({ description: 'PENDING, SUCCESS or FAILED' }),
            errorCode: NullableText,
            errorDescription: NullableText,
            signatures: Type.Union([
              Type.Array(Type.Object({ documentId: Type.String(), signature: Type.String() })),
              Type.Null()
            ]),
            extraData: Type.Null()
          })
        }
      }
    },
    async (request) => {
      const { transactionId } = request.params
      const transaction = await transactions.find(transactionId, callerOf(request).party)
      const { id } = subscriberOf(request)
      if (transaction === null || transaction.dialect !== 'esign' || transaction.subscriberId !== id)
        throw new ServiceError('not_found', `no transaction ${transactionId} of this subscriber`, {
          says: 'There is no such transaction.'
        })
      return { ...statusAnswer(transaction), extraData: null }
    }
  )
}
