import { Type } from 'typebox'
import { ServiceError } from '../../../errors.js'
import { ownName, spFields, userId } from '../../annex/fields.js'
import { authenticate } from '../../dialect/caller.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { ca2Id, pathsOf } from './paths.js'
import { statusAnswer } from './status-answer.js'

const Body = Type.Object(
  {
    ...spFields,
    user_id: Type.Optional(Type.Union([Type.Literal(''), userId])),
    transaction_id: ownName('As in `sign`')
  },
  {
    examples: [
      {
        sp_id: 'dvctt',
        sp_password: 'dvctt-secret',
        user_id: '036090001234',
        transaction_id: '8a1b3a0e-6f1f-4a54-9d0a-8f6f2c9d7b10'
      }
    ]
  }
)

/** Dialects whose transactions are asked for here: the gateway's are the CA's own. Those of others are asked for there. */
const answered: ReadonlySet<string> = new Set([ca2Id, 'neac'])

/** `status` (§6.1): 200 with an empty value for each document as long as the subscriber has not answered. */
export const status: DialectRoutes = async (app, { access, provider, transactions, directory, quirk }) => {
  for (const path of pathsOf('status')) {
    app.post(
      path,
      { schema: { tags: ['Nacencomm CA2'], summary: 'How a transaction stands', body: Body } },
      async (request, reply) => {
        const { sp_id, sp_password, user_id = '', transaction_id } = request.body
        const { party } = await authenticate(request, access, {
          provider: provider.id,
          clientId: sp_id,
          clientSecret: sp_password
        })
        const transaction = await transactions.findByName(transaction_id, party)
        const signer = user_id === '' ? null : await directory.subscriberByLogin(provider.id, user_id)
        const known = transaction !== null && answered.has(transaction.dialect)
        if (!known || (user_id !== '' && signer?.id !== transaction.subscriberId))
          throw new ServiceError('not_found', `no transaction ${transaction_id} of this subscriber`, {
            says: 'There is no such transaction.'
          })
        const { status, body } = statusAnswer(transaction, quirk)
        reply.code(status)
        return { sp_id, ...body }
      }
    )
  }
}
