import { Type } from 'typebox'
import type { ApiRoutes } from '../deps.js'
import { invalidRequest } from '../faults.js'
import { readAuthorization, readRedirectUri } from './authorization-request.js'
import { authenticateClient } from './client.js'
import { type Parameters, takeForms } from './form.js'
import { formSchemas } from './parameter-schemas.js'

/** The longest form read here, in octets: 1,000 digests with their names. */
const formLimit = 768 * 1024

const Form = Type.Object({ ...formSchemas, client_secret: Type.Optional(Type.String()) })
const Reply = Type.Object({
  request_uri: Type.String({ description: 'For oauth2/authorize, in one browser.' }),
  expires_in: Type.Integer({ description: 'Seconds.' })
})

/** `oauth2/pushed_authorize`, CSC API v2 §8.4.3 over RFC 9126. */
export const pushedAuthorize: ApiRoutes = async (
  app,
  { provider, audience, access, oauth, pki, credentialChanges, lenient }
) => {
  const changes = credentialChanges ? { policy: pki.policy(provider.id) } : null
  takeForms(app, formLimit)
  app.post(
    '/oauth2/pushed_authorize',
    {
      schema: {
        tags: ['CSC v2'],
        summary: 'Send an authorization request ahead of the browser',
        description: 'CSC API v2 §8.4.3. Form-encoded; the client proves itself as at oauth2/token.',
        consumes: ['application/x-www-form-urlencoded'],
        body: Form,
        response: { 201: Reply }
      }
    },
    async (request, reply) => {
      const form = request.body as Parameters
      const client = await authenticateClient(access, { provider: provider.id, audience }, request, form)
      const party = await access.relyingParty(provider.id, client.clientId)
      if (party === null || form.request_uri !== undefined) throw invalidRequest()
      const asked = await readAuthorization(form, readRedirectUri(form, party), {
        version: 'v2',
        party,
        readAccountToken: oauth.readAccountToken,
        lenient,
        changes,
        acceptLanguage: undefined
      })
      const { requestUri, expiresInS } = await oauth.push(client, asked)
      reply.code(201).header('cache-control', 'no-cache, no-store')
      return { request_uri: requestUri, expires_in: expiresInS }
    }
  )
}
