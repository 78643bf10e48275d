import type { FastifyInstance } from 'fastify'
import { takeForms as takeFormsWith } from '../../http/form.js'
import { type CscFault, invalidRequest } from '../faults.js'

export { hasNul, type Parameters, readQuery } from '../../http/form.js'

/** Takes form bodies and nothing else, in this scope. @param limitOctets Of one form. */
export const takeForms = (app: FastifyInstance, limitOctets: number): void =>
  takeFormsWith(app, limitOctets, invalidRequest)

/** `Missing parameter …`, as the tables of the OAuth endpoints have it (CSC API v1 §8.3.3). */
export const missingParameter = (name: string): CscFault => invalidRequest(`Missing parameter ${name}`)
/** `Invalid parameter …`. */
export const invalidParameter = (name: string): CscFault => invalidRequest(`Invalid parameter ${name}`)
