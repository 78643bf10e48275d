import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import type { Directory } from '../enrolment/enrolment.js'
import { ServiceError } from '../errors.js'
import { readPage, toPage } from '../http/pages.js'
import { Identifier, NextCursor, PageQuery, problemResponses, Timestamp } from '../http/schema.js'
import type { OutboxMessage } from '../store/outbox.js'

/** What this route asks of the simulated outbox. */
export interface MessageList {
  /** Latest first, beginning below the message `before`. */
  messages(of: { subscriberId: string; before: string | null; limit: number }): Promise<OutboxMessage[]>
}

const Message = Type.Object({
  id: Type.String(),
  sentAt: Timestamp,
  channel: Type.Union([Type.Literal('sms'), Type.Literal('email')]),
  address: Type.Union([Type.String(), Type.Null()], { description: 'null: the subscriber has none' }),
  text: Type.String({ description: 'A one-time code comes first in it' })
})

/** `/operator/subscribers/{id}/messages`: only with SIMULATION=on. Registered below the operator plugin. */
export const messages: FastifyPluginAsyncTypebox<{
  messages: MessageList
  directory: Pick<Directory, 'subscriber'>
}> = async (app, { messages, directory }) => {
  app.get(
    '/subscribers/:id/messages',
    {
      config: { area: 'subscribers' },
      schema: {
        tags: ['simulation'],
        summary: 'What was sent to the subscriber within the last day, latest first',
        params: Type.Object({ id: Identifier }),
        querystring: Type.Object(PageQuery),
        response: {
          200: Type.Object({ items: Type.Array(Message), nextCursor: NextCursor }),
          ...problemResponses
        }
      }
    },
    async ({ params, query }) => {
      const { after, limit } = readPage(query)
      if ((await directory.subscriber(params.id)) === null)
        throw new ServiceError('not_found', `no subscriber ${params.id}`)
      const found = await messages.messages({
        subscriberId: params.id,
        before: after?.[0] ?? null,
        limit: limit + 1
      })
      return toPage(
        found,
        limit,
        ({ id }) => [id],
        ({ id, sentAt, channel, address, text }) => ({
          id,
          sentAt: sentAt.toISOString(),
          channel,
          address,
          text
        })
      )
    }
  )
}
