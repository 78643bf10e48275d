import t from 'tap'
import { basic, nextChallenge, PortalV1 } from '../clients/csc-v1.js'
import { castAt, digestOf } from '../clients/journey.js'
import { ecdsaSha256Oid, Portal } from '../clients/portal.js'
import { startWorld } from '../world.js'

t.setTimeout(300_000)
const world = await startWorld(t)
const { url } = world
const provider = 'misa'
const cast = castAt({ url, provider, now: world.clock.now })
const portal = new PortalV1({ url, provider })
const demo = { login: 'binh.le@example.vn', password: 'misa-demo' }
const refused = (status: number, error: string, error_description: string) => ({
  status,
  body: { error, error_description }
})
const failed = refused(400, 'authentication_error', 'An error occurred during authentication process')
const list = (token: unknown, at: Portal = portal) => at.call('credentials/list', {}, String(token))

t.test('auth/login (§11.2)', async (t) => {
  await t.test('a password gives a token that is the subscriber’s own', async (t) => {
    const { status, headers, body } = await portal.login(demo.login, demo.password)
    t.equal(status, 200, JSON.stringify(body))
    t.same(Object.keys(body).sort(), ['access_token', 'expires_in'])
    t.equal(body.expires_in, 3600)
    t.equal(headers.get('cache-control'), 'no-store')
    const { body: listed } = await list(body.access_token)
    t.equal((listed.credentialIDs as string[]).length, 2)
    t.equal((await list(body.access_token, new Portal({ url, provider }))).status, 401, 'not in v2')
    t.equal((await list(body.access_token, new PortalV1({ url, provider: 'vnpt' }))).status, 401)
  })

  await t.test('it signs with the phone, which is shown an application of the provider', async (t) => {
    const password = 'mật khẩu: có dấu hai chấm'
    const person = await cast.enrol({ algorithm: 'P-256', subscriber: { password } })
    const { body } = await portal.login(person.login, password)
    const token = String(body.access_token)
    const digest = digestOf('hợp đồng')
    const asking = portal.authorize(person.credentialID, [digest], {}, token)
    const challenge = await nextChallenge(person.device)
    t.match(challenge, { clientId: 'auth-login', relyingParty: 'Ứng dụng ký số đăng nhập bằng mật khẩu' })
    await person.device.confirm(challenge)
    const { SAD } = (await asking).body
    t.match(
      await portal.sign(person.credentialID, SAD, [digest], ecdsaSha256Oid),
      { status: 400, body: { error_description: 'Invalid parameter SAD' } },
      'another relying party may not use it'
    )
    const signed = await portal.sign(person.credentialID, SAD, [digest], ecdsaSha256Oid, {}, token)
    t.equal(signed.status, 200, JSON.stringify(signed.body))
  })

  await t.test('the error table', async (t) => {
    const malformed = refused(401, 'invalid_request', 'Malformed authentication parameter.')
    const noPair = refused(400, 'invalid_request', 'Malformed username-password.')
    const encoded = (text: string | Buffer) => ({
      authorization: `Basic ${Buffer.from(text as string).toString('base64')}`
    })
    const rows: [headers: Record<string, string>, body: object, answer: object][] = [
      [{}, {}, malformed],
      [{ authorization: 'Basic' }, {}, malformed],
      [{ authorization: 'Basic ~~~' }, {}, malformed],
      [{ authorization: 'Bearer abc' }, { rememberMe: true }, malformed],
      [encoded('no colon'), {}, noPair],
      [encoded(':no name'), {}, noPair],
      [encoded(Buffer.of(0xff, 0x3a, 0x41)), {}, noPair],
      [{}, { refresh_token: 5 }, refused(400, 'invalid_request', 'Invalid string parameter: refresh_token')],
      [
        {},
        { refresh_token: 'x' },
        refused(400, 'invalid_request', 'Invalid string parameter: refresh_token')
      ],
      [{}, { refresh_token: 'x'.repeat(43) }, refused(400, 'invalid_request', 'Invalid refresh_token')],
      [basic(demo.login, 'wrong'), {}, failed],
      [basic('nobody@example.vn', demo.password), {}, failed]
    ]
    for (const [headers, body, answer] of rows)
      t.match(await portal.raw('auth/login', body, headers), answer, JSON.stringify([headers, body]))
    const { headers } = await portal.raw('auth/login', {}, {})
    t.equal(headers.get('www-authenticate'), 'Basic realm="misa", charset="UTF-8"')
    t.match(
      await new PortalV1({ url, provider: 'vnpt' }).login(demo.login, demo.password),
      failed,
      'a subscriber of another provider'
    )
  })

  await t.test('wrong passwords lock it here, and nowhere else; nobody is told which', async (t) => {
    const { login } = await cast.enrol({ subscriber: { password: 'đúng' } })
    for (let wrong = 0; wrong < 5; wrong += 1) await portal.login(login, 'sai')
    const locked = await portal.login(login, 'đúng')
    t.match(locked, failed, 'the right one as well')
    t.ok(Number(locked.headers.get('retry-after')) > 0)
    for (let wrong = 0; wrong < 5; wrong += 1) await portal.login('nobody-at-all', 'sai')
    const unknown = await portal.login('nobody-at-all', 'sai')
    t.same([unknown.status, unknown.body], [locked.status, locked.body])
    const v2 = await fetch(`${url}/${provider}/csc/v2/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...basic(login, 'đúng') },
      body: '{}'
    })
    t.equal(v2.status, 400, 'one relying party in both versions')
    world.clock.advance(301_000)
    t.equal((await portal.login(login, 'đúng')).status, 200)
  })

  await t.test('a login that needs a code besides is refused, and none is sent', async (t) => {
    const person = await cast.enrol({
      subscriber: { password: 'đúng', secondFactor: 'code', phone: '+84912345678' }
    })
    t.match(await portal.login(person.login, 'đúng'), failed)
    const { body } = await cast.operator.get<{ items: unknown[] }>(`/subscribers/${person.id}/messages`)
    t.same(body.items, [])
  })

  await t.test('a provider that asks no password has none to try', async (t) => {
    for (const version of ['v1', 'v2'] as const) {
      const viettel = new Portal({ url, provider: 'viettel', version })
      const answer = await fetch(`${viettel.base}/auth/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...basic('CMT_0123456789', 'anything') },
        body: '{}'
      })
      t.equal(answer.status, 501)
    }
  })
})

