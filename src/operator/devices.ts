import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import type { Enrolment } from '../enrolment/create.js'
import type { Directory } from '../enrolment/enrolment.js'
import { ServiceError } from '../errors.js'
import { Identifier, problemResponses, Timestamp } from '../http/schema.js'
import { actorOf, operatorOf } from './authentication.js'
import { DeviceView, deviceView } from './device-view.js'

/** What these routes translate for. */
export interface DeviceRoutes {
  enrolment: Pick<Enrolment, 'createActivationCode' | 'approveActivationCode' | 'removeDevice'>
  directory: Pick<Directory, 'device'>
}

const Consent = Type.Union(
  [Type.Literal('not-needed'), Type.Literal('waiting'), Type.Literal('given'), Type.Literal('refused')],
  {
    description:
      'waiting: the subscriber has a device, which must confirm the further one, or a second operator approves; or an operator removed the last device, and a second operator must approve'
  }
)
const Code = Type.Object({
  id: Type.String(),
  code: Type.Optional(
    Type.String({
      description: '16 Crockford base32 characters, shown once; absent in a replay',
      examples: ['7Q2M9KX4T0BHD3WP']
    })
  ),
  expiresAt: Timestamp,
  consent: Consent
})

/** Activation codes, and the devices enrolled with them. */
export const devices: FastifyPluginAsyncTypebox<DeviceRoutes> = async (app, { enrolment, directory }) => {
  const codes = { config: { area: 'activation-codes' as const }, tags: ['activation codes'] }
  const device = { config: { area: 'devices' as const }, tags: ['devices'] }

  app.post(
    '/subscribers/:id/activation-codes',
    {
      config: { ...codes.config, shownOnce: ['code'] },
      schema: {
        tags: codes.tags,
        summary: 'Make a code that enrols one device within 24 h',
        params: Type.Object({ id: Identifier }),
        body: Type.Union([Type.Object({}), Type.Null()], { examples: [{}] }),
        response: { 201: Code, ...problemResponses }
      }
    },
    async (request, reply) => {
      const by = { operatorId: operatorOf(request).id }
      const { id, code, expiresAt, consent } = await enrolment.createActivationCode(request.params.id, by)
      return reply.code(201).send({ id, code, expiresAt: expiresAt.toISOString(), consent })
    }
  )

  app.post(
    '/activation-codes/:id/approve',
    {
      config: codes.config,
      schema: {
        tags: codes.tags,
        summary: 'Consent to a device as a second operator',
        description:
          'By another operator than the one who made the code, older than the code and not made by that one, unless the subscriber rejected it.',
        params: Type.Object({ id: Identifier }),
        body: Type.Union([Type.Object({}), Type.Null()], { examples: [{}] }),
        response: { 200: Type.Omit(Code, ['code']), ...problemResponses }
      }
    },
    async (request) => {
      const by = { operatorId: operatorOf(request).id }
      const { id, expiresAt, consent } = await enrolment.approveActivationCode(request.params.id, by)
      return { id, expiresAt: expiresAt.toISOString(), consent }
    }
  )

  app.get(
    '/devices/:deviceId',
    {
      config: device.config,
      schema: {
        tags: device.tags,
        summary: 'A registered device',
        params: Type.Object({ deviceId: Identifier }),
        response: { 200: DeviceView, ...problemResponses }
      }
    },
    async ({ params }) => {
      const found = await directory.device(params.deviceId)
      if (found === null) throw new ServiceError('not_found', `no device ${params.deviceId}`)
      return deviceView(found)
    }
  )

  app.delete(
    '/devices/:deviceId',
    {
      config: device.config,
      schema: {
        tags: device.tags,
        summary: 'Remove a device; what it confirmed and nobody used yet ends',
        params: Type.Object({ deviceId: Identifier }),
        response: { 204: Type.Null(), ...problemResponses }
      }
    },
    async (request, reply) => {
      await enrolment.removeDevice(request.params.deviceId, actorOf(request))
      return reply.code(204).send(null)
    }
  )
}
