import type { FastifyRequest, preValidationHookHandler } from 'fastify'
import { ServiceError } from '../errors.js'

/** An explicit null counts as an absent member of the body: clients send both. */
export const dropNulls: preValidationHookHandler = (request, _reply, done) => {
  const { body } = request
  if (typeof body === 'object' && body !== null && !Array.isArray(body) && Object.values(body).includes(null))
    request.body = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null))
  done()
}

/** No text here has a U+0000, and PostgreSQL stores and compares none. A preValidation hook. */
export async function refuseNul({ params, query, body }: FastifyRequest): Promise<void> {
  if (!holdsNul([params, query, body])) return
  const says = 'U+0000 is not accepted in any value.'
  throw new ServiceError('request_invalid', says, { says })
}

/** Without recursion, since whoever sends a body decides how deep it is. */
function holdsNul(values: unknown[]): boolean {
  const open = [...values]
  while (open.length > 0) {
    const value = open.pop()
    if (typeof value === 'string') {
      if (value.includes('\0')) return true
    } else if (Array.isArray(value)) for (const one of value) open.push(one)
    else if (typeof value === 'object' && value !== null) {
      for (const [name, one] of Object.entries(value)) {
        if (name.includes('\0')) return true
        open.push(one)
      }
    }
  }
  return false
}
