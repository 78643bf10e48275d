import { expectFault, invalidRequestText } from '../reading/fault.js'
import { isFields, said, success, textOf } from '../reading/values.js'
import { clauses, must, NotOffered, type Rule, type RuleTable, type Version } from '../rule.js'
import { present, type Target } from '../server/target.js'
import { bearerMethods, methods } from './general.js'

/** Headers that are not `Bearer [token]`. */
const malformed: readonly { what: string; header: string }[] = [
  { what: 'another scheme', header: 'Basic dXNlcjpwYXNzd29yZA==' },
  { what: 'no token', header: 'Bearer' },
  { what: 'no scheme', header: 'abcdefgh' },
  { what: 'two tokens', header: 'Bearer abc def' },
  { what: 'characters no token has', header: 'Bearer "abc"' }
]

/** The row for the Authorization header, which every error table has, and tokens that are not good. */
export const headers: RuleTable = (version) =>
  bearerMethods
    .filter(({ name }) => methods.some((one) => one.name === name && one[version]))
    .flatMap(({ name, clause }) => [
      ...malformed.map(
        ({ what, header }): Rule => ({
          clause: clause[version],
          mark: version === 'v1' ? 'P' : 'C',
          text: `${name}: a malformed Authorization header (${what}) is 400`,
          check: async (target) => {
            await target.needs(name)
            expectFault(await target.call(name, {}, { authorization: header }), malformedText(name, version))
          }
        })
      ),
      {
        clause: clause[version],
        mark: 'P',
        text: `${name}: without an Authorization header nothing is done`,
        check: async (target) => {
          await target.needs(name)
          const answer = await target.call(name, {}, { authorization: null })
          expectFault(answer, { status: [400, 401], error: ['invalid_request', 'invalid_token'] })
        }
      },
      {
        clause: clause[version],
        mark: 'P',
        text: `${name}: a token nobody has is 401 invalid_token`,
        check: (target) => unknownToken(target, name)
      }
    ])

function malformedText(name: string, version: Version): { description: readonly string[] } {
  if (version === 'v2') return { description: ['Malformed authorization header'] }
  if (name === 'credentials/sendOTP') return { description: ['Malformed authroization header.'] }
  const capitals = invalidRequestText.replace('missing a required', 'missing a REQUIRED')
  if (name === 'auth/revoke' || name === 'credentials/extendTransaction')
    return { description: [capitals, invalidRequestText] }
  return { description: [invalidRequestText] }
}

async function unknownToken(target: Target, name: string): Promise<void> {
  await target.needs(name)
  const answer = await target.call(name, {}, { authorization: 'Bearer Y29uZm9ybWFuY2UtdW5rbm93bi10b2tlbg' })
  must(answer.status === 401, said(answer))
  const error = isFields(answer.body) ? answer.body.error : undefined
  must(error === 'invalid_token', `error is ${error}: ${said(answer)}`, 'U')
  const challenge = answer.headers.get('www-authenticate') ?? ''
  must(/^Bearer\b/i.test(challenge), 'no WWW-Authenticate: Bearer (RFC 6750)', 'U')
}

/** What a revoked token is told; the reference recommends it for all methods. */
export const revokedTokens: RuleTable = (version) => [
  {
    clause: clauses.errors[version],
    mark: 'P',
    text: 'a revoked token is 401 expired_token',
    check: async (target) => {
      await target.needs('credentials/list')
      if (!(await target.authTypes()).includes('oauth2client'))
        throw new NotOffered('authType has no oauth2client')
      const answer = await target.oauth.token({ grant_type: 'client_credentials', scope: 'service' })
      const token = textOf(success(answer), 'access_token')
      present(await target.oauth.authenticated('revoke', { token }))
      const refused = await target.call('credentials/list', {}, { authorization: `Bearer ${token}` })
      expectFault(refused, {
        ...{ status: 401, error: 'expired_token', words: 'U' },
        description: 'The access or refresh token is expired or has been revoked.'
      })
    }
  }
]
