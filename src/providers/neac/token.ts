import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Access } from '../../access/access.js'
import { envelope, spFields } from '../annex/fields.js'
import { grantOfToken } from '../dialect/bearer.js'
import { authenticate, type DialectCaller, enterByToken } from '../dialect/caller.js'
import { caName, providerOf } from './authority.js'
import type { GatewayOptions } from './gateway.js'

/** Tokens of the gateway open no other surface. */
const audience = 'neac'

const Body = Type.Object(
  { ...spFields, ca_name: caName },
  { examples: [{ sp_id: 'dvctt', sp_password: 'dvctt-secret', ca_name: 'CA2' }] }
)

/** `/sign_v2/get_token`: how an information system gets its token is not known (§7); this is the simplest way. */
export const getToken: FastifyPluginAsyncTypebox<GatewayOptions> = async (app, options) => {
  app.post(
    '/sign_v2/get_token',
    {
      schema: {
        tags: ['NEAC gateway'],
        summary: 'A bearer token for calls to one CA',
        body: Body,
        response: {
          200: Type.Object({
            ...envelope,
            data: Type.Object({
              access_token: Type.String(),
              token_type: Type.String(),
              expires_in: Type.Integer({ description: 'Seconds' })
            })
          })
        }
      }
    },
    async (request) => {
      const { sp_id: clientId, sp_password: clientSecret, ca_name } = request.body
      const provider = providerOf(ca_name, options).id
      await authenticate(request, options.access, { provider, clientId, clientSecret })
      const grant = { provider, audience, clientId, subscriberId: null, scope: 'sign' }
      const { accessToken: access_token, expiresInS: expires_in } = await options.access.issueToken(grant)
      return {
        status_code: 200,
        message: 'Success',
        data: { access_token, token_type: 'Bearer', expires_in }
      }
    }
  )
}

/** Whether a request carries a token, of whatever kind. */
export const carriesToken = ({ headers }: FastifyRequest): boolean => headers.authorization !== undefined

/**
 * Proves a relying party by a token for this CA.
 * @throws ServiceError `authentication_required`, `token_expired` (also unknown, and for another CA).
 */
export async function callerByToken(
  request: FastifyRequest,
  access: Pick<Access, 'verifyToken' | 'relyingParty'>,
  provider: string
): Promise<DialectCaller> {
  const grant = await grantOfToken(request, access, { provider, audience, from: 'get_token' })
  return enterByToken(request, access, grant)
}
