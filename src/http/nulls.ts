import type { preValidationHookHandler } from 'fastify'

/** An explicit null counts as an absent member of the body: clients send both. */
export const dropNulls: preValidationHookHandler = (request, _reply, done) => {
  const { body } = request
  if (typeof body === 'object' && body !== null && !Array.isArray(body) && Object.values(body).includes(null))
    request.body = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null))
  done()
}
