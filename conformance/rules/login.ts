import { expectFault } from '../reading/fault.js'
import { said, shown, success, textOf } from '../reading/values.js'
import { clauses, type Mark, must, NotOffered, type Rule, type RuleTable } from '../rule.js'
import { basicOf, type Target } from '../server/target.js'

/** auth/login and auth/revoke: HTTP Basic, refresh tokens, revocation. The same in both versions. */
export const login: RuleTable = (version) => {
  const rules: Rule[] = []
  const row = (
    topic: 'login' | 'authRevoke',
    mark: Mark,
    text: string,
    check: (target: Target) => Promise<void>
  ): void => {
    rules.push({
      ...{ clause: clauses[topic][version], mark, text, lane: 'login' },
      check: async (target) => {
        await offersBasic(target)
        await check(target)
      }
    })
  }
  const header = (value: string) => `Basic ${Buffer.from(value).toString('base64')}`

  row('login', 'P', 'Basic with login and password gives an access token', async (target) => {
    const fields = await logIn(target)
    const { expires_in } = fields
    must(expires_in === undefined || typeof expires_in === 'number', `expires_in is ${shown(expires_in)}`)
  })
  row('login', 'P', 'the token opens credentials/list, for the user alone', async (target) => {
    await target.needs('credentials/list')
    const token = textOf(await logIn(target), 'access_token')
    const authorization = `Bearer ${token}`
    success(await target.call('credentials/list', {}, { authorization }))
    const { user } = target.options
    const answer = await target.call('credentials/list', { userID: user }, { authorization })
    expectFault(answer, { description: 'userID parameter MUST be null' })
  })
  row('login', 'P', 'without rememberMe there is no refresh token', async (target) => {
    must(!('refresh_token' in (await logIn(target))), 'there is a refresh_token')
  })
  for (const value of [undefined, 'Basic', 'Basic !!', 'Bearer abc', 'abc']) {
    row('login', 'P', `a header that is not Basic [base64] (${value ?? 'none'}) is 401`, async (target) => {
      const answer = await target.call('auth/login', {}, { authorization: value ?? null })
      expectFault(answer, { status: 401, description: 'Malformed authentication parameter.' })
    })
  }
  row('login', 'P', 'Basic without a colon is 400', async (target) => {
    const answer = await target.call('auth/login', {}, { authorization: header('conformance') })
    expectFault(answer, { description: 'Malformed username-password.' })
  })
  row('login', 'P', 'a login nobody has is 400 authentication_error', async (target) => {
    const answer = await target.call('auth/login', {}, { authorization: header(`conformance-nobody:wrong`) })
    expectFault(answer, failed)
  })
  rules.push({
    clause: clauses.login[version],
    mark: 'P',
    text: 'a wrong password is 400 authentication_error, word for word as for a login nobody has',
    lane: 'secrets',
    check: async (target) => {
      await offersBasic(target)
      const { user, password } = target.options
      if (password === null) throw new NotOffered('no password is asked')
      const answer = await target.call(
        'auth/login',
        {},
        { authorization: header(`${user}:conformance-wrong`) }
      )
      await logIn(target) // a right one between two wrong ones
      expectFault(answer, failed)
    }
  })
  for (const value of [1, true, [], {}]) {
    row('login', 'P', `refresh_token ${shown(value)} has the wrong format`, async (target) => {
      const answer = await target.call('auth/login', { refresh_token: value }, { authorization: null })
      expectFault(answer, { description: 'Invalid string parameter: refresh_token' })
    })
  }
  row('login', 'P', 'a refresh token nobody has is refused', async (target) => {
    const refresh_token = 'Y29uZm9ybWFuY2UtdW5rbm93bi1yZWZyZXNoLXRva2Vu'
    const answer = await target.call('auth/login', { refresh_token }, { authorization: null })
    expectFault(answer, {
      description: ['Invalid refresh_token', 'Invalid string parameter: refresh_token']
    })
  })
  row('login', 'P', 'rememberMe gives a refresh token, which logs in without the header', async (target) => {
    const { refresh_token } = await remembered(target)
    const fields = success(await target.call('auth/login', { refresh_token }, { authorization: null }))
    target.oauth.issued(textOf(fields, 'access_token'))
  })
  for (const value of ['true', 1, {}]) {
    row('login', 'U', `rememberMe ${shown(value)} is refused, or ignored`, async (target) => {
      const answer = await target.call(
        'auth/login',
        { rememberMe: value },
        { authorization: basicOf(target) }
      )
      must(answer.status === 400 || answer.status === 200, said(answer))
    })
  }
  rules.push({
    clause: clauses.login[version],
    mark: 'U',
    text: 'HTTP Digest logs in',
    check: { untried: 'the document gives no realm, qop or nonce rules' }
  })

  row('authRevoke', 'P', 'an access token is revoked: 204 without a body', async (target) => {
    const { access_token: token } = await logIn(target)
    const answer = await revoke(target, { token })
    must(answer.status === 204 && answer.text === '', said(answer))
    await target.needs('credentials/list')
    const refused = await target.call('credentials/list', {}, { authorization: `Bearer ${String(token)}` })
    must(refused.status === 401, said(refused))
  })
  row('authRevoke', 'P', 'token is missing', async (target) => {
    const description = 'Missing (or invalid type) string parameter token'
    expectFault(await revoke(target, {}), { description })
  })
  for (const value of [1, true, ['a'], {}]) {
    row('authRevoke', 'P', `token ${shown(value)} is no string`, async (target) => {
      const description = 'Missing (or invalid type) string parameter token'
      expectFault(await revoke(target, { token: value }), { description })
    })
  }
  for (const value of ['conformance', 1, {}]) {
    row('authRevoke', 'P', `token_type_hint ${shown(value)} is neither of the two`, async (target) => {
      const answer = await revoke(target, { token: 'conformance-no-token', token_type_hint: value })
      expectFault(answer, { description: 'Invalid string parameter token_type_hint' })
    })
  }
  row('authRevoke', 'P', 'a token nobody has is refused', async (target) => {
    const answer = await revoke(target, { token: 'conformance-no-token' })
    expectFault(answer, { description: 'Invalid string parameter token' })
  })
  row('authRevoke', 'P', 'a revoked refresh token takes its access tokens with it', async (target) => {
    const { access_token, refresh_token } = await remembered(target)
    const answer = await revoke(target, { token: refresh_token, token_type_hint: 'refresh_token' })
    must(answer.status === 204, said(answer))
    await target.needs('credentials/list')
    const refused = await target.call('credentials/list', {}, { authorization: `Bearer ${access_token}` })
    must(refused.status === 401, said(refused))
    const again = await target.call('auth/login', { refresh_token }, { authorization: null })
    must(again.status === 400, said(again))
  })
  row('authRevoke', 'P', 'a revoked access token leaves the refresh token', async (target) => {
    const { access_token, refresh_token } = await remembered(target)
    must((await revoke(target, { token: access_token })).status === 204, 'it was not revoked')
    success(await target.call('auth/login', { refresh_token }, { authorization: null }))
  })
  return rules
}

const failed = {
  error: 'authentication_error',
  description: 'An error occurred during authentication process'
}

async function offersBasic(target: Target): Promise<void> {
  if (!(await target.authTypes()).includes('basic')) throw new NotOffered('authType has no basic')
}

async function logIn(target: Target, body: object = {}): Promise<Record<string, unknown>> {
  const fields = success(await target.call('auth/login', body, { authorization: basicOf(target) }))
  target.oauth.issued(textOf(fields, 'access_token'))
  return fields
}

async function remembered(target: Target): Promise<{ access_token: string; refresh_token: string }> {
  const fields = await logIn(target, { rememberMe: true })
  if (fields.refresh_token === undefined) throw new NotOffered('rememberMe is not supported')
  return { access_token: textOf(fields, 'access_token'), refresh_token: textOf(fields, 'refresh_token') }
}

/** By a login of its own, so that no other case loses its token. */
async function revoke(target: Target, body: object) {
  await target.needs('auth/revoke')
  const token = textOf(await logIn(target), 'access_token')
  return target.call('auth/revoke', body, { authorization: `Bearer ${token}` })
}
