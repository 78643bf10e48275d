import { Type } from 'typebox'
import { ServiceError } from '../../../errors.js'
import type { Transaction } from '../../../transactions/transaction.js'
import { annexEnded } from '../../annex/envelope.js'
import { spFields } from '../../annex/fields.js'
import { signatureItems } from '../../annex/signature-items.js'
import { stateMessages } from '../../annex/state-messages.js'
import { authenticate } from '../../dialect/caller.js'
import type { DialectRoutes } from '../../dialect/dialect.js'

const Body = Type.Optional(
  Type.Union(
    [
      Type.Object({
        sp_id: Type.Optional(spFields.sp_id),
        sp_password: Type.Optional(spFields.sp_password)
      }),
      Type.Null()
    ],
    { examples: [{ sp_id: 'dvctt', sp_password: 'dvctt-secret' }] }
  )
)
const Params = Type.Object({
  tranId: Type.String({ minLength: 1, maxLength: 128, description: 'transaction_id or tran_code' })
})

/** Dialects whose transactions are asked for here; those of others are only for who proves more than an id. */
const answered: ReadonlySet<string> = new Set(['sp769', 'th'])

/**
 * `/v1/signatures/sign/{tranId}/status` (§3.1.3). Clients call it without saying who they are: then the id is the
 * secret, and must be our own or a UUID that one relying party alone has used. Credentials that are sent are checked.
 */
export const status: DialectRoutes = async (app, { access, provider, transactions }) => {
  app.post(
    '/sca/sp769/v1/signatures/sign/:tranId/status',
    {
      schema: {
        tags: ['VNPT sp769'],
        summary: 'How a transaction stands',
        params: Params,
        body: Body
      }
    },
    async (request, reply) => {
      const { tranId } = request.params
      const { sp_id: clientId, sp_password: clientSecret } = request.body ?? {}
      let transaction: Transaction | null
      if (clientId === undefined && clientSecret === undefined) {
        transaction = await transactions.findUnowned(tranId, provider.id)
      } else {
        const of = { provider: provider.id, clientId: clientId ?? '', clientSecret: clientSecret ?? '' }
        const { party } = await authenticate(request, access, of)
        transaction =
          (await transactions.findByName(tranId, party)) ?? (await transactions.find(tranId, party))
      }
      if (transaction === null || !answered.has(transaction.dialect))
        throw new ServiceError('not_found', `no transaction ${tranId}`, {
          says: 'There is no such transaction.'
        })
      return answer(transaction, reply)
    }
  )
}

function answer(transaction: Transaction, reply: { code(status: number): unknown }) {
  const { state } = transaction
  if (state === 'cancelled' || state === 'failed') {
    const { status, body } = state === 'failed' ? annexEnded.failed : annexEnded.unusable
    reply.code(status)
    return body
  }
  return {
    status_code: 200,
    message: stateMessages[state],
    data: { transaction_id: transaction.name ?? transaction.id, signatures: signatureItems(transaction) }
  }
}
