import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { ListedOperator, OperatorRegister } from '../access/operators.js'
import { readPage, toPage } from '../http/pages.js'
import { Identifier, NextCursor, PageQuery, Timestamp } from '../http/schema.js'
import { actorOf } from './authentication.js'

const config = { area: 'operator-keys' } as const
const tags = ['operator keys']

const Role = Type.Union([Type.Literal('registrar'), Type.Literal('auditor'), Type.Literal('administrator')], {
  description:
    'registrar: subscribers, credentials, devices, activation codes; auditor: reads everything; administrator: all'
})
const operatorMembers = {
  id: Type.String(),
  name: Type.String(),
  role: Role,
  demo: Type.Boolean({ description: 'Made by the demo seed: its key is public' }),
  createdAt: Timestamp
}
const CreateBody = Type.Object(
  { name: Type.String({ minLength: 1, maxLength: 128 }), role: Role },
  { examples: [{ name: 'Nguyễn Thị Lan', role: 'registrar' }] }
)
const Created = Type.Object({
  ...operatorMembers,
  key: Type.Optional(Type.String({ description: 'The bearer key, shown once; absent in a replay' }))
})
const Listed = Type.Object({
  ...operatorMembers,
  integrity: Type.Union([Type.Literal('intact'), Type.Literal('broken')], {
    description: 'broken: the row was changed in the database; its key is refused'
  })
})
const Keys = Type.Object({ items: Type.Array(Listed), nextCursor: NextCursor })

/** `/operator/keys`: who may call this API. */
export const operatorKeys: FastifyPluginAsyncTypebox<{ operators: OperatorRegister }> = async (
  app,
  { operators }
) => {
  app.post(
    '/keys',
    {
      config: { ...config, shownOnce: ['key'] },
      schema: {
        tags,
        summary: 'Make an operator',
        description: 'The key is in this answer and never again: only its SHA-256 is kept.',
        body: CreateBody,
        response: { 201: Created }
      }
    },
    async (request, reply) => {
      const { operator, key } = await operators.create(request.body, actorOf(request))
      return reply.code(201).send({ ...view(operator), key })
    }
  )

  app.get(
    '/keys',
    {
      config,
      schema: {
        tags,
        summary: 'Operators, in order of making',
        description: 'Removed ones are not listed; the audit knows them.',
        querystring: Type.Object(PageQuery),
        response: { 200: Keys }
      }
    },
    async ({ query }) => {
      const { after, limit } = readPage(query)
      const found = await operators.list({ after: after?.[0] ?? null, limit: limit + 1 })
      return toPage(
        found,
        limit,
        ({ operator }) => [operator.id],
        ({ operator, intact }) => ({
          ...view(operator),
          integrity: intact ? ('intact' as const) : ('broken' as const)
        })
      )
    }
  )

  app.delete(
    '/keys/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Remove an operator',
        description: 'The key is refused from the next call on. The last administrator stays: 409.',
        params: Type.Object({ id: Identifier }),
        response: { 204: Type.Null() }
      }
    },
    async (request, reply) => {
      await operators.remove(request.params.id, actorOf(request))
      return reply.code(204).send(null)
    }
  )
}

const view = (operator: ListedOperator) => ({ ...operator, createdAt: operator.createdAt.toISOString() })
