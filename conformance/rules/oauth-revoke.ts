import { expectFault, type Fault } from '../reading/fault.js'
import { said, success, textOf } from '../reading/values.js'
import { clauses, type Mark, must, NotOffered, type Rule, type RuleTable } from '../rule.js'
import type { Answer } from '../server/http.js'
import { present, type Target } from '../server/target.js'
import { refresh, withRefresh } from './oauth-token.js'

/** oauth2/revoke: its error table, and what revoking brings with it. */
export const oauthRevoke: RuleTable = (version) => {
  const clause = clauses.oauthRevoke[version]
  const sure: Mark = version === 'v1' ? 'P' : 'U'
  const row = (
    mark: Mark,
    text: string,
    check: (target: Target) => Promise<void>,
    more: Partial<Rule> = {}
  ): Rule => ({
    ...{ clause, mark, text, check },
    ...more
  })
  const fault = (
    text: string,
    fields: Record<string, string | null>,
    expected: Fault,
    more: Partial<Rule> = {}
  ): Rule =>
    row(
      sure,
      text,
      async (target) =>
        expectFault(await ask(target, { token: 'conformance-no-token', ...fields }), expected),
      more
    )
  return [
    row('P', 'a token is revoked: 204 without a body', async (target) => {
      const answer = await ask(target, { token: await ownToken(target) })
      must(answer.status === 204 && answer.text === '', said(answer))
    }),
    row('P', 'a revoked token is good for nothing', async (target) => {
      const token = await ownToken(target)
      revoked(await ask(target, { token, token_type_hint: 'access_token' }))
      await target.needs('credentials/list')
      const answer = await target.call('credentials/list', {}, { authorization: `Bearer ${token}` })
      must(answer.status === 401, said(answer))
    }),
    row('P', 'a token with the hint of the other type is revoked all the same', async (target) => {
      revoked(await ask(target, { token: await ownToken(target), token_type_hint: 'refresh_token' }))
    }),
    fault('token is missing', { token: null }, { description: 'Missing parameter token' }),
    fault(
      'token_type_hint is neither of the two values',
      { token_type_hint: 'conformance' },
      {
        description: 'Invalid parameter token_type_hint'
      }
    ),
    fault('token is invalid', {}, { description: 'Invalid string parameter token' }),
    fault(
      'there is neither client_id nor Authorization header',
      { client_id: null, client_secret: null },
      {
        status: [400, 401],
        description: 'Missing parameter client_id'
      }
    ),
    fault(
      'client_id is invalid',
      { client_id: 'conformance-nobody' },
      {
        status: [400, 401],
        error: ['invalid_request', 'invalid_client'],
        description: ['Invalid parameter client_id', 'Invalid parameter client_secret']
      }
    ),
    fault(
      'there is neither client_secret nor Authorization header',
      { client_secret: null },
      {
        status: [400, 401],
        description: 'Client authorization required'
      }
    ),
    fault(
      'client_secret is wrong',
      { client_secret: 'conformance-wrong' },
      {
        description: 'Invalid parameter client_secret'
      },
      { lane: 'secrets' }
    ),
    row(sure, 'an invalid Authorization header is 401 invalid_client', async (target) => {
      const pairs = [['token', 'conformance-no-token']] as const
      const answer = present(await target.oauth.form('revoke', pairs, { authorization: 'Basic !' }))
      expectFault(answer, {
        status: 401,
        error: 'invalid_client',
        description: 'Invalid Authorization header'
      })
    }),
    row('P', 'token given twice is refused', async (target) => {
      const { id, secret } = target.oauth.client()
      const pairs = [
        ['client_id', id],
        ['client_secret', secret],
        ['token', 'a'],
        ['token', 'b']
      ] as const
      expectFault(present(await target.oauth.form('revoke', pairs)), {})
    }),
    row(
      'U',
      'a wrong client secret revokes nothing',
      async (target) => {
        const token = await ownToken(target)
        await ask(target, { token, client_secret: 'conformance-wrong' })
        await target.needs('credentials/list')
        const answer = await target.call('credentials/list', {}, { authorization: `Bearer ${token}` })
        must(answer.status !== 401, said(answer), 'P')
      },
      { lane: 'secrets' }
    ),
    row(
      version === 'v1' ? 'P' : 'S',
      'a revoked refresh token takes its access tokens with it',
      async (target) => {
        const { access_token, refresh_token } = await withRefresh(target)
        revoked(await ask(target, { token: refresh_token }))
        await target.needs('credentials/list')
        const answer = await target.call('credentials/list', {}, { authorization: `Bearer ${access_token}` })
        must(answer.status === 401, said(answer))
        expectFault(await refresh(target, refresh_token), { error: 'invalid_grant' })
      }
    ),
    row('P', 'a revoked access token leaves the refresh token', async (target) => {
      const { access_token, refresh_token } = await withRefresh(target)
      revoked(await ask(target, { token: access_token }))
      target.oauth.issued(textOf(success(await refresh(target, refresh_token)), 'access_token'))
    }),
    {
      clause,
      mark: 'P',
      text: 'a type of token that cannot be revoked is unsupported_token_type',
      check: { untried: 'only a server with such tokens has the case' }
    },
    {
      clause,
      mark: 'U',
      text: 'a token of another client is not revoked',
      check: { untried: 'a second client would have to be registered' }
    }
  ]
}

/** A form with the client's own id and secret unless said otherwise; null leaves a field out. */
async function ask(target: Target, fields: Record<string, string | null>): Promise<Answer> {
  const { id, secret } = target.oauth.client()
  const all: Record<string, string | null> = { client_id: id, client_secret: secret, ...fields }
  const pairs = Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== null)
  const answer = present(await target.oauth.form('revoke', pairs))
  if (fields.client_secret !== undefined && fields.client_secret !== null) await ownToken(target)
  return answer
}

function revoked(answer: Answer): void {
  must(answer.status === 204, said(answer))
}

async function ownToken(target: Target): Promise<string> {
  if (!(await target.authTypes()).includes('oauth2client'))
    throw new NotOffered('authType has no oauth2client')
  const fields = success(await target.oauth.token({ grant_type: 'client_credentials', scope: 'service' }))
  return target.oauth.issued(textOf(fields, 'access_token'))
}
