import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@fastify/type-provider-typebox'
import { audienceOf } from '../activation/challenge.js'
import { problemResponses } from '../http/schema.js'
import { callingDevice, requireDevice } from './authenticated.js'
import type { DeviceAuth } from './device-auth.js'
import type { LiveChallenges } from './live-challenges.js'
import type { PhoneEnrolment } from './needs.js'
import { EnrolBody, EnrolReply } from './schemas.js'
import type { WrongCodes } from './wrong-codes.js'

/** `POST /devices` and `DELETE /devices/self`: a device comes and goes. */
export const devices: FastifyPluginAsyncTypebox<{
  provider: string
  publicUrl: string
  auth: DeviceAuth
  live: Pick<LiveChallenges, 'closeOf'>
  enrolment: PhoneEnrolment
  wrongCodes: WrongCodes
}> = async (app, { provider, publicUrl, auth, live, enrolment, wrongCodes }) => {
  app.post(
    '/devices',
    {
      bodyLimit: 8_192,
      schema: {
        tags: ['phone'],
        summary: 'Enrol this device with an activation code',
        body: EnrolBody,
        response: { 201: EnrolReply, ...problemResponses }
      }
    },
    async ({ body, ip }, reply) => {
      const { activationCode, name, platform, publicKey, webauthn } = body
      const { device, subscriber } = await wrongCodes.guard(ip, () =>
        enrolment.enrolDevice({ provider, activationCode, name, platform, publicKey, webauthn })
      )
      return reply.code(201).send({
        deviceId: device.id,
        audience: audienceOf(publicUrl, provider),
        subscriber: { id: subscriber.id, fullName: subscriber.fullName }
      })
    }
  )

  await app.register(async (own) => {
    requireDevice(own, provider, auth)
    own.delete(
      '/devices/self',
      {
        schema: {
          tags: ['phone'],
          summary: 'Remove this device; what it confirmed and nobody used yet ends',
          response: { 204: Type.Null(), ...problemResponses }
        }
      },
      async (request, reply) => {
        const device = callingDevice(request)
        await enrolment.removeDevice(device.id, `device:${device.id}`)
        live.closeOf(device.id)
        return reply.code(204).send(null)
      }
    )
  })
}
