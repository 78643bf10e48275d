import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { castAt, digestOf } from '../clients/journey.js'
import { answerIn, Browser } from '../clients/plain-browser.js'
import { Portal, rsaSha256Oid } from '../clients/portal.js'
import { OAuthParty, pkce, redirectUri } from '../oauth/flow.js'
import { startWorld } from '../world.js'

t.setTimeout(300_000)
const world = await startWorld(t)
const { url } = world
const provider = 'vnpt'
const policy = '1.3.6.1.4.1.30339.1.1.3'
const password = 'một mật khẩu dài'
const fullName = 'Đỗ Thị Thử'
const cast = castAt({ url, provider, now: world.clock.now })
const { operator } = cast
const party = new OAuthParty(url, provider, 'v2')
const person = await cast.enrol({ subscriber: { password, email: 'thu.do@example.vn' } })
const [creation, deletion] = ['credential-creation', 'credential-deletion']
const type = (change: string) => `https://cloudsignatureconsortium.org/2025/${change}`
const rich = (entry: object) => ({ authorization_details: JSON.stringify([entry]) })
const refused = (status: number, error: string, error_description: string) => ({
  status,
  body: { error, error_description }
})
const invalid = (description: string) => refused(400, 'invalid_request', description)
const wrongScope = refused(400, 'unauthorized_client', 'The client is not authorized to use this method.')
const usedUp = refused(401, 'expired_token', 'The access or refresh token is expired or has been revoked.')

/** A code that the person gave in a browser, with what its exchange needs. */
async function code(asked: Record<string, string>, who: { login: string; password?: string } = person) {
  const { verifier, challenge } = pkce()
  const at = { code_challenge: challenge, code_challenge_method: 'S256', ...asked }
  const shown = await party.through(party.authorizeUrl(at), { login: who.login, password })
  return { verifier, answer: answerIn(shown) }
}

/** What a request is sent back with before anybody logs in. */
async function refusal(asked: Record<string, string>, of = party): Promise<string | undefined> {
  const at = { code_challenge: pkce().challenge, code_challenge_method: 'S256', ...asked }
  return answerIn(await new Browser(url).open(of.authorizeUrl(at))).error
}

async function granted(asked: Record<string, string>, again: Record<string, string> = {}) {
  const { verifier, answer } = await code(asked)
  return party.exchange(answer.code, { code_verifier: verifier, ...again })
}
const token = async (asked: Record<string, string>) => {
  const { status, body } = await granted(asked)
  t.equal(status, 200, JSON.stringify(body))
  return String(body.access_token)
}
const create = (by: unknown, body: object = { credentialCreationRequest: {} }) =>
  party.call('credentials/create', body, by)
