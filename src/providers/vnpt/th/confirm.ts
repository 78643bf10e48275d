import { Type } from 'typebox'
import { ServiceError } from '../../../errors.js'
import { annexEnded } from '../../annex/envelope.js'
import { ownName, spFields, userId } from '../../annex/fields.js'
import { signatureItems } from '../../annex/signature-items.js'
import { stateMessages } from '../../annex/state-messages.js'
import { authenticate } from '../../dialect/caller.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { waitForEnd } from '../../dialect/waiting.js'
import { thPath } from './paths.js'
import { password, requirePassword } from './person.js'
import { expiredIn, sadEnd } from './sad.js'

const Body = Type.Object(
  {
    ...spFields,
    user_id: userId,
    password,
    sad: Type.String({ minLength: 1, maxLength: 4096, description: 'As `sign` answered it' }),
    transaction_id: ownName('As in `sign`')
  },
  {
    examples: [
      {
        sp_id: 'dvctt',
        sp_password: 'dvctt-secret',
        user_id: '001088035895',
        password: 'vnpt-demo',
        sad: 'eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiIwMTlhIn0.c2ln',
        transaction_id: '6f8a3c52-8f0b-4a39-9d5c-2f3f6b1c7e11'
      }
    ]
  }
)

/**
 * `/v2/signatures/confirm` (§3.2): answers once the subscriber has confirmed on the phone, or has not. It may be called
 * again as long as the `sad` is good, and answers the same.
 */
export const confirm: DialectRoutes = async (app, { access, provider, logins, ...deps }) => {
  const { directory, transactions, sads, now } = deps
  app.post(
    `${thPath}/confirm`,
    {
      schema: {
        tags: ['VNPT SmartCA TH'],
        summary: 'Wait for the signatures of a transaction, by its sad',
        body: Body
      }
    },
    async (request, reply) => {
      const { sp_id, sp_password, user_id, password, sad, transaction_id } = request.body
      const { party } = await authenticate(request, access, {
        provider: provider.id,
        clientId: sp_id,
        clientSecret: sp_password
      })
      const asked = await transactions.findByName(transaction_id, party)
      const signer = await directory.subscriberByLogin(provider.id, user_id)
      const known = asked?.dialect === 'th' && asked.subscriberId === signer?.id
      if (asked === null || !known || !(await sads.isSadOf(asked, sadEnd(asked), sad)))
        throw new ServiceError('sad_invalid', `no transaction ${transaction_id} with this sad`, {
          says: 'The sad is not that of this transaction and user_id, or there is no such transaction.',
          field: 'sad'
        })
      if (now() >= sadEnd(asked)) throw new ServiceError('sad_expired', `the sad of ${asked.id} is over`)
      await requirePassword(logins, { provider: provider.id, clientId: sp_id, login: user_id, password })

      const transaction = await waitForEnd(deps, asked, reply)
      const { state } = transaction
      if (state === 'cancelled' || state === 'failed') {
        const { status, body } = state === 'failed' ? annexEnded.failed : annexEnded.unusable
        reply.code(status)
        return body
      }
      return {
        status_code: 200,
        message: state === 'signed' ? 'Success' : stateMessages[state],
        data: {
          transaction_id: transaction.name ?? transaction.id,
          expired_in: expiredIn(transaction, now),
          signatures: signatureItems(transaction)
        }
      }
    }
  )
}
