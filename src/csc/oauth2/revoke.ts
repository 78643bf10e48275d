import { Type } from 'typebox'
import type { ApiRoutes } from '../deps.js'
import { invalidRequest } from '../faults.js'
import { authenticateClient } from './client.js'
import { invalidParameter, missingParameter, type Parameters, takeForms } from './form.js'
import { tagOf, versionOf } from './version.js'

/** The longest form read here, in octets. */
const formLimit = 16 * 1024

const Form = Type.Object({
  token: Type.Optional(
    Type.String({
      description: 'An access token, a refresh token or a SAD.',
      examples: ['Jx0c6Y2G1b5kq0m3n8s4t7v9wAzBdEfHiKlMoPrQuSw']
    })
  ),
  token_type_hint: Type.Optional(Type.String({ description: 'access_token or refresh_token; not needed.' })),
  client_id: Type.Optional(Type.String()),
  client_secret: Type.Optional(Type.String())
})

/**
 * `oauth2/revoke`, CSC API v1 §8.3.4 and v2 §8.4.5. Unlike RFC 7009 it answers 204, and 400 for what is no token of this
 * relying party. A refresh token takes all access tokens of its grant with it.
 */
export const revoke: ApiRoutes = async (app, { provider, audience, access, oauth, lenient }) => {
  takeForms(app, formLimit)
  const version = versionOf(audience)
  const paths = lenient('csc.short-revoke-path') ? ['/oauth2/revoke', '/revoke'] : ['/oauth2/revoke']
  for (const path of paths) {
    app.post(
      path,
      {
        schema: {
          ...(path === '/revoke' ? { hide: true } : {}),
          tags: [tagOf(version)],
          summary: 'End a token',
          description: `CSC API ${version === 'v1' ? 'v1 §8.3.4' : 'v2 §8.4.5'}.`,
          consumes: ['application/x-www-form-urlencoded'],
          body: Form,
          response: { 204: Type.Null({ description: 'It is good for nothing any more.' }) }
        }
      },
      async (request, reply) => {
        const form = request.body as Parameters
        const client = await authenticateClient(access, { provider: provider.id, audience }, request, form)
        const { token, token_type_hint: hint } = form
        if (token === undefined) throw missingParameter('token')
        if (hint !== undefined && hint !== 'access_token' && hint !== 'refresh_token')
          throw invalidParameter('token_type_hint')
        const ended = await oauth.revoke(client, token)
        if (!ended) throw invalidRequest('Invalid string parameter token')
        return reply.code(204).send(null)
      }
    )
  }
}
