import { expectFault, type Fault } from '../reading/fault.js'
import { isFields, said, shown, success, textOf } from '../reading/values.js'
import { clauses, type Mark, must, NotOffered, type Rule, type RuleTable } from '../rule.js'
import { send } from '../server/http.js'
import type { Pairs } from '../server/oauth.js'
import type { Target } from '../server/target.js'

/** oauth2/token: the error table, client authentication and the three grants. */
export const oauthToken: RuleTable = (version) => {
  const clause = clauses.token[version]
  const row = (mark: Mark, text: string, check: Rule['check'], more: Partial<Rule> = {}): Rule => ({
    ...{ clause, mark, text, check },
    ...more
  })
  const fault = (text: string, fields: Fields, expected: Fault, more: Partial<Rule> = {}): Rule =>
    row('P', text, async (target) => expectFault(await ask(target, fields), expected), more)
  const secrets = { lane: 'secrets' } as const
  return [
    row('P', 'client_credentials with the secret in the body gives a service token', async (target) => {
      await offersClient(target)
      const answer = await target.oauth.token({ grant_type: 'client_credentials', scope: 'service' })
      target.oauth.issued(textOf(success(answer), 'access_token'))
    }),
    row('P', 'client_credentials with HTTP Basic gives a service token', async (target) => {
      await offersClient(target)
      const answer = await target.oauth.token({ grant_type: 'client_credentials' }, 'basic')
      target.oauth.issued(textOf(success(answer), 'access_token'))
    }),
    row('P', 'token_type of a service token is Bearer', async (target) => {
      const { token_type } = await clientToken(target)
      must(token_type === 'Bearer', `token_type is ${shown(token_type)}`)
    }),
    row('P', 'expires_in is a number of seconds, if it is there', async (target) => {
      const { expires_in } = await clientToken(target)
      if (expires_in === undefined) throw new NotOffered('expires_in is absent: 3600')
      must(typeof expires_in === 'number' && expires_in > 0, `expires_in is ${shown(expires_in)}`)
    }),
    row(
      'U',
      'a client’s own token comes without a refresh token, and is not to be stored',
      async (target) => {
        await offersClient(target)
        const answer = await target.oauth.token({ grant_type: 'client_credentials' })
        const fields = success(answer)
        target.oauth.issued(textOf(fields, 'access_token'))
        must(fields.refresh_token === undefined, 'there is a refresh_token')
        must(
          /no-store/.test(answer.headers.get('cache-control') ?? ''),
          'no Cache-Control: no-store (RFC 6749 5.1)'
        )
      }
    ),
    row('P', 'client_credentials is for service scope alone', async (target) => {
      await offersClient(target)
      const answer = await target.oauth.token({ grant_type: 'client_credentials', scope: 'credential' })
      expectFault(answer, { error: ['invalid_scope', 'invalid_request', 'unauthorized_client'] })
    }),
    row('P', 'an unknown scope is refused', async (target) => {
      await offersClient(target)
      const answer = await target.oauth.token({ grant_type: 'client_credentials', scope: 'conformance' })
      expectFault(answer, { error: 'invalid_scope', words: 'U' })
    }),

    fault(
      'client_id is missing',
      { grant_type: 'client_credentials', client_id: null, client_secret: null },
      {
        description: 'Missing parameter client_id'
      }
    ),
    fault('grant_type is missing', { grant_type: null }, { description: 'Missing parameter grant_type' }),
    ...['password', 'implicit', 'conformance'].map((grant_type) =>
      fault(
        `grant_type ${grant_type} is invalid`,
        { grant_type },
        { description: 'Invalid parameter grant_type' }
      )
    ),
    row('P', 'code is missing', async (target) => {
      await offersCode(target)
      expectFault(await ask(target, { grant_type: 'authorization_code' }), {
        description: 'Missing parameter code'
      })
    }),
    row('P', 'refresh_token is missing', async (target) => {
      await offersCode(target)
      const answer = await ask(target, { grant_type: 'refresh_token' })
      expectFault(answer, { description: 'Missing parameter refresh_token' })
    }),
    // Who is registered need not be told: then an unknown client is one with a wrong secret.
    fault(
      'client_id is invalid',
      { grant_type: 'client_credentials', client_id: 'conformance-nobody' },
      {
        status: [400, 401],
        error: ['invalid_request', 'invalid_client'],
        description: ['Invalid parameter client_id', 'Invalid parameter client_secret']
      }
    ),
    row('P', 'a code nobody has is invalid_grant', async (target) => {
      await offersCode(target)
      const { verifier } = target.oauth.request()
      const answer = await target.oauth.redeem({
        code: 'conformance-no-code',
        verifier,
        authorizationDetails: null
      })
      const texts = ['Invalid parameter code', 'Authorization code is invalid or expired']
      expectFault(answer, { error: 'invalid_grant', description: texts })
    }),
    row('P', 'a refresh token nobody has is invalid_grant', async (target) => {
      await offersCode(target)
      const answer = await ask(target, { grant_type: 'refresh_token', refresh_token: 'conformance-no-token' })
      expectFault(answer, { error: 'invalid_grant', description: 'Invalid parameter refresh_token' })
    }),
    fault(
      'there is neither client_secret nor Authorization header',
      { grant_type: 'client_credentials', client_secret: null },
      {
        status: [400, 401],
        description: 'Client authorization required'
      }
    ),
    fault(
      'client_secret is wrong',
      { grant_type: 'client_credentials', client_secret: 'conformance-wrong' },
      {
        description: 'Invalid parameter client_secret'
      },
      secrets
    ),
    row(
      'P',
      'a wrong secret by HTTP Basic gives no token',
      async (target) => {
        const { id } = target.oauth.client()
        const authorization = `Basic ${Buffer.from(`${id}:conformance-wrong`).toString('base64')}`
        const answer = await target.oauth.form('token', [['grant_type', 'client_credentials']], {
          authorization
        })
        expectFault(answer, { status: [400, 401], error: ['invalid_request', 'invalid_client'] })
        await clientToken(target) // a right one between two wrong ones
      },
      secrets
    ),
    row('U', 'a malformed Basic header is refused', async (target) => {
      const pairs: Pairs = [['grant_type', 'client_credentials']]
      const answer = await target.oauth.form('token', pairs, { authorization: 'Basic !' })
      expectFault(answer, { status: [400, 401], error: ['invalid_client', 'invalid_request'] })
    }),
    row('P', 'an error takes none of the form’s secrets into its answer', async (target) => {
      const answer = await ask(target, { grant_type: 'conformance' })
      must(!answer.text.includes(target.oauth.client().secret), 'the secret is in the answer')
    }),
    ...['grant_type', 'client_id', 'client_secret', 'scope'].map((name) =>
      row('P', `${name} given twice is refused`, async (target) => {
        const { id, secret } = target.oauth.client()
        const fields = {
          grant_type: 'client_credentials',
          client_id: id,
          client_secret: secret,
          scope: 'service'
        }
        const pairs = Object.entries(fields)
        const [, value] = pairs.find(([field]) => field === name) ?? []
        const answer = await target.oauth.form('token', [...pairs, [name, value ?? '']])
        expectFault(answer, { error: 'invalid_request' })
      })
    ),
    row('P', 'a JSON body is not taken for a form', async (target) => {
      const { id, secret } = target.oauth.client()
      const body = JSON.stringify({ grant_type: 'client_credentials', client_id: id, client_secret: secret })
      const headers = { 'content-type': 'application/json', accept: 'application/json' }
      const answer = await send(await target.oauth.endpoint('token'), { headers, body })
      must(answer.status >= 400 && answer.status < 500, said(answer))
    }),
    row('U', 'a very long form is refused', async (target) => {
      const answer = await ask(target, {
        grant_type: 'client_credentials',
        clientData: 'x'.repeat(4_000_000)
      })
      must([400, 413, 414].includes(answer.status), said(answer))
    }),
    row('P', 'client_assertion (RFC 7521) takes the place of a secret', {
      untried: 'the client would have to be registered with a key'
    }),

    row('P', 'a code gives a service token of the user', async (target) => {
      const redeemed = success(await target.oauth.redeem(await target.oauth.serviceCode()))
      target.oauth.issued(textOf(redeemed, 'access_token'))
      must(redeemed.token_type === 'Bearer', `token_type is ${shown(redeemed.token_type)}`)
    }),
    row('P', 'a code is good once', async (target) => {
      const code = await target.oauth.serviceCode()
      target.oauth.issued(textOf(success(await target.oauth.redeem(code)), 'access_token'))
      expectFault(await target.oauth.redeem(code), { error: 'invalid_grant', description: usedCode })
    }),
    row('P', 'a code is good once, also when it is redeemed twice at the same time', async (target) => {
      const code = await target.oauth.serviceCode()
      const answers = await Promise.all([target.oauth.redeem(code), target.oauth.redeem(code)])
      const good = answers.filter(({ status }) => status === 200)
      for (const { body } of good) if (isFields(body)) target.oauth.issued(String(body.access_token))
      must(good.length === 1, `${good.length} of two redeemed it`)
    }),
    row('P', 'redirect_uri must be that of the authorization request', async (target) => {
      const code = await target.oauth.serviceCode()
      const answer = await target.oauth.redeem(code, { redirect_uri: `${target.options.redirectUri}/other` })
      expectFault(answer, {
        error: 'invalid_grant',
        description: 'redirect_uri parameter does not match redirect_uri parameter of authorization request'
      })
    }),
    row('P', 'redirect_uri may not be left out where it was in the authorization request', async (target) => {
      const code = await target.oauth.serviceCode()
      expectFault(await target.oauth.redeem(code, { redirect_uri: undefined }), {
        error: ['invalid_grant', 'invalid_request']
      })
    }),
    row('P', 'an expired code is refused', {
      untried: 'lifetimes of codes are not told; waiting would be guessing'
    }),
    row('P', 'an expired refresh token is refused as such', {
      untried: 'lifetimes of refresh tokens are not told'
    }),

    row('P', 'a refresh token gives another access token', async (target) => {
      const refreshed = success(await refresh(target, (await withRefresh(target)).refresh_token))
      target.oauth.issued(textOf(refreshed, 'access_token'))
      must(refreshed.token_type === 'Bearer', `token_type is ${shown(refreshed.token_type)}`)
    }),
    row('P', 'a new refresh token replaces the old one', async (target) => {
      const first = await withRefresh(target)
      const second = success(await refresh(target, first.refresh_token))
      target.oauth.issued(textOf(second, 'access_token'))
      const { refresh_token: next } = second
      if (next === undefined || next === first.refresh_token)
        throw new NotOffered('refresh tokens are not replaced')
      expectFault(await refresh(target, first.refresh_token), { error: 'invalid_grant' })
    }),
    row('U', 'the camel-case refreshToken of the sample is understood', async (target) => {
      const { refresh_token } = await withRefresh(target)
      const answer = await target.oauth.token({ grant_type: 'refresh_token', refreshToken: refresh_token })
      target.oauth.issued(textOf(success(answer), 'access_token'))
    }),
    ...(version === 'v1' ? [] : onlyV2(row))
  ]
}

