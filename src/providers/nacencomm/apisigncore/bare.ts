import type { FastifyInstance, FastifyReply, preValidationAsyncHookHandler } from 'fastify'
import { Type } from 'typebox'

/** Octets of the body that a call with a query carries; it is not looked at. */
const emptyBodyLimit = 1024

/** Answers a JSON value that is no object (§6.2). It goes as an object up to here, so that all hooks see it. */
export function sendBare(reply: FastifyReply, value: string | number): FastifyReply {
  return reply
    .type('application/json; charset=utf-8')
    .serializer((answer: { value: string | number }) => JSON.stringify(answer.value))
    .send({ value })
}

/** Calls whose parameters are in the query have an empty JSON body: `{}`, `""`, or none at all. */
export function ignoreBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string', bodyLimit: emptyBodyLimit }, async () => null)
}

/** Whose query is read in whatever case: clients write Code and code. */
export function readNames(...names: readonly string[]): preValidationAsyncHookHandler {
  const meant = new Map(names.map((name) => [name.toLowerCase(), name]))
  return async (request) => {
    const sent = Object.entries(request.query as Record<string, unknown>)
    request.query = Object.fromEntries(
      sent.map(([name, value]) => [meant.get(name.toLowerCase()) ?? name, value])
    )
  }
}

/** A request code or certificate id: any text, since whatever is none is answered like one that is unknown. */
export const anyId = (description: string) => Type.String({ maxLength: 128, description })
