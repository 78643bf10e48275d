import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import type { Access, Operator } from '../access/access.js'
import type { OperatorRegister } from '../access/operators.js'
import { ServiceError } from '../errors.js'

/** What the door of this surface asks of access. */
export type OperatorGate = Pick<Access, 'authenticateOperator'> & Pick<OperatorRegister, 'refused'>

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls; set by the first hook of the operator surface, null on every other. */
    operator: Operator | null
    /** The bearer key as sent, for what must be bound to it; never logged. Empty before authentication. */
    operatorKey: string
  }
}

/** RFC 6750 §2.1, narrowed to visible ASCII; the scheme's name is case-insensitive (RFC 9110 §11.1). */
const bearer = /^Bearer +([\x21-\x7e]{1,256})$/i

/**
 * Lets nobody pass without a valid key, in `Authorization: Bearer <key>`.
 * @throws ServiceError `authentication_required`, `authentication_failed`; both audited.
 */
export function authenticateOperators(gate: OperatorGate): onRequestAsyncHookHandler {
  return async (request: FastifyRequest) => {
    const key = bearer.exec(request.headers.authorization ?? '')?.[1]
    if (key === undefined) {
      await gate.refused({ operator: null, code: 'authentication_required', call: null })
      throw new ServiceError('authentication_required', 'no bearer key in the Authorization header')
    }
    request.operator = await gate.authenticateOperator(key)
    request.operatorKey = key
  }
}

/** Who calls. @throws TypeError outside the operator surface. */
export function operatorOf(request: FastifyRequest): Operator {
  if (request.operator === null) throw new TypeError('this request did not pass operator authentication')
  return request.operator
}

/** How the calling operator is named as the actor of audit events. */
export function actorOf(request: FastifyRequest): string {
  return `operator:${operatorOf(request).id}`
}