/** Null leaves a field out. */
type Fields = Record<string, string | null>
const usedCode = ['Invalid parameter code', 'Authorization code is invalid or expired']

const onlyV2 = (row: (mark: Mark, text: string, check: Rule['check']) => Rule): Rule[] => [
  row('C', 'a code without its code_verifier is refused', async (target) => {
    const code = await target.oauth.serviceCode()
    const answer = await target.oauth.redeem(code, { code_verifier: undefined })
    expectFault(answer, { error: ['invalid_grant', 'invalid_request'] })
  }),
  row('C', 'a code with another code_verifier is refused', async (target) => {
    const code = await target.oauth.serviceCode()
    const { verifier } = target.oauth.request()
    const answer = await target.oauth.redeem(code, { code_verifier: verifier })
    expectFault(answer, { error: ['invalid_grant', 'invalid_request'] })
  })
]

async function offersClient(target: Target): Promise<void> {
  if (!(await target.authTypes()).includes('oauth2client'))
    throw new NotOffered('authType has no oauth2client')
}

async function offersCode(target: Target): Promise<void> {
  if (!(await target.authTypes()).includes('oauth2code')) throw new NotOffered('authType has no oauth2code')
}

/** A request by form with the client's own id and secret unless said otherwise. */
async function ask(target: Target, fields: Fields) {
  const { id, secret } = target.oauth.client()
  const all: Fields = { client_id: id, client_secret: secret, ...fields }
  const pairs = Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== null)
  const answer = await target.oauth.form('token', pairs)
  // A right secret after a wrong one, so that nobody is locked out.
  if (fields.client_secret !== undefined && fields.client_secret !== null) await clientToken(target)
  return answer
}

async function clientToken(target: Target): Promise<Record<string, unknown>> {
  await offersClient(target)
  const fields = success(await target.oauth.token({ grant_type: 'client_credentials', scope: 'service' }))
  target.oauth.issued(textOf(fields, 'access_token'))
  return fields
}

/** Tokens of a login of its own. @throws NotOffered where there is no refresh token. */
export async function withRefresh(target: Target): Promise<{ access_token: string; refresh_token: string }> {
  const fields = success(await target.oauth.redeem(await target.oauth.serviceCode()))
  const access_token = target.oauth.issued(textOf(fields, 'access_token'))
  if (fields.refresh_token === undefined) throw new NotOffered('no refresh token is given')
  return { access_token, refresh_token: textOf(fields, 'refresh_token') }
}

export const refresh = (target: Target, refresh_token: string) =>
  target.oauth.token({ grant_type: 'refresh_token', refresh_token })
