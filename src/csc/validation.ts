import type { FastifySchemaCompiler } from 'fastify'
import { type TProperties, type TSchema, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { type CscFault, invalidRequest } from './faults.js'

/**
 * What the standard says when a parameter is wrong, kept beside its schema: the text for a missing value or one of
 * the wrong type, and texts for particular rules, by JSON Schema keyword; `items` is for anything inside an array.
 */
export interface FaultTexts {
  type: string
  [keyword: string]: string
}

const extension = 'x-faults'

/** A parameter with the texts of its error table. Order of members is the order in which faults are reported. */
export function parameter<T extends TSchema>(schema: T, faults: FaultTexts): T {
  return { ...schema, [extension]: faults }
}

/** `Missing (or invalid type) …`, as most tables of the standard have it. */
export const missing = (type: 'string' | 'integer' | 'array', name: string): string =>
  `Missing (or invalid type) ${type} parameter ${name}`

/** Visible ASCII, which every identifier, OID and base64 text is; keeps what no row can hold from the database. */
export const visible = '^[!-~]+$'

/** Values as they look, for the description of the API. */
const examples: Readonly<Record<string, string>> = {
  userID: '001088035895',
  credentialID: '01a2031c-2323-73ce-990f-78203f1aedee',
  handle: '01a2031c-2768-74eb-956a-c94961d72d52',
  token: 'Jx0c6Y2G1b5kq0m3n8s4t7v9wAzBdEfHiKlMoPrQuSw',
  requestID: '01a2031c-2cda-7799-b445-d09a6f3a523f'
}
const exampleOf = (name: string) => (examples[name] === undefined ? {} : { examples: [examples[name]] })

/** A string parameter: texts for absence and type, and for a value that cannot be right. */
export const text = (name: string, { maxLength }: { maxLength: number }) =>
  parameter(Type.String({ minLength: 1, maxLength, pattern: visible, ...exampleOf(name) }), {
    type: missing('string', name),
    minLength: `Invalid parameter ${name}`,
    maxLength: `Invalid parameter ${name}`,
    pattern: `Invalid parameter ${name}`
  })

/**
 * Checks a body property by property, in the order the schema lists them, so that the first fault reported is
 * predictable. Unknown members are ignored.
 */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema }) => {
  const { properties = {}, required = [] } = schema as { properties?: TProperties; required?: string[] }
  const checks = Object.entries(properties).map(([name, property]) => ({
    name,
    required: required.includes(name),
    validator: Compile(property),
    faults: (property as { [extension]?: FaultTexts })[extension]
  }))
  return (body: unknown): { value: unknown } | { error: CscFault } => {
    if (typeof body !== 'object' || body === null || Array.isArray(body)) return { error: invalidRequest() }
    for (const { name, required, validator, faults } of checks) {
      const value = (body as Record<string, unknown>)[name]
      if (value === undefined && !required) continue
      if (value === undefined) return { error: invalidRequest(faults?.type) }
      if (validator.Check(value)) continue
      const first = validator.Errors(value)[0]
      const keyword = first === undefined || first.instancePath === '' ? (first?.keyword ?? 'type') : 'items'
      return { error: invalidRequest(faults?.[keyword] ?? faults?.type ?? `Invalid parameter ${name}`) }
    }
    return { value: body }
  }
}
