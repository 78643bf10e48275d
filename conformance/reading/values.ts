import { Failure } from '../rule.js'
import { type Answer, withoutSecrets } from '../server/http.js'

/** A JSON object. */
export type Fields = Record<string, unknown>

/** Whether a value is a JSON object, neither array nor null. */
export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Short for people: the start of a text or of JSON. */
export const shown = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 300)

/** What an answer said, in one line. */
export const said = ({ request, status, text }: Answer): string =>
  `${request} answered ${status} ${withoutSecrets(text).slice(0, 300) || '(no body)'}`

/** The JSON object of a success. @throws Failure for another status, and for anything that is not JSON. */
export function success(answer: Answer, ...statuses: number[]): Fields {
  const expected = statuses.length === 0 ? [200] : statuses
  if (!expected.includes(answer.status))
    throw new Failure(`expected ${expected.join(' or ')}: ${said(answer)}`)
  return jsonOf(answer)
}

/** The JSON object of any answer, with the content type that belongs to it (clause 7). */
export function jsonOf(answer: Answer): Fields {
  const type = answer.headers.get('content-type') ?? 'none'
  if (!/^application\/json\b/i.test(type)) {
    throw new Failure(`content type ${type} where application/json belongs: ${said(answer)}`)
  }
  if (!isFields(answer.body)) throw new Failure(`not a JSON object: ${said(answer)}`)
  return answer.body
}

/** A member that must be a string with something in it. */
export function textOf(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value === 'string' && value !== '') return value
  throw new Failure(`${name} is ${shown(value)}, expected a string`)
}

/** A member that must be an array of strings. */
export function textsOf(fields: Fields, name: string): string[] {
  const value = fields[name]
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value
  throw new Failure(`${name} is ${shown(value)}, expected an array of strings`)
}

/** Standard base64 with padding and without line breaks (RFC 4648 section 4). @throws Failure */
export function octetsOf(text: unknown, what: string): Buffer {
  if (typeof text !== 'string') throw new Failure(`${what} is ${shown(text)}, expected a string`)
  if (text.includes('-----BEGIN')) throw new Failure(`${what} is PEM, expected base64 of DER`)
  const octets = Buffer.from(text, 'base64')
  if (text === '' || octets.toString('base64') !== text) {
    throw new Failure(`${what} is not standard base64 with padding and without line breaks: ${shown(text)}`)
  }
  return octets
}
