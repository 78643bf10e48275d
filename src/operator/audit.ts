import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { readPage, toPage, unknownCursor } from '../http/pages.js'
import { NextCursor, PageQuery } from '../http/schema.js'
import type { AuditList, EventCursor } from '../store/audit.js'

const Hash = Type.String({ description: 'SHA-256, base64' })
const Event = Type.Object({
  chain: Type.String({ description: 'One chain a server process' }),
  seq: Type.Integer({ description: 'Place in the chain, from 1' }),
  at: Type.String({ description: 'RFC 3339, UTC, as it was hashed' }),
  type: Type.String(),
  actor: Type.String({
    description:
      'operator:<id>, relying-party:<provider>/<clientId>, device:<id>, server:<id>, or anyone: whoever it was, unproven'
  }),
  about: Type.Unsafe<object>({ type: 'object', additionalProperties: true }),
  previousHash: Hash,
  hash: Hash
})
const Events = Type.Object({ items: Type.Array(Event), nextCursor: NextCursor })

/** `/operator/audit`: what happened, with all that it takes to check the chains elsewhere. */
export const auditList: FastifyPluginAsyncTypebox<{ audit: AuditList }> = async (app, { audit }) => {
  app.get(
    '/audit',
    {
      config: { area: 'audit' },
      schema: {
        tags: ['audit'],
        summary: 'Audit events of all servers, in order of time',
        description:
          'Events of one chain come in the order of the chain. `hash` covers the other members and, through `previousHash`, all events before it; `npm run audit:verify` checks them.',
        querystring: Type.Object(PageQuery),
        response: { 200: Events }
      }
    },
    async ({ query }) => {
      const { after, limit } = readPage(query, 3)
      const found = await audit.list({ cursor: after && cursorOf(after), limit: limit + 1 })
      return toPage(
        found,
        limit,
        (event) => [event.at, event.chain, String(event.seq)],
        (event) => event
      )
    }
  )
}

/** @throws ServiceError `request_invalid` for what this list never gave out. */
function cursorOf([at = '', chain = '', seq = '']: readonly string[]): EventCursor {
  if (!isTime(at) || !/^\d{1,15}$/.test(seq)) throw unknownCursor()
  return { at, chain, seq: Number(seq) }
}

/** RFC 3339, UTC, of a day that exists and a year that PostgreSQL knows. */
function isTime(at: string): boolean {
  const [, milliseconds] = /^((?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})\d{0,3}Z$/.exec(at) ?? []
  if (milliseconds === undefined) return false
  const time = new Date(`${milliseconds}Z`)
  // A day too many, such as 30 February, is read as one of the next month.
  return !Number.isNaN(time.getTime()) && time.toISOString() === `${milliseconds}Z`
}
