import { Type } from 'typebox'
import { ServiceError } from '../../errors.js'
import type { ApiRoutes } from '../deps.js'
import { CscFault, invalidRequest } from '../faults.js'

/** The longest form read here, in octets. */
const formLimit = 64 * 1024

const Form = Type.Object({
  grant_type: Type.Optional(Type.String({ examples: ['client_credentials'] })),
  client_id: Type.Optional(Type.String()),
  client_secret: Type.Optional(Type.String()),
  scope: Type.Optional(Type.String({ examples: ['service'] }))
})
const Reply = Type.Object({
  access_token: Type.String({ description: 'Opaque.' }),
  token_type: Type.String(),
  expires_in: Type.Integer({ description: 'Seconds.' }),
  scope: Type.String()
})

/**
 * `oauth2/token`, CSC API v2 §8.4.4 over RFC 6749 §4.4: client credentials, in the body or by HTTP Basic. Faults are
 * reported in the order of the standard's table: client_id, secret, grant_type, scope.
 */
export const token: ApiRoutes = async (app, { provider, audience, access }) => {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: formLimit },
    async (_request: unknown, body: string | Buffer) => readForm(String(body))
  )

  app.post(
    '/oauth2/token',
    {
      schema: {
        tags: ['CSC v2'],
        summary: 'A service access token for a relying party',
        description:
          'CSC API v2 §8.4.4. Form-encoded; client_id and client_secret in the body or by HTTP Basic.',
        consumes: ['application/x-www-form-urlencoded'],
        body: Form,
        response: { 200: Reply }
      }
    },
    async (request, reply) => {
      const { grant_type, scope = 'service', ...posted } = request.body
      const client = readBasic(request.headers.authorization) ?? posted
      if (client.client_id === undefined) throw invalidRequest('Missing parameter client_id')
      if (client.client_secret === undefined) throw invalidRequest('Client authorization required')
      await access
        .authenticateClient(provider.id, client.client_id, client.client_secret)
        .catch(clientRefused)
      if (grant_type === undefined) throw invalidRequest('Missing parameter grant_type')
      if (grant_type !== 'client_credentials') throw invalidRequest('Invalid parameter grant_type')
      // A credential-scope token stands for a subscriber's approval; a client cannot give that to itself (§4.2).
      if (scope !== 'service') {
        throw new CscFault(400, 'invalid_scope', 'The requested scope is invalid, unknown, or malformed.')
      }
      const { accessToken, expiresInS } = await access.issueToken({
        provider: provider.id,
        audience,
        clientId: client.client_id,
        subscriberId: null,
        scope
      })
      reply.header('cache-control', 'no-store')
      return { access_token: accessToken, token_type: 'Bearer', expires_in: expiresInS, scope }
    }
  )
}

/** An unknown client is answered like a known one with a wrong secret (I6): the table's text for the latter. */
function clientRefused(error: unknown): never {
  if (error instanceof ServiceError && error.code === 'authentication_failed') {
    throw invalidRequest('Invalid parameter client_secret')
  }
  throw error
}

/** A parameter that comes twice is refused (RFC 6749 §3.2). */
function readForm(body: string): Record<string, string> {
  const form: Record<string, string> = {}
  for (const [name, value] of new URLSearchParams(body)) {
    if (Object.hasOwn(form, name)) throw invalidRequest()
    if (value !== '') form[name] = value // an empty parameter counts as absent (RFC 6749 §3.1)
  }
  return form
}

/** Client id and secret are form-encoded before they are joined (RFC 6749 §2.3.1). */
function readBasic(header: string | undefined): { client_id: string; client_secret: string } | null {
  if (header === undefined) return null
  const encoded = /^Basic ([A-Za-z0-9+/]{1,2048}={0,2})$/i.exec(header)?.[1]
  const [id, secret] = split(encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString())
  if (id === null || secret === null)
    throw new CscFault(401, 'invalid_client', 'Invalid Authorization header')
  return { client_id: id, client_secret: secret }
}

function split(pair: string): [string | null, string | null] {
  const colon = pair.indexOf(':')
  if (colon < 1) return [null, null]
  try {
    const decode = (part: string) => decodeURIComponent(part.replaceAll('+', ' '))
    return [decode(pair.slice(0, colon)), decode(pair.slice(colon + 1))]
  } catch {
    return [null, null]
  }
}