t.test('rememberMe and the refresh token', async (t) => {
  const remembered = async () =>
    (await portal.login(demo.login, demo.password, { rememberMe: true })).body as {
      access_token: string
      refresh_token: string
    }
  const refresh = (refresh_token: string, at = portal) => at.raw('auth/login', { refresh_token }, {})

  await t.test('is used once and gives the next one', async (t) => {
    const first = await remembered()
    t.equal((await list(first.refresh_token)).status, 401, 'it is no access token')
    const second = await refresh(first.refresh_token)
    t.equal(second.status, 200)
    t.equal((await list(second.body.access_token)).status, 200)
    t.not(second.body.refresh_token, first.refresh_token)
    t.equal((await list((await refresh(String(second.body.refresh_token))).body.access_token)).status, 200)
  })
  await t.test('one that comes again ends all that came of it', async (t) => {
    const first = await remembered()
    const second = await refresh(first.refresh_token)
    t.match(await refresh(first.refresh_token), refused(400, 'invalid_request', 'Invalid refresh_token'))
    t.match(await refresh(String(second.body.refresh_token)), { status: 400 })
    t.match(await list(second.body.access_token), { status: 401, body: { error: 'expired_token' } })
  })
  await t.test('many at once get one answer', async (t) => {
    const { refresh_token } = await remembered()
    const answers = await Promise.all(Array.from({ length: 5 }, () => refresh(refresh_token)))
    t.equal(answers.filter(({ status }) => status === 200).length, 1)
  })
  await t.test('is good for its provider and version alone', async (t) => {
    const { refresh_token } = await remembered()
    const elsewhere = [new PortalV1({ url, provider: 'vnpt' }).base, new Portal({ url, provider }).base].map(
      (base) =>
        fetch(`${base}/auth/login`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ refresh_token })
        })
    )
    for (const answer of await Promise.all(elsewhere)) t.equal(answer.status, 400)
    t.equal((await refresh(refresh_token)).status, 200)
  })
})

t.test('auth/revoke (§11.3)', async (t) => {
  const revoke = (body: object, token: string) => portal.call('auth/revoke', body, token)
  const remembered = async () =>
    (await portal.login(demo.login, demo.password, { rememberMe: true })).body as {
      access_token: string
      refresh_token: string
    }

  await t.test('an access token ends, and its refresh token stays', async (t) => {
    const { access_token: token, refresh_token } = await remembered()
    const answer = await revoke({ token, token_type_hint: 'access_token' }, token)
    t.equal(answer.status, 204)
    t.match(await list(token), { status: 401, body: { error: 'expired_token' } })
    t.equal((await portal.raw('auth/login', { refresh_token }, {})).status, 200)
  })
  await t.test('a refresh token ends with all its access tokens', async (t) => {
    const { access_token, refresh_token } = await remembered()
    t.equal((await revoke({ token: refresh_token }, access_token)).status, 204)
    t.equal((await list(access_token)).status, 401)
    t.equal((await portal.raw('auth/login', { refresh_token }, {})).status, 400)
  })
  await t.test('a token of OAuth 2.0 ends by it too', async (t) => {
    const other = new PortalV1({ url, provider })
    const token = await other.token()
    t.equal((await revoke({ token }, token)).status, 204)
    t.equal((await list(token)).status, 401)
  })
  await t.test('another relying party’s token is none', async (t) => {
    const { access_token } = await remembered()
    t.match(
      await revoke({ token: access_token }, await portal.token()),
      refused(400, 'invalid_request', 'Invalid string parameter token')
    )
    t.equal((await list(access_token)).status, 200)
  })
  await t.test('the error table', async (t) => {
    const token = await portal.token()
    const rows: [body: object, text: string][] = [
      [{}, 'Missing (or invalid type) string parameter token'],
      [{ token: 5 }, 'Missing (or invalid type) string parameter token'],
      [{ token: '' }, 'Invalid string parameter token'],
      [{ token: 'x' }, 'Invalid string parameter token'],
      [{ token: 'x'.repeat(43) }, 'Invalid string parameter token'],
      [{ token: 'x', token_type_hint: 'id_token' }, 'Invalid string parameter token_type_hint'],
      [{ token: 'x', token_type_hint: 5 }, 'Invalid string parameter token_type_hint']
    ]
    for (const [body, text] of rows)
      t.match(await revoke(body, token), refused(400, 'invalid_request', text), JSON.stringify(body))
  })
})

t.test('an operator who removes the relying party of auth/login ends it', async (t) => {
  const { body } = await portal.login(demo.login, demo.password)
  const removed = await cast.operator.call('DELETE', `/relying-parties/${provider}/auth-login`)
  t.ok(removed.status < 300, JSON.stringify(removed.body))
  t.equal((await list(body.access_token)).status, 401)
  t.equal((await portal.login(demo.login, demo.password)).status, 501)
  t.match(await portal.login(demo.login, 'wrong'), failed, 'strangers learn nothing new')
})
