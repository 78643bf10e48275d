import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import { Identifier, problemResponses } from '../http/schema.js'
import type { VirtualPhone, VirtualPhonePlan } from '../store/virtual-phones.js'
import { actorOf } from './authentication.js'

/** What these routes ask of the simulator. */
export interface VirtualPhoneAdministration {
  read(subscriberId: string): Promise<VirtualPhone>
  set(subscriberId: string, plan: VirtualPhonePlan, actor: string): Promise<VirtualPhone>
  queue(
    subscriberId: string,
    plan: Pick<VirtualPhonePlan, 'behaviour'> & Partial<VirtualPhonePlan>
  ): Promise<VirtualPhone>
  remove(subscriberId: string, actor: string): Promise<void>
}

const Params = Type.Object({ id: Identifier })

const Behaviour = Type.Union(
  [
    Type.Literal('confirm'),
    Type.Literal('reject'),
    Type.Literal('ignore'),
    Type.Literal('wrong-biometric'),
    Type.Literal('tampered-display')
  ],
  { description: 'The last two send a token that is refused, so that the challenge waits until it expires' }
)
const DelayMs = Type.Integer({ minimum: 0, maximum: 300_000, description: 'From seeing to answering' })
const Biometric = Type.Union([Type.Literal('face'), Type.Literal('fingerprint')])

const Plan = Type.Object({ behaviour: Behaviour, delayMs: DelayMs, biometric: Biometric })
const SetBody = Type.Object(
  {
    behaviour: Behaviour,
    delayMs: Type.Optional(DelayMs),
    biometric: Type.Optional(Biometric)
  },
  { examples: [{ behaviour: 'reject' }] }
)
const Phone = Type.Object({
  behaviour: Behaviour,
  delayMs: DelayMs,
  biometric: Biometric,
  deviceId: Type.String(),
  next: Type.Array(Plan, { description: 'How the next challenges are answered, one each' })
})

/** `/operator/subscribers/{id}/virtual-phone`: only with SIMULATION=on. Registered below the operator plugin. */
export const virtualPhones: FastifyPluginAsyncTypebox<{ virtualPhones: VirtualPhoneAdministration }> = async (
  app,
  { virtualPhones }
) => {
  const path = '/subscribers/:id/virtual-phone'
  const config = { area: 'devices' as const }
  const tags = ['simulation']

  app.get(
    path,
    {
      config,
      schema: {
        tags,
        summary: 'How the virtual phone is set',
        params: Params,
        response: { 200: Phone, ...problemResponses }
      }
    },
    async ({ params }) => virtualPhones.read(params.id)
  )

  app.put(
    path,
    {
      config,
      schema: {
        tags,
        summary: 'Give the subscriber a virtual phone, or set the one there is',
        params: Params,
        body: SetBody,
        response: { 200: Phone, ...problemResponses }
      }
    },
    async (request) => {
      const { behaviour, delayMs = 0, biometric = 'face' } = request.body
      return virtualPhones.set(request.params.id, { behaviour, delayMs, biometric }, actorOf(request))
    }
  )

  app.post(
    `${path}/next`,
    {
      config,
      schema: {
        tags,
        summary: 'Queue one behaviour for the next challenge only',
        description: 'What is left out is as the phone is set. At most 100 wait.',
        params: Params,
        body: SetBody,
        response: { 200: Phone, ...problemResponses }
      }
    },
    async ({ params, body }) => virtualPhones.queue(params.id, body)
  )

  app.delete(
    path,
    {
      config,
      schema: {
        tags,
        summary: 'Remove the virtual phone and its device',
        params: Params,
        response: { 204: Type.Null({ description: 'Also when there was none' }), ...problemResponses }
      }
    },
    async (request, reply) => {
      await virtualPhones.remove(request.params.id, actorOf(request))
      return reply.code(204).send(null)
    }
  )
}
