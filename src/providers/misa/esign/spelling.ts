import type { preValidationAsyncHookHandler } from 'fastify'
import type { Findings } from '../../dialect/findings.js'
import { callerOf } from './client.js'

/** Members as the documents spell them; those of an object or of the objects in a list below. */
export interface Spelling {
  readonly [member: string]: Spelling | null
}

/**
 * Login is asked in camelCase and signing in PascalCase (§5.2, §5.5), and clients mix them up: a member in other letters
 * is taken from a lenient relying party for the one it stands for.
 */
export function respell(part: 'body' | 'query', spelling: Spelling): preValidationAsyncHookHandler {
  return async (request) => {
    request[part] = respelled(request[part], spelling, callerOf(request).findings)
  }
}

function respelled(value: unknown, spelling: Spelling, findings: Findings): unknown {
  if (Array.isArray(value)) return value.map((item) => respelled(item, spelling, findings))
  if (typeof value !== 'object' || value === null) return value
  const meant = new Map(Object.keys(spelling).map((name) => [name.toLowerCase(), name]))
  const entries = Object.entries(value).map(([sent, inner]) => {
    const name = meant.get(sent.toLowerCase())
    if (name === undefined) return [sent, inner]
    const below = spelling[name] ?? null
    const read = below === null ? inner : respelled(inner, below, findings)
    // Both spellings at once: the right one counts.
    if (name !== sent && Object.hasOwn(value, name)) return [sent, inner]
    if (name !== sent)
      findings.forgive({
        code: 'member_spelling',
        field: name,
        found: `The member is written ${sent}.`,
        remedy: `Write ${name}: requests of login are in camelCase, requests to sign in PascalCase.`
      })
    return [name, read]
  })
  return Object.fromEntries(entries)
}
