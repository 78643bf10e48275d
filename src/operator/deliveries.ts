import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Deliveries, Delivery } from '../delivery/delivery.js'
import { readPage, toPage } from '../http/pages.js'
import { Identifier, NextCursor, PageQuery, Timestamp } from '../http/schema.js'

const Status = Type.Union([Type.Literal('waiting'), Type.Literal('delivered'), Type.Literal('given-up')])
const NullableTime = Type.Union([Timestamp, Type.Null()])

const Attempt = Type.Object({
  number: Type.Integer({ description: 'From 1. One that is missing was cut short by the end of its server' }),
  at: Timestamp,
  tookMs: Type.Integer(),
  httpStatus: Type.Union([Type.Integer(), Type.Null()], { description: 'null: no answer came' }),
  detail: Type.Union([Type.String(), Type.Null()], {
    description: 'What was wrong; null: it was acknowledged'
  })
})
const DeliveryView = Type.Object({
  id: Type.String({ description: 'Sent with every attempt as `x-kyso-delivery`' }),
  transactionId: Type.String(),
  provider: Type.String(),
  clientId: Type.String(),
  url: Type.String({ description: 'Without its query, which may carry a secret' }),
  status: Status,
  createdAt: Timestamp,
  nextAttemptAt: NullableTime,
  endedAt: NullableTime,
  attempts: Type.Array(Attempt)
})
const DeliveryPage = Type.Object({ items: Type.Array(DeliveryView), nextCursor: NextCursor })

/** `/operator/deliveries`: outcomes on their way to relying parties. */
export const deliveryList: FastifyPluginAsyncTypebox<{ deliveries: Pick<Deliveries, 'list'> }> = async (
  app,
  { deliveries }
) => {
  app.get(
    '/deliveries',
    {
      config: { area: 'deliveries' },
      schema: {
        tags: ['deliveries'],
        summary: 'Deliveries, latest first',
        description: 'Outcomes posted to relying parties, with every attempt and what was wrong with it.',
        querystring: Type.Object({
          provider: Type.Optional(Identifier),
          clientId: Type.Optional(Identifier),
          transactionId: Type.Optional(Identifier),
          status: Type.Optional(Status),
          ...PageQuery
        }),
        response: { 200: DeliveryPage }
      }
    },
    async ({ query }) => {
      const { after, limit } = readPage(query)
      const found = await deliveries.list({
        provider: query.provider ?? null,
        clientId: query.clientId ?? null,
        transactionId: query.transactionId ?? null,
        status: query.status ?? null,
        after: after?.[0] ?? null,
        limit: limit + 1
      })
      return toPage(found, limit, ({ id }) => [id], view)
    }
  )
}

function view({ url, createdAt, nextAttemptAt, endedAt, attempts, ...rest }: Delivery) {
  return {
    ...rest,
    url: url.split('?')[0] ?? '',
    createdAt: createdAt.toISOString(),
    nextAttemptAt: nextAttemptAt?.toISOString() ?? null,
    endedAt: endedAt?.toISOString() ?? null,
    attempts: attempts.map((attempt) => ({ ...attempt, at: attempt.at.toISOString() }))
  }
}
