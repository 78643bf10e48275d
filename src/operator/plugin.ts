import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Clock } from '../clock.js'
import type { IdempotencyKeys } from '../store/idempotency.js'
import { authenticateOperators, type OperatorGate } from './authentication.js'
import { honourIdempotencyKeys } from './idempotency.js'
import { guardRoles, requireAreas } from './roles.js'

/** What every route group of this surface stands behind. */
export interface OperatorDeps {
  gate: OperatorGate
  idempotencyKeys: IdempotencyKeys
  now: Clock
}

/**
 * The CA operator's API, mounted at `/operator`: authentication, roles and idempotence here, one file a group of
 * routes beside it. What happens is audited by the middle floor, so no route can forget it.
 */
export const operator: FastifyPluginAsyncTypebox<OperatorDeps> = async (app, deps) => {
  app.decorateRequest('operator', null)
  app.decorateRequest('operatorKey', '')
  requireAreas(app)
  app.addHook('onRequest', authenticateOperators(deps.gate))
  app.addHook('onRequest', guardRoles(deps.gate))
  honourIdempotencyKeys(app, { keys: deps.idempotencyKeys, now: deps.now })
}
