import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@fastify/type-provider-typebox'
import type { Activations } from '../activation/activation.js'
import { problemResponses } from '../http/schema.js'
import { callingDevice, requireDevice } from './authenticated.js'
import type { DeviceAuth } from './device-auth.js'
import {
  ChallengeParams,
  ChallengeReply,
  ConfirmBody,
  ConfirmReply,
  RejectBody,
  RejectReply
} from './schemas.js'

/** What waits for the owner of the device, and the device's answer. Whether it is accepted is decided below. */
export const challenges: FastifyPluginAsyncTypebox<{
  provider: string
  auth: DeviceAuth
  activations: Pick<Activations, 'waitingFor' | 'confirm' | 'reject'>
}> = async (app, { provider, auth, activations }) => {
  requireDevice(app, provider, auth)

  app.get(
    '/challenges',
    {
      schema: {
        tags: ['phone'],
        summary: 'Challenges that wait for the owner of this device, oldest first',
        response: { 200: Type.Array(ChallengeReply), ...problemResponses }
      }
    },
    async (request) => activations.waitingFor(callingDevice(request).subscriberId)
  )

  app.post(
    '/challenges/:id/confirm',
    {
      bodyLimit: 16_384,
      schema: {
        tags: ['phone'],
        summary: 'Confirm a challenge by a biometric challenge token',
        description: 'A refused token changes nothing: the challenge stays waiting.',
        params: ChallengeParams,
        body: ConfirmBody,
        response: { 200: ConfirmReply, ...problemResponses }
      }
    },
    async (request) => {
      const deviceId = callingDevice(request).id
      await activations.confirm({ deviceId, activationId: request.params.id, token: request.body.token })
      return { status: 'confirmed' as const }
    }
  )

  app.post(
    '/challenges/:id/reject',
    {
      bodyLimit: 4_096,
      schema: {
        tags: ['phone'],
        summary: 'Reject a challenge, for good',
        params: ChallengeParams,
        body: RejectBody,
        response: { 200: RejectReply, ...problemResponses }
      }
    },
    async (request) => {
      const deviceId = callingDevice(request).id
      await activations.reject({
        deviceId,
        activationId: request.params.id,
        reason: request.body?.reason ?? null
      })
      return { status: 'rejected' as const }
    }
  )
}
