import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import type { TotpAdministration } from '../access/totp.js'
import { Identifier, problemResponses } from '../http/schema.js'
import { actorOf } from './authentication.js'

const path = '/subscribers/:id/totp'
const config = { area: 'subscribers' as const }
const tags = ['subscribers']
const Params = Type.Object({ id: Identifier })

/** `/operator/subscribers/{id}/totp`: the secret of a generator of one-time codes. */
export const totp: FastifyPluginAsyncTypebox<{ totp: TotpAdministration }> = async (app, { totp }) => {
  app.post(
    path,
    {
      config: { ...config, shownOnce: ['secret', 'uri'] },
      schema: {
        tags,
        summary: 'Give the subscriber a secret for one-time codes by time (RFC 6238)',
        description: 'Shown once. An earlier one is refused from then on.',
        params: Params,
        response: {
          201: Type.Object({
            secret: Type.Optional(Type.String({ description: '20 octets in base64' })),
            uri: Type.Optional(Type.String({ description: 'otpauth://, for a QR code' }))
          }),
          ...problemResponses
        }
      }
    },
    async (request, reply) => reply.code(201).send(await totp.start(request.params.id, actorOf(request)))
  )

  app.delete(
    path,
    {
      config,
      schema: {
        tags,
        summary: 'Remove the secret for one-time codes',
        params: Params,
        response: { 204: Type.Null({ description: 'Also when there was none' }), ...problemResponses }
      }
    },
    async (request, reply) => {
      await totp.remove(request.params.id, actorOf(request))
      return reply.code(204).send(null)
    }
  )
}