const remove = (by: unknown, credentialID: string) => party.call('credentials/delete', { credentialID }, by)
const listed = async () => {
  const { body } = await new Portal({ url, provider }).call('credentials/list', { userID: person.login })
  return body.credentialIDs as string[]
}
async function methods(at = `${url}/${provider}/csc/v2`): Promise<string[]> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${at}/info`, { method: 'POST', headers, body: '{}' })
  return ((await answer.json()) as { methods: string[] }).methods
}

t.test('off, as by default, there is nothing of it', async (t) => {
  t.notMatch((await methods()).join(), /create|delete/)
  const service = await new Portal({ url, provider }).token()
  for (const method of ['credentials/create', 'credentials/delete'])
    t.match(await party.call(method, {}, service), { status: 501, body: { error: 'not_implemented' } })
  t.equal(await refusal({ scope: creation }), 'invalid_scope')
  t.equal(
    await refusal(rich({ type: type(deletion), credentialID: person.credentialID })),
    'invalid_authorization_details'
  )
  const known = await fetch(`${party.base}/.well-known/oauth-authorization-server`)
  t.notMatch(await known.text(), /creation|deletion/)
})

t.test('on', async (t) => {
  await world.restart({ CSC_CREDENTIALS: 'on' })

  await t.test('it is told where v2 asks for a password, and nowhere else', async (t) => {
    t.match((await methods()).filter((name) => /create|delete/.test(name)).length, 2)
    for (const other of [`${url}/${provider}/csc/v1`, `${url}/viettel/csc/v2`])
      t.notMatch((await methods(other)).join(), /create|delete/)
    const known = await fetch(`${party.base}/.well-known/oauth-authorization-server`)
    const { scopes_supported, authorization_details_types_supported } = (await known.json()) as {
      scopes_supported: string[]
      authorization_details_types_supported: string[]
    }
    t.same(scopes_supported, ['service', 'credential', creation, deletion])
    t.same(authorization_details_types_supported.slice(2), [
      ...[type(creation), type(deletion)],
      ...['credential_creation', 'credential_deletion']
    ])
    for (const [name, version] of [
      ['viettel', 'v2'],
      [provider, 'v1']
    ] as const) {
      t.equal(await refusal({ scope: creation }, new OAuthParty(url, name, version)), 'invalid_scope')
    }
  })

  let made = ''
  await t.test('a credential is made for the person who logged in, once, and signs', async (t) => {
    const { status, body } = await granted({ scope: creation })
    t.match(
      { status, body },
      { status: 200, body: { token_type: 'Bearer', expires_in: 300, scope: creation } }
    )
    t.equal(body.refresh_token, undefined)
    for (const [request, text] of [
      [undefined, 'Missing required parameter credentialCreationRequest'],
      ['x', 'Missing required parameter credentialCreationRequest'],
      [{ certificatePolicy: '1.2.3' }, 'Invalid parameter credentialCreationRequest'],
      [{ subjectData: 'x' }, 'Invalid parameter credentialCreationRequest'],
      ...[
        { family_name: 'Trần' },
        { given_name: 'Thị' },
        { name: 'Đỗ Thị' },
        { name: 7 },
        { email: 'a@b.vn' },
        { address: 'Hà Nội' }
      ].map((subjectData) => [{ subjectData }, 'Invalid parameter subjectData'] as const)
    ] as const)
      t.match(await create(body.access_token, { credentialCreationRequest: request }), invalid(text))
    t.match(await party.call('credentials/list', {}, body.access_token), wrongScope)
    t.match(await remove(body.access_token, person.credentialID), wrongScope)

    const both = await Promise.all(
      [1, 2].map(() =>
        create(body.access_token, {
          credentialCreationRequest: {
            certificatePolicy: policy,
            subjectData: {
              ...{ family_name: 'Đỗ', given_name: 'thử', name: fullName.normalize('NFD'), gender: 'female' },
              ...{ email: 'Thu.Do@example.vn', address: { country: 'VN', region: 'Phú Thọ' } }
            }
          },
          ...{ certificates: 'chain', certInfo: true, authInfo: true }
        })
      )
    )
    const [answer, other] = both.sort((one, two) => one.status - two.status)
    t.match(answer, {
      status: 200,
      body: {
        key: { status: 'enabled', len: 2048 },
        cert: { status: 'valid', subjectDN: /CN=ĐỖ THỊ THỬ,/ },
        auth: { mode: 'explicit', expression: 'biometric' },
        SCAL: '2'
      }
    })
    t.match(other, usedUp)
    made = String(answer?.body.credentialID)
    const info = await new Portal({ url, provider }).call('credentials/info', {
      credentialID: made,
      ...{ certificates: 'chain', certInfo: true, authInfo: true }
    })
    t.same(answer?.body, info.body, 'as credentials/info has it')
    t.same((await listed()).sort(), [made, person.credentialID].sort())
    const file = join(t.testdir(), 'leaf.der')
    writeFileSync(
      file,
      Buffer.from((info.body.cert as { certificates: string[] }).certificates[0] ?? '', 'base64')
    )
    const { stdout } = await promisify(execFile)('openssl', [
      'x509',
      '-inform',
      'DER',
      '-in',
      file,
      '-noout',
      '-text'
    ])
    t.match(stdout, `Policy: ${policy}`)
    t.match(stdout, /Public-Key: \(2048 bit\)/)

    const digest = digestOf('hợp đồng')
    const { sad } = await cast.approve({ ...person, credentialID: made }, [digest])
    t.equal((await cast.portal.sign(made, sad, [digest], rsaSha256Oid)).status, 200)

    const { body: audit } = await operator.get<{
      items: { type: string; about: { credentialID?: string } }[]
    }>('/audit?limit=200')
    t.match(
      audit.items.find((event) => event.type === 'credential.issued' && event.about.credentialID === made),
      { actor: `relying-party:${provider}/dvctt`, about: { subscriberId: person.id } }
    )
  })

  await t.test('tokens of other scopes open neither', async (t) => {
    const digest = digestOf('x')
    const service = await token({ scope: 'service' })
    const sad = (await cast.approve(person, [digest])).sad
    for (const call of [() => create(service), () => remove(service, made)]) t.match(await call(), wrongScope)
    for (const call of [() => create(sad), () => remove(sad, made)])
      t.match(await call(), { status: 401, body: { error: 'invalid_token' } })
    const client = await party.token({ grant_type: 'client_credentials', scope: creation })
    t.match(client, { status: 400, body: { error: 'invalid_scope' } }, 'a client cannot give it to itself')
  })

  await t.test('one credential of the person is deleted, once', async (t) => {
    const details = { type: type(deletion), credentialID: made }
    const shown = await new Browser(url).open(
      party.authorizeUrl({
        code_challenge: pkce().challenge,
        code_challenge_method: 'S256',
        ...rich(details)
      })
    )
    t.match(shown.html, made, 'the person sees which')
    t.match(await granted(rich(details), rich({ ...details, credentialID: person.credentialID })), {
      status: 400,
      body: { error: 'invalid_authorization_details' }
    })
    const { body } = await granted(rich(details), rich({ credentialID: made, type: details.type }))
    t.match(body, { scope: deletion, expires_in: 300, authorization_details: [details] })
    const stranger = await cast.enrol()
    for (const id of [person.credentialID, stranger.credentialID, 'nobody'])
      t.match(await remove(body.access_token, id), invalid('Invalid parameter credentialID'))
    t.match(await create(body.access_token), wrongScope)
    t.match(
      await party.call('credentials/delete', {}, body.access_token),
      invalid('Missing (or invalid type) string parameter credentialID')
    )
    const open = await cast.portal.authorize(made, [digestOf('đang chờ')])
    t.equal((await remove(body.access_token, made)).status, 204)
    t.match(await remove(body.access_token, made), usedUp)
    t.match(await cast.portal.check(String(open.body.handle)), {
      status: 400,
      body: { error: 'access_denied' }
    })
    t.same(await listed(), [person.credentialID])
    const info = await cast.portal.call('credentials/info', { credentialID: made })
    t.match(info.body, { key: { status: 'disabled' }, cert: { status: 'revoked' } })
    const { body: row } = await operator.get(`/credentials/${made}`)
    t.match(row, { status: 'revoked', revocationReason: 'cessationOfOperation' })
    const any = await token({ scope: deletion })
    t.match(await remove(any, made), invalid('The credential identified by credentialID is disabled'))
    t.match(await remove(any, stranger.credentialID), invalid('Invalid parameter credentialID'))
    t.equal((await remove(any, person.credentialID)).status, 204, 'any of the person’s, where none was named')
  })

  await t.test('wrong details, and how long a token lives', async (t) => {
    for (const entry of [
      { type: type(creation) },
      { type: type(creation), credentialCreationRequest: { certificatePolicy: '1.2.3' } },
      { type: type(deletion) },
      { type: type(deletion), credentialID: 7 }
    ])
      t.equal(await refusal(rich(entry)), 'invalid_authorization_details')
    t.equal(await refusal({ scope: 'service', ...rich({ type: 'credential_creation' }) }), 'invalid_scope')
    const entry = { type: 'credential_creation', credentialCreationRequest: { certificatePolicy: policy } }
    const pushed = await party.push({
      ...rich(entry),
      code_challenge: pkce().challenge,
      code_challenge_method: 'S256'
    })
    t.equal(pushed.status, 201)
    const asked = await token({ scope: creation, ...rich(entry) })
    const revoked = await token(rich(entry))
    t.equal((await party.revoke(revoked)).status, 204)
    t.match(await create(revoked), usedUp)

    const { verifier, answer } = await code({ scope: creation })
    const exchange = () => party.exchange(answer.code, { code_verifier: verifier, redirect_uri: redirectUri })
    const first = await exchange()
    t.match(await exchange(), { status: 400, body: { error: 'invalid_grant' } })
    t.match(await create(first.body.access_token), usedUp, 'a code that comes again ends what came of it')

    world.clock.advance(300_000)
    t.match(await create(asked), usedUp)
  })
})
