import type { FastifyRequest } from 'fastify'
import type { Refusals } from '../access/refusals.js'
import { clientOf } from './bearer.js'
import type { CscFault } from './faults.js'

/** The audit event of a fault: who asked, as far as that is proven, for what. */
export function refusal(
  { error, description }: CscFault,
  request: FastifyRequest
): Parameters<Refusals['record']> {
  const call = request.routeOptions.url ?? 'unknown'
  const provider = call.split('/', 2)[1] ?? 'unknown'
  const clientId = clientOf(request)
  const actor = clientId === null ? 'anyone' : `relying-party:${provider}/${clientId}`
  const about = { provider, call, error, detail: description }
  return [`csc ${provider}`, `${clientId ?? ''} ${call} ${error}`, { type: 'request.refused', actor, about }]
}
