import { Type } from 'typebox'
import { ServiceError } from '../../../errors.js'
import type { Transaction } from '../../../transactions/transaction.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { callerOfToken } from './caller.js'
import { numberText, writeNumber } from './fields.js'
import { readSpelled } from './members.js'
import { mySignId } from './sign-hash.js'
import { signatureText } from './signature-text.js'
import { pendingStanding, type Standing, standingOf } from './states.js'

const Body = Type.Object(
  { transactionId: Type.Optional(Type.String({ maxLength: 256, description: 'As `signHash` answered it' })) },
  { examples: [{ transactionId: '019ab0c4-5d1e-7c3a-8f00-6b1f4f0c2d11' }] }
)

/** `requests/status` (§4.3): of the token's own user and relying party; all others are unknown (I6). */
export const requestStatus: DialectRoutes = async (
  app,
  { access, provider, quirk, transactions, ...deps }
) => {
  app.post(
    '/vtss/service/requests/status',
    {
      schema: {
        tags: ['Viettel MySign'],
        summary: 'How a transaction stands',
        body: Body,
        response: {
          200: Type.Object({
            status: numberText,
            description: Type.String(),
            signatures: Type.Union([Type.Array(Type.String()), Type.Null()])
          })
        }
      }
    },
    async (request) => {
      const { party, findings, subscriber } = await callerOfToken(request, { access, ...deps }, provider.id)
      const id = readSpelled(request.body, 'transactionId', findings)
      const transaction = await transactions.find(id, party)
      if (transaction?.dialect !== mySignId || transaction.subscriberId !== subscriber.id)
        throw new ServiceError('not_found', `no transaction ${id} of this user`, {
          says: 'There is no such transaction.',
          field: 'transactionId'
        })
      const { status, description } = standing(transaction, quirk)
      return {
        status: writeNumber(Number(status), quirk),
        description,
        signatures: transaction.signatures?.map((signature) => signatureText(signature, quirk)) ?? null
      }
    }
  )
}

function standing(transaction: Transaction, quirk: (name: string) => boolean): Standing {
  const pending = transaction.state === 'waiting' || transaction.state === 'signing'
  return pending && !quirk('viettel.pending-4000') ? pendingStanding : standingOf(transaction)
}
