import { Type } from 'typebox'
import { grantOf, requireToken } from '../bearer.js'
import type { ApiRoutes } from '../deps.js'
import { invalidRequest } from '../faults.js'
import { requiredText } from '../v1/words.js'
import { missing, parameter } from '../validation.js'

const Body = Type.Object({
  token: parameter(
    Type.String({
      minLength: 1,
      maxLength: 4096,
      examples: ['Jx0c6Y2G1b5kq0m3n8s4t7v9wAzBdEfHiKlMoPrQuSw']
    }),
    {
      type: missing('string', 'token'),
      minLength: 'Invalid string parameter token',
      maxLength: 'Invalid string parameter token'
    }
  ),
  token_type_hint: Type.Optional(
    parameter(Type.Enum(['access_token', 'refresh_token']), {
      type: 'Invalid string parameter token_type_hint'
    })
  ),
  clientData: Type.Optional(
    parameter(Type.String({ maxLength: 4096 }), { type: 'Invalid parameter clientData' })
  )
})

/**
 * `auth/revoke`, CSC API v1 and v2 §11.3: ends a token of the relying party whose token stands in the header, of
 * auth/login as of OAuth 2.0; with a refresh token all access tokens of its grant. The hint is not needed.
 */
export const revoke: ApiRoutes = async (app, { provider, audience, access, oauth }) => {
  const v1 = audience === 'csc/v1'
  app.post(
    '/auth/revoke',
    {
      onRequest: v1
        ? requireToken(access, provider.id, audience, requiredText)
        : requireToken(access, provider.id, audience),
      schema: {
        tags: [v1 ? 'CSC v1' : 'CSC v2'],
        summary: 'End a token',
        description: 'CSC API v1 and v2 §11.3. With a refresh token all access tokens of its grant end.',
        body: Body,
        response: { 204: Type.Null() }
      }
    },
    async (request, reply) => {
      const { clientId } = grantOf(request)
      const ended = await oauth.revoke({ provider: provider.id, audience, clientId }, request.body.token)
      if (!ended) throw invalidRequest('Invalid string parameter token')
      return reply.code(204).send(null)
    }
  )
}
