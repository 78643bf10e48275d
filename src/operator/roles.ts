import type { FastifyRequest, onRequestAsyncHookHandler, RouteOptions } from 'fastify'
import type { OperatorRole } from '../access/access.js'
import { ServiceError } from '../errors.js'
import { type OperatorGate, operatorOf } from './authentication.js'

/** What the operator API is divided into; every route names one in its `config.area`. */
export type Area =
  | 'subscribers'
  | 'credentials'
  | 'devices'
  | 'activation-codes'
  | 'relying-parties'
  | 'operator-keys'
  | 'providers'
  | 'activations'
  | 'deliveries'
  | 'audit'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The area of the operator API the route belongs to. */
    area?: Area
  }
}

const registrarKeeps: readonly Area[] = ['subscribers', 'credentials', 'devices', 'activation-codes']

/** Who may do what. Reading is GET and HEAD; everything else is a change. */
const rights: Record<OperatorRole, { reads: readonly Area[] | 'all'; changes: readonly Area[] | 'all' }> = {
  registrar: { reads: [...registrarKeeps, 'providers'], changes: registrarKeeps },
  auditor: { reads: 'all', changes: [] },
  administrator: { reads: 'all', changes: 'all' }
}

/** Whether `role` may call `method` in `area`. */
export function mayCall(role: OperatorRole, method: string, area: Area): boolean {
  const granted = method === 'GET' || method === 'HEAD' ? rights[role].reads : rights[role].changes
  return granted === 'all' || granted.includes(area)
}

/** Makes a route without an area a mistake that stops the start: what nobody classified, nobody may call. */
export function requireArea(route: Pick<RouteOptions, 'method' | 'url' | 'config'>): void {
  if (route.config?.area !== undefined) return
  throw new TypeError(`the operator route ${String(route.method)} ${route.url} names no area in its config`)
}

/** Refuses, with an audit event, what the operator's role does not allow. Runs after authentication. */
export function guardRoles(gate: Pick<OperatorGate, 'refused'>): onRequestAsyncHookHandler {
  return async (request: FastifyRequest) => {
    const operator = operatorOf(request)
    const area = request.routeOptions.config.area
    if (area !== undefined && mayCall(operator.role, request.method, area)) return
    const call = `${request.method} ${request.routeOptions.url}`
    await gate.refused({ operator, code: 'permission_denied', call })
    throw new ServiceError('permission_denied', `${operator.role} ${operator.id} called ${call}`)
  }
}
