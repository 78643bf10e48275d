import { Failure, type Mark } from '../rule.js'
import type { Answer } from '../server/http.js'
import { jsonOf, said, shown } from './values.js'

/** What a row of an error table prescribes. Several values: any of them. */
export interface Fault {
  status?: number | readonly number[]
  error?: string | readonly string[]
  /** Undefined: the table has no text. */
  description?: string | readonly string[]
  /** How sure the wording is, where less so than the rule itself. */
  words?: Mark
}

/** The text of `invalid_request` (clause 10.1). */
export const invalidRequestText =
  'The request is missing a required parameter, includes an invalid parameter value, includes a parameter more than once, or is otherwise malformed.'

/**
 * Compares an answer with a row of an error table. That it is refused with this status is the rule; error code and
 * text are as sure as `words` says.
 * @throws Failure
 */
export function expectFault(answer: Answer, fault: Fault): void {
  const statuses = list(fault.status ?? 400)
  if (!statuses.includes(answer.status))
    throw new Failure(`expected ${statuses.join(' or ')}: ${said(answer)}`)
  const body = jsonOf(answer)
  if (typeof body.error !== 'string' || body.error === '') {
    throw new Failure(`error is ${shown(body.error)}, expected a code: ${said(answer)}`)
  }
  const { error_description: text } = body
  if (text !== undefined && typeof text !== 'string') {
    throw new Failure(`error_description is ${shown(text)}, expected a string`)
  }
  const codes = list(fault.error ?? 'invalid_request')
  const words = fault.words ?? null
  if (!codes.includes(body.error))
    throw new Failure(`error is ${body.error}, expected ${codes.join(' or ')}`, words)
  if (fault.description === undefined) return
  const texts = list(fault.description)
  if (text === undefined || !texts.includes(text)) {
    const expected = texts.map((one) => `"${one}"`).join(' or ')
    throw new Failure(`error_description is ${shown(text)}, expected ${expected}`, words)
  }
}

const list = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T])

/** `Missing (or invalid type) …`, as most tables have it. */
export const missing = (type: 'string' | 'integer' | 'array', name: string): string =>
  `Missing (or invalid type) ${type} parameter ${name}`
