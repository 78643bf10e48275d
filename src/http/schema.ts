import { Type } from 'typebox'

/** RFC 3339, UTC, milliseconds: what `Date.prototype.toISOString` writes. */
export const Timestamp = Type.String({ format: 'date-time', description: 'RFC 3339, UTC' })

/** An identifier in a path or body, of ours or the caller's. */
export const Identifier = Type.String({ minLength: 1, maxLength: 64 })

/** Query of a list. Values of a query are text; `readPage` reads the number. */
export const PageQuery = {
  cursor: Type.Optional(Type.String({ maxLength: 1024, description: '`nextCursor` of the page before' })),
  limit: Type.Optional(Type.String({ pattern: '^[0-9]{1,3}$', description: '1 to 200, default 50' }))
}

export const NextCursor = Type.Union([Type.String(), Type.Null()], {
  description: '`cursor` of the next page; null on the last one'
})

/** RFC 9457 problem details, as our own surfaces answer them. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.String(),
    requestId: Type.String(),
    field: Type.Optional(Type.String()),
    state: Type.Optional(Type.String({ description: 'The state that stands in the way' }))
  },
  { description: 'What went wrong (RFC 9457)' }
)

/** For `schema.response` of a route: what it answers when it does not succeed. */
export const problemResponses = { '4xx': ProblemSchema, '5xx': ProblemSchema }
