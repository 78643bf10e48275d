import { Type } from 'typebox'
import { ServiceError } from '../../../errors.js'
import { authenticate } from '../../dialect/caller.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { findSigner } from '../../dialect/signer.js'
import { audience } from './caller.js'
import { clientFields, profileId, userId } from './fields.js'
import { TokenAnswer, tokenAnswer } from './token-answer.js'

const Body = Type.Object(
  { ...clientFields, user_id: userId, profile_id: profileId },
  {
    examples: [
      {
        client_id: 'dvctt',
        client_secret: 'dvctt-secret',
        user_id: 'CMT_0123456789',
        profile_id: 'adss:ras:profile:001'
      }
    ]
  }
)

/** `ras/v1/login` (§4.2): a token for one subscriber, of whom no password is asked. It lets nobody sign. */
export const login: DialectRoutes = async (app, { access, provider, quirk, ...deps }) => {
  app.post(
    '/v1/login',
    {
      schema: {
        tags: ['Viettel MySign'],
        summary: 'An access token for one subscriber',
        body: Body,
        response: { 200: TokenAnswer }
      }
    },
    async (request) => {
      const { client_id: clientId, client_secret: clientSecret, user_id } = request.body
      await authenticate(request, access, { provider: provider.id, clientId, clientSecret })
      const signer = await findSigner({ ...deps, quirk }, provider.id, user_id)
      // Somebody who has nothing to sign with looks like nobody, as in every dialect (I6).
      if (signer === null || signer.credentials.length === 0)
        throw new ServiceError('not_found', 'nobody signs under this name', {
          says: 'The user id is not known.',
          field: 'user_id'
        })
      const subscriberId = signer.subscriber.id
      const grant = { provider: provider.id, audience, clientId, subscriberId, scope: 'sign' }
      return tokenAnswer(await access.issueToken(grant), quirk)
    }
  )
}
