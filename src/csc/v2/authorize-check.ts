import { Type } from 'typebox'
import { ServiceError } from '../../errors.js'
import { grantOf, requireToken } from '../bearer.js'
import type { ApiRoutes } from '../deps.js'
import { parameter, visible } from '../validation.js'

const Body = Type.Object({
  handle: parameter(
    Type.String({
      minLength: 1,
      maxLength: 64,
      pattern: visible,
      examples: ['01a2031c-2768-74eb-956a-c94961d72d52']
    }),
    {
      type: 'Invalid parameter handle'
    }
  )
})
const Pending = Type.Object({ handle: Type.String() })
const Authorized = Type.Object({
  SAD: Type.String({ description: 'Signature activation data; replaces one answered earlier.' }),
  expiresIn: Type.Integer({ description: 'Seconds.' })
})

/** `credentials/authorizeCheck`, CSC API v2 §11.7: 202 while the subscriber has not answered, then the SAD. */
export const authorizeCheck: ApiRoutes = async (app, { provider, audience, access, activations }) => {
  app.post(
    '/credentials/authorizeCheck',
    {
      onRequest: requireToken(access, provider.id, audience),
      config: { named: 'handle' },
      schema: {
        tags: ['CSC v2'],
        summary: 'Has the subscriber confirmed?',
        description: 'CSC API v2 §11.7.',
        body: Body,
        response: { 200: Authorized, 202: Pending }
      }
    },
    async (request, reply) => {
      const { handle } = request.body
      const { clientId, subscriberId } = grantOf(request)
      try {
        const { sad, expiresInS } = await activations.issueSad({
          provider: provider.id,
          clientId,
          subscriberId,
          activationId: handle
        })
        return { SAD: sad, expiresIn: expiresInS }
      } catch (error) {
        if (!(error instanceof ServiceError) || error.code !== 'activation_waiting') throw error
        return reply.code(202).send({ handle })
      }
    }
  )
}
