import type { RouteOptions } from 'fastify'
import { type ErrorCode, errorCodes, ServiceError } from '../errors.js'

/** How a failure of the service looks on a surface. */
export type AnswerOf = (failure: ServiceError) => { status: number; body: unknown }

/**
 * For the description of the API: what each status of a surface can mean, with one answer of it as an example. Made from
 * the very mapping that answers, so that it cannot say anything else.
 */
export function errorResponses(answerOf: AnswerOf): Record<number, object> {
  const byStatus = new Map<number, { codes: ErrorCode[]; example: unknown }>()
  for (const code of Object.keys(errorCodes) as ErrorCode[]) {
    const { status, body } = answerOf(new ServiceError(code, ''))
    if (status < 400) continue
    const known = byStatus.get(status) ?? { codes: [], example: body }
    known.codes.push(code)
    byStatus.set(status, known)
  }
  return Object.fromEntries(
    [...byStatus].map(([status, { codes, example }]) => [
      status,
      {
        type: 'object',
        additionalProperties: true,
        description: codes.map((code) => `${code}: ${errorCodes[code]}`).join(' '),
        examples: [example]
      }
    ])
  )
}

/** An `onRoute` hook: every route of a surface names the failures of that surface, but for those it names by itself. */
export function listErrors(responses: Record<number, object>): (route: RouteOptions) => void {
  return (route) => {
    route.schema = {
      ...route.schema,
      response: { ...responses, ...(route.schema?.response as object | undefined) }
    }
  }
}
