import type { FastifyInstance } from 'fastify'
import { ServiceError } from '../errors.js'

/** Parameters by name; each came once. */
export type Parameters = Readonly<Record<string, string>>

/**
 * Takes form bodies and nothing else, in this scope. A parameter that comes twice is refused (RFC 6749 §3.2); an empty one
 * counts as absent (§3.1).
 * @param limitOctets Of one form.
 * @param twice What a form is refused with that has a parameter twice.
 */
export function takeForms(
  app: FastifyInstance,
  limitOctets: number,
  twice: () => Error = () =>
    new ServiceError('request_invalid', 'a parameter comes twice', { says: 'A parameter comes twice.' })
): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: limitOctets },
    async (_request: unknown, body: string | Buffer) => {
      const read = readParameters(new URLSearchParams(String(body)))
      if (read.twice.length > 0) throw twice()
      return read.parameters
    }
  )
}

/** Those of a query, where some of what came twice can still be told to the one who asked. */
export function readQuery(url: string): { parameters: Parameters; twice: readonly string[] } {
  const start = url.indexOf('?')
  return readParameters(new URLSearchParams(start < 0 ? '' : url.slice(start + 1)))
}

function readParameters(fields: URLSearchParams): { parameters: Parameters; twice: readonly string[] } {
  const parameters: Record<string, string> = Object.create(null)
  const twice: string[] = []
  const seen = new Set<string>()
  for (const [name, value] of fields) {
    if (seen.has(name)) twice.push(name)
    seen.add(name)
    if (value !== '') parameters[name] = value
  }
  return { parameters, twice }
}

/** U+0000 stands in nothing that is sent here, and PostgreSQL stores none. */
export const hasNul = (parameters: Parameters): boolean =>
  Object.values(parameters).some((value) => value.includes('\0'))
