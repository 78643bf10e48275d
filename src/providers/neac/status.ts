import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { ServiceError } from '../../errors.js'
import { annexEnded } from '../annex/envelope.js'
import { ownName, spFields, userId } from '../annex/fields.js'
import { signatureItems } from '../annex/signature-items.js'
import { stateMessages } from '../annex/state-messages.js'
import { authenticate } from '../dialect/caller.js'
import { caName, providerOf } from './authority.js'
import type { GatewayOptions } from './gateway.js'
import { gatewayId } from './paths.js'

const Body = Type.Object(
  {
    ...spFields,
    user_id: Type.Optional(Type.Union([Type.Literal(''), userId])),
    ca_name: caName,
    transaction_id: ownName('As in `sign`')
  },
  {
    examples: [
      {
        sp_id: 'dvctt',
        sp_password: 'dvctt-secret',
        ca_name: 'CA2',
        transaction_id: '3c0c27a3-4d0a-4c43-8e4b-5b8f7f0a9d21'
      }
    ]
  }
)

/** `/sign_v2/status`: not among the calls that are known (§7), but without it nobody learns the result. */
export const status: FastifyPluginAsyncTypebox<GatewayOptions> = async (app, options) => {
  app.post(
    '/sign_v2/status',
    { schema: { tags: ['NEAC gateway'], summary: 'How a transaction stands', body: Body } },
    async (request, reply) => {
      const { sp_id, sp_password, ca_name, transaction_id } = request.body
      const provider = providerOf(ca_name, options).id
      const of = { provider, clientId: sp_id, clientSecret: sp_password }
      const { party } = await authenticate(request, options.access, of)
      const { transactions } = options
      const transaction =
        (await transactions.findByName(transaction_id, party)) ??
        (await transactions.find(transaction_id, party))
      // One that was asked for at the CA itself is asked about there, with what that CA asks for besides.
      if (transaction?.dialect !== gatewayId)
        throw new ServiceError('not_found', `no transaction ${transaction_id}`, {
          says: 'There is no such transaction.'
        })
      const { state } = transaction
      if (state === 'cancelled' || state === 'failed') {
        const { status, body } = state === 'failed' ? annexEnded.failed : annexEnded.unusable
        reply.code(status)
        return body
      }
      const data = {
        transaction_id: transaction.name ?? transaction.id,
        signatures: signatureItems(transaction)
      }
      return { status_code: 200, message: stateMessages[state], data }
    }
  )
}
