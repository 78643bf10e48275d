import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { castAt, digestOf } from '../clients/journey.js'
import { Operator } from '../clients/operator.js'
import { answerIn, Browser, formOf } from '../clients/plain-browser.js'
import { sha256Oid } from '../clients/portal.js'
import { startWorld } from '../world.js'
import { OAuthParty, pkce, redirectUri } from './flow.js'

const binh = { login: '001088035895', password: 'vnpt-demo' }
const form = { 'content-type': 'application/x-www-form-urlencoded' }
const basic = (pair: string) => ({ authorization: `Basic ${Buffer.from(pair).toString('base64')}` })
const invalidRequest =
  'The request is missing a required parameter, includes an invalid parameter value, includes a parameter more than once, or is otherwise malformed.'

/** Until refusals are written one by one again. */
const breathe = () => sleep(1_200)

/** At once: refusals of one second are written together, and one after the other each would wait for its end. */
const together = <Row>(rows: readonly Row[], check: (row: Row) => Promise<unknown>) =>
  Promise.all(rows.map(check))

t.test('the endpoints of OAuth 2.0 (CSC API v1 §8.3, v2 §8.4)', async (t) => {
  const world = await startWorld(t)
  const { url } = world
  const operator = new Operator({ url })
  const made = await operator.post('/relying-parties', {
    provider: 'vnpt',
    name: 'Một cổng khác',
    redirectUris: ['https://portal.example/back', 'https://portal.example/other']
  })
  const other = { clientId: String(made.body.clientId), clientSecret: String(made.body.clientSecret) }
  const v2 = new OAuthParty(url, 'vnpt', 'v2')
  const v1 = new OAuthParty(url, 'vnpt', 'v1')
  const proof = pkce()
  const s256 = { code_challenge: proof.challenge, code_challenge_method: 'S256' }

  /** A code of scope service. */
  async function codeOf(party = v2, more: Record<string, string | undefined> = {}, with_ = s256 as object) {
    const answered = await party.through(party.authorizeUrl({ ...with_, ...more }), binh)
    return answerIn(answered).code ?? ''
  }
  const exchange = (code: string, more: Record<string, string> = {}, party = v2) =>
    party.exchange(code, { code_verifier: proof.verifier, ...more })
  const tokensOf = async () => (await exchange(await codeOf())).body
  const works = async (token: unknown) => (await v2.call('credentials/list', {}, token)).status

  await t.test('oauth2/token says what is wrong in the words of the table (v1 §8.3.3)', async (t) => {
    const id = { client_id: 'dvctt' }
    const all = { ...id, client_secret: 'dvctt-secret' }
    const unknown = 'A'.repeat(43)
    const table: [
      string,
      string | Record<string, string>,
      number,
      string,
      string,
      Record<string, string>?
    ][] = [
      [
        'client_id missing',
        { grant_type: 'authorization_code' },
        400,
        'invalid_request',
        'Missing parameter client_id'
      ],
      ['no secret', { ...id, grant_type: 'x' }, 400, 'invalid_request', 'Client authorization required'],
      [
        'wrong secret',
        { ...id, client_secret: 'x' },
        400,
        'invalid_request',
        'Invalid parameter client_secret'
      ],
      [
        ...(['unknown client', { client_id: 'nobody', client_secret: 'x' }, 400, 'invalid_request'] as const),
        'Invalid parameter client_secret'
      ],
      ['grant_type missing', all, 400, 'invalid_request', 'Missing parameter grant_type'],
      [
        'grant_type unknown',
        { ...all, grant_type: 'password' },
        400,
        'invalid_request',
        'Invalid parameter grant_type'
      ],
      [
        'code missing',
        { ...all, grant_type: 'authorization_code' },
        400,
        'invalid_request',
        'Missing parameter code'
      ],
      [
        ...(['code of no form', { ...all, grant_type: 'authorization_code', code: 'x' }, 400] as const),
        ...(['invalid_grant', 'Invalid parameter code'] as const)
      ],
      [
        ...(['code unknown', { ...all, grant_type: 'authorization_code', code: unknown }, 400] as const),
        ...(['invalid_grant', 'Authorization code is invalid or expired'] as const)
      ],
      [
        ...([
          'refresh_token missing',
          { ...all, grant_type: 'refresh_token' },
          400,
          'invalid_request'
        ] as const),
        'Missing parameter refresh_token'
      ],
      [
        ...([
          'refresh_token unknown',
          { ...all, grant_type: 'refresh_token', refresh_token: unknown },
          400
        ] as const),
        ...(['invalid_grant', 'Invalid parameter refresh_token'] as const)
      ],
      [
        ...(['by its alias', { ...all, grant_type: 'refresh_token', refreshToken: unknown }, 400] as const),
        ...(['invalid_grant', 'Invalid parameter refresh_token'] as const)
      ],
      [
        ...([
          'credential by itself',
          { ...all, grant_type: 'client_credentials', scope: 'credential' },
          400
        ] as const),
        ...(['invalid_scope', 'The requested scope is invalid, unknown, or malformed.'] as const)
      ],
      ['a member twice', 'client_id=dvctt&client_id=dvctt', 400, 'invalid_request', invalidRequest],
      [
        'no header of Basic',
        { grant_type: 'x' },
        401,
        'invalid_client',
        'Invalid Authorization header',
        basic('dvctt')
      ],
      [
        ...(['Basic, another client_id', { client_id: 'other' }, 400, 'invalid_request'] as const),
        ...(['Invalid parameter client_id', basic('dvctt:dvctt-secret')] as const)
      ],
      ['two proofs', all, 400, 'invalid_request', invalidRequest, basic('dvctt:dvctt-secret')],
      ['Basic', {}, 400, 'invalid_request', 'Missing parameter grant_type', basic('dvctt:dvctt-secret')]
    ]
    await together(
      [v1, v2].flatMap((party) => table.map((row) => ({ party, row }))),
      async ({ party, row: [name, fields, status, error, error_description, headers = {}] }) =>
        t.match(
          await party.post('oauth2/token', fields, headers),
          { status, body: { error, error_description } },
          `${party.version}: ${name}`
        )
    )
    const json = await fetch(`${v2.base}/oauth2/token`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }
    })
    t.equal(json.status, 415, 'forms only')
  })

  await t.test('oauth2/revoke says what is wrong in the words of the table (v1 §8.3.4)', async (t) => {
    const all = { client_id: 'dvctt', client_secret: 'dvctt-secret' }
    const table: [string, Record<string, string>, string][] = [
      ['client_id missing', { token: 'x' }, 'Missing parameter client_id'],
      ['no secret', { token: 'x', client_id: 'dvctt' }, 'Client authorization required'],
      [
        'wrong secret',
        { token: 'x', client_id: 'dvctt', client_secret: 'x' },
        'Invalid parameter client_secret'
      ],
      ['token missing', all, 'Missing parameter token'],
      ['hint', { ...all, token: 'x', token_type_hint: 'id_token' }, 'Invalid parameter token_type_hint'],
      ['no token', { ...all, token: 'x' }, 'Invalid string parameter token'],
      ['unknown token', { ...all, token: 'B'.repeat(43) }, 'Invalid string parameter token']
    ]
    await together(table, async ([name, fields, error_description]) =>
      t.match(
        await v1.post('oauth2/revoke', fields),
        { status: 400, body: { error: 'invalid_request', error_description } },
        name
      )
    )
  })

  await t.test('a refresh token is good once; when it comes again, all of its grant ends', async (t) => {
    await breathe()
    const first = await tokensOf()
    const refresh = (token: unknown) =>
      v2.token({ grant_type: 'refresh_token', refresh_token: String(token) })
    const second = await refresh(first.refresh_token)
    t.match(second, { status: 200, body: { token_type: 'Bearer', refresh_token: String } })
    t.same([await works(first.access_token), await works(second.body.access_token)], [200, 200])
    const stolen = await refresh(first.refresh_token)
    t.match(stolen, {
      status: 400,
      body: { error: 'invalid_grant', error_description: 'Invalid parameter refresh_token' }
    })
    t.same([await works(first.access_token), await works(second.body.access_token)], [401, 401])
    t.equal((await refresh(second.body.refresh_token)).status, 400, 'the thief’s, or the owner’s')

    const foreign = new OAuthParty(url, 'vnpt', 'v2', other)
    const third = await tokensOf()
    const by = { grant_type: 'refresh_token', refresh_token: String(third.refresh_token) }
    t.match(await foreign.token(by), { status: 400, body: { error: 'invalid_grant' } }, 'another client')
    t.match(await v1.token(by), { status: 400, body: { error: 'invalid_grant' } }, 'another version')
    t.equal(await works(third.access_token), 200, 'whose attempt ends nothing')
    t.equal((await v2.call('credentials/list', {}, third.refresh_token)).status, 401, 'no access token')
  })

  await t.test(
    'revocation: an access token alone, a refresh token with its whole grant (§8.4.5)',
    async (t) => {
      const one = await tokensOf()
      t.equal((await v2.revoke(String(one.access_token))).status, 204)
      t.equal(await works(one.access_token), 401)
      const next = await v2.token({ grant_type: 'refresh_token', refresh_token: String(one.refresh_token) })
      t.equal(next.status, 200, 'the refresh token stays')
      const foreign = new OAuthParty(url, 'vnpt', 'v2', other)
      t.equal((await foreign.revoke(String(next.body.refresh_token))).status, 400, 'another client’s')
      t.equal((await foreign.revoke(String(next.body.access_token))).status, 400)
      t.equal(await works(next.body.access_token), 200)
      const both = await v2.revoke(String(next.body.refresh_token), { token_type_hint: 'access_token' })
      t.equal(both.status, 204, 'whatever the hint says')
      t.equal(await works(next.body.access_token), 401)
      t.equal((await v2.post('revoke', { ...v2.client, token: 'x' })).status, 400, 'the short path answers')
    }
  )

  await t.test('a code is bound to client, address and verifier, and dies young', async (t) => {
    await breathe()
    const foreign = new OAuthParty(url, 'vnpt', 'v2', other)
    const code = await codeOf()
    const refused = (error_description: string) => ({
      status: 400,
      body: { error: 'invalid_grant', error_description }
    })
    const invalid = 'Authorization code is invalid or expired'
    t.match(await exchange(code, {}, foreign), refused(invalid), 'another client')
    t.match(await exchange(code, {}, v1), refused(invalid), 'another version')
    const mismatch = 'redirect_uri parameter does not match redirect_uri parameter of authorization request'
    t.match(await exchange(code, { redirect_uri: `${redirectUri}x` }), refused(mismatch))
    const { redirect_uri: _, ...without } = { ...v2.client, redirect_uri: '' }
    t.match(
      await v2.post('oauth2/token', {
        ...{ ...without, grant_type: 'authorization_code', code, code_verifier: proof.verifier }
      }),
      refused(mismatch),
      'left out'
    )
    t.match(
      await exchange(code, { code_verifier: pkce().verifier }),
      refused('Invalid parameter code_verifier')
    )
    t.match(await v2.exchange(code), refused('Invalid parameter code_verifier'), 'left out')
    const good = await exchange(code)
    t.equal(good.status, 200, 'none of these used it up')
    t.match(await exchange(code), refused(invalid), 'a second time')
    t.equal(await works(good.body.access_token), 401, 'and what it was exchanged for has ended')

    const plain = await codeOf(v1, {}, {})
    t.match(
      await v1.exchange(plain, { code_verifier: proof.verifier }),
      refused('Invalid parameter code_verifier'),
      'a verifier without a challenge'
    )
    t.equal((await v1.exchange(plain)).status, 200, 'v1 does without')

    const old = await codeOf()
    world.clock.advance(61_000)
    t.match(await exchange(old), refused(invalid), 'after a minute')
  })

  await t.test('tokens end by the clock, and an expired refresh token is called so', async (t) => {
    await breathe()
    const { access_token, refresh_token } = await tokensOf()
    world.clock.advance(3_601_000)
    const { body } = await v2.call('credentials/list', {}, access_token)
    t.equal(body.error, 'expired_token')
    world.clock.advance(31 * 86_400_000)
    t.match(await v2.token({ grant_type: 'refresh_token', refresh_token: String(refresh_token) }), {
      status: 400,
      body: { error: 'invalid_grant', error_description: 'Refresh token expired' }
    })
  })

  await t.test('oauth2/authorize: a wrong client or address is shown, never followed', async (t) => {
    const registered = new OAuthParty(url, 'vnpt', 'v2', other)
    const shown = async (address: string) => new Browser(url).open(address)
    const bad: [string, string][] = [
      ['no client', v2.authorizeUrl({ client_id: undefined })],
      ['unknown client', v2.authorizeUrl({ client_id: 'nobody' })],
      ['elsewhere', v2.authorizeUrl({ redirect_uri: 'https://evil.example/' })],
      ['loopback in front', v2.authorizeUrl({ redirect_uri: 'http://127.0.0.1@evil.example/' })],
      ['the entry itself', v2.authorizeUrl({ redirect_uri: 'loopback' })],
      ['a script', v2.authorizeUrl({ redirect_uri: 'javascript:alert(1)' })],
      ['below', registered.authorizeUrl({ redirect_uri: 'https://portal.example/back/x' })],
      ['a query more', registered.authorizeUrl({ redirect_uri: 'https://portal.example/back?x' })],
      ['other letters', registered.authorizeUrl({ redirect_uri: 'https://PORTAL.example/back' })],
      ['none of two', registered.authorizeUrl({ redirect_uri: undefined })],
      ['twice', `${v2.authorizeUrl({})}&redirect_uri=https%3A%2F%2Fevil.example%2F`],
      ['client twice', `${v2.authorizeUrl({})}&client_id=dvctt`],
      ['request_uri', `${v2.base}/oauth2/authorize?client_id=dvctt&request_uri=urn:x`]
    ]
    await together(bad, async ([name, address]) => {
      const page = await shown(address)
      t.equal(page.status, 400, name)
      t.equal(page.url, address, 'stays here')
      t.match(page.html, /role="alert"|class="fault"/)
    })
    const program = await fetch(v2.authorizeUrl({ client_id: 'nobody' }), { redirect: 'manual' })
    t.same(await program.json(), {
      error: 'invalid_request',
      error_description: 'Invalid parameter client_id'
    })
  })

  await t.test('oauth2/authorize: everything else is told to the relying party', async (t) => {
    const digest = digestOf('x').toString('base64url')
    const credential = {
      scope: 'credential',
      credentialID: 'c',
      numSignatures: '1',
      hashes: digest,
      hashAlgorithmOID: sha256Oid
    }
    const details = (entry: object) => JSON.stringify([entry])
    const entry = {
      ...{ type: 'credential', credentialID: 'c', hashAlgorithmOID: sha256Oid },
      documentDigests: [{ hash: digest, label: 'a' }]
    }
    const table: [string, Record<string, string | undefined>, string, string][] = [
      [
        'response_type missing',
        { response_type: undefined },
        'invalid_request',
        'Missing parameter response_type'
      ],
      [
        ...(['token', { response_type: 'token' }, 'unsupported_response_type'] as const),
        'The authorization server does not support obtaining an authorization code using this method.'
      ],
      [
        'scope',
        { scope: 'openid' },
        'invalid_scope',
        'The requested scope is invalid, unknown, or malformed.'
      ],
      [
        'two scopes',
        { scope: 'service credential' },
        'invalid_scope',
        'The requested scope is invalid, unknown, or malformed.'
      ],
      ['no PKCE', { code_challenge: undefined }, 'invalid_request', 'Missing parameter code_challenge'],
      [
        'plain',
        { code_challenge_method: 'plain' },
        'invalid_request',
        'Invalid parameter code_challenge_method'
      ],
      [
        'plain by default',
        { code_challenge_method: undefined },
        'invalid_request',
        'Invalid parameter code_challenge_method'
      ],
      ['short challenge', { code_challenge: 'x' }, 'invalid_request', 'Invalid parameter code_challenge'],
      [
        ...(['no credential', { ...credential, credentialID: undefined }, 'invalid_request'] as const),
        'Missing (or invalid type) string parameter credentialID'
      ],
      [
        ...(['no number', { ...credential, numSignatures: undefined }, 'invalid_request'] as const),
        'Missing (or invalid type) integer parameter numSignatures'
      ],
      [
        'zero',
        { ...credential, numSignatures: '0' },
        'invalid_request',
        'Invalid value for parameter numSignatures'
      ],
      [
        'one of two',
        { ...credential, hashes: `${digest},${digest}` },
        'invalid_request',
        'Invalid value for parameter numSignatures'
      ],
      [
        'too many',
        { ...credential, numSignatures: '1001' },
        'invalid_request',
        'Numbers of signatures is too high'
      ],
      [
        ...(['no algorithm', { ...credential, hashAlgorithmOID: undefined }, 'invalid_request'] as const),
        'Missing (or invalid type) string parameter hashAlgorithmOID'
      ],
      [
        'SHA-1',
        { ...credential, hashAlgorithmOID: '1.3.14.3.2.26' },
        'invalid_request',
        'Invalid parameter hashAlgorithmOID'
      ],
      [
        'no base64',
        { ...credential, hashes: '!' },
        'invalid_request',
        'Invalid Base64 hash string parameter'
      ],
      ['short digest', { ...credential, hashes: 'AAAA' }, 'invalid_request', 'Invalid digest value length'],
      [
        'description',
        { ...credential, description: 'x'.repeat(501) },
        'invalid_request',
        'Invalid parameter description'
      ],
      ['clientData', { clientData: 'x'.repeat(4097) }, 'invalid_request', 'Invalid parameter clientData'],
      ...(
        [
          ['no JSON', '{'],
          ['no array', '{}'],
          ['empty', '[]'],
          ['two', JSON.stringify([entry, entry])],
          ['other type', details({ ...entry, type: 'payment' })],
          ['no credential', details({ ...entry, credentialID: undefined })],
          ['no algorithm', details({ ...entry, hashAlgorithmOID: undefined })],
          ['not the number', details({ ...entry, numSignatures: 0 })],
          ['document digest', details({ ...entry, documentDigests: [{ hash: digest, hashType: 'sodr' }] })],
          ['no digest', details({ ...entry, documentDigests: [{ hash: 'AAAA' }] })]
        ] as const
      ).map(([name, authorization_details]): [string, Record<string, string>, string, string] => [
        `details: ${name}`,
        { authorization_details },
        'invalid_authorization_details',
        'Invalid parameter authorization_details'
      ]),
      [
        ...(['service beside details', { scope: 'service', authorization_details: details(entry) }] as const),
        ...(['invalid_scope', 'The requested scope is invalid, unknown, or malformed.'] as const)
      ]
    ]
    await together(table, async ([name, parameters, error, error_description]) => {
      const address = v2.authorizeUrl({ ...s256, state: 'như cũ', ...parameters })
      const answer = answerIn(await new Browser(url).open(address))
      t.match(answer, { error, error_description, state: 'như cũ', iss: v2.base }, name)
      const { state: _, ...pushed } = Object.fromEntries(new URL(address).searchParams)
      const refused = await v2.post('oauth2/pushed_authorize', { ...v2.client, ...pushed })
      t.match(refused, { status: 400, body: { error, error_description } }, `${name}, pushed`)
    })
    const long = answerIn(await new Browser(url).open(v1.authorizeUrl({ state: 'x'.repeat(256) })))
    t.match(long, { error: 'invalid_request', error_description: 'Invalid parameter state' })
    const twice = await new Browser(url).open(`${v1.authorizeUrl({ scope: 'service' })}&scope=service`)
    t.match(answerIn(twice), { error: 'invalid_request', error_description: invalidRequest })
    t.equal(answerIn(twice).iss, undefined, 'v1 does not know it')
  })

  await t.test('PKCE plain is for relying parties in mode lenient', async (t) => {
    await breathe()
    await operator.call('PATCH', `/relying-parties/vnpt/${other.clientId}`, { mode: 'lenient' })
    const lenient = new OAuthParty(url, 'vnpt', 'v2', other)
    const address = lenient.authorizeUrl({
      redirect_uri: 'https://portal.example/back',
      code_challenge: proof.verifier
    })
    const { code = '' } = answerIn(await lenient.through(address, binh))
    const of = { redirect_uri: 'https://portal.example/back' }
    t.equal((await lenient.exchange(code, { ...of, code_verifier: proof.challenge })).status, 400)
    t.equal((await lenient.exchange(code, { ...of, code_verifier: proof.verifier })).status, 200)
  })

  await t.test('a pushed request of a thousand digests; its address is for one browser', async (t) => {
    await breathe()
    const { enrol } = castAt({ url, provider: 'vnpt', now: world.clock.now })
    const person = await enrol({ multisign: 1000 })
    await operator.post(`/subscribers/${person.id}/password`, { password: 'secret words' })
    const digests = Array.from({ length: 1000 }, (_, index) => digestOf(`hồ sơ ${index}`))
    const details = JSON.stringify([
      {
        ...{ type: 'credential', credentialID: person.credentialID, hashAlgorithmOID: sha256Oid },
        documentDigests: digests.map((digest, index) => ({
          hash: digest.toString('base64'),
          label: `Hồ sơ số ${index} của phòng tài chính`
        }))
      }
    ])
    const pushed = await v2.push({ ...s256, state: 'n', authorization_details: details })
    t.match(pushed, { status: 201, body: { expires_in: 90 } }, JSON.stringify(pushed.body))
    const query = new URLSearchParams({ client_id: 'dvctt', request_uri: String(pushed.body.request_uri) })
    const address = `${v2.base}/oauth2/authorize?${query}`
    const [browser, stranger] = [new Browser(url), new Browser(url)]
    const wrongClient = await browser.open(address.replace('dvctt', other.clientId))
    t.equal(wrongClient.status, 400, 'another client’s')
    const page = await browser.open(address)
    t.match(page.html, /và 980 tài liệu khác/)
    t.equal((await stranger.open(address)).status, 400, 'another browser')
    const waiting = await browser.submit(page, 'login', { login: person.login, password: 'secret words' })
    t.match(waiting.html, /data-status="phone"/)
    t.equal((await person.device.challenges()).length, 1)
    t.match(
      await browser.open(address),
      { status: 200, html: /data-status="phone"/, url: page.url },
      'the same page again'
    )
    t.equal(
      (
        await browser.open(page.url, {
          ...formOf(page.html, 'login'),
          ...{ login: person.login, password: 'secret words' }
        })
      ).status,
      200
    )
    t.equal((await person.device.challenges()).length, 1, 'and nothing is pushed a second time')
    t.equal((await stranger.open(page.url)).status, 404, 'the page is in this browser alone')
    t.equal((await stranger.open(`${page.url}/status`)).status, 404)
    t.equal((await stranger.open(`${page.url}/answer`)).status, 404)

    const [challenge] = await person.device.challenges()
    if (challenge === undefined) throw new Error('no challenge')
    t.equal((await stranger.open(`${page.url}/answer`)).status, 404, 'nor is its end')
    await world.restart()
    person.device.moveTo(url)
    t.equal((await person.device.confirm(challenge)).status, 200)
    const answered = await browser.settled(await browser.open(page.url))
    t.match(answerIn(answered), { code: String, state: 'n' }, 'a restart later')
    t.match((await browser.open(page.url)).html, /Đã xong/, 'once')
    const wrong = await exchange(String(answerIn(answered).code), {
      authorization_details: details.replace(
        digests[0]?.toString('base64') ?? '',
        digestOf('another').toString('base64')
      )
    })
    t.match(wrong, { status: 400, body: { error: 'invalid_authorization_details' } })
    const { status, body } = await exchange(String(answerIn(answered).code))
    t.equal(status, 200, 'the details need not be repeated, by a leniency')
    t.equal(JSON.stringify(body.authorization_details), details)

    const late = await v2.push({ ...s256 })
    world.clock.advance(91_000)
    const ended = new URLSearchParams({ client_id: 'dvctt', request_uri: String(late.body.request_uri) })
    t.equal((await browser.open(`${v2.base}/oauth2/authorize?${ended}`)).status, 400, 'after 90 s')
  })

  await t.test('the pages: nothing inline, in no frame, no form from elsewhere, two languages', async (t) => {
    const browser = new Browser(url, { 'accept-language': 'fr, en;q=0.8, vi;q=0.7' })
    const page = await browser.open(v2.authorizeUrl(s256))
    t.match(page.html, /<html lang="en">/, 'as the browser prefers')
    t.match((await browser.open(`${page.url}?lang=vi`)).html, /<html lang="vi">/)
    t.match((await browser.open(v2.authorizeUrl({ ...s256, lang: 'vi-VN' }))).html, /<html lang="vi">/)
    t.match(
      page.headers.get('content-security-policy') ?? '',
      /default-src 'none';.*form-action 'self'.*frame-ancestors 'none'/
    )
    t.notMatch(page.headers.get('content-security-policy') ?? '', /unsafe/)
    t.equal(page.headers.get('referrer-policy'), 'no-referrer')
    t.equal(page.headers.get('cache-control'), 'no-store')
    t.notMatch(page.html, /\sstyle=|<style|\son[a-z]+=|<script>/)
    for (const { attributes } of browser.cookies) {
      t.match(attributes, /Path=\/vnpt\/csc\/v2\/oauth2\/authorize; HttpOnly; SameSite=Lax/)
    }
    for (const file of ['oauth2.css', 'oauth2.js']) {
      const asset = await fetch(`${url}/vnpt/csc/${file}`)
      t.equal(asset.status, 200)
      const again = await fetch(asset.url, { headers: { 'if-none-match': asset.headers.get('etag') ?? '' } })
      t.equal(again.status, 304)
    }
    const members = { ...formOf(page.html, 'login'), ...binh }
    t.equal((await browser.open(page.url, { ...members, proof: '' })).status, 404, 'a form without its proof')
    const foreign = await fetch(page.url, {
      ...{ method: 'POST', body: new URLSearchParams(members), redirect: 'manual' },
      headers: {
        ...form,
        'sec-fetch-site': 'cross-site',
        cookie: browser.cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
      }
    })
    t.equal(foreign.status, 404, 'a form of another site')
    const script = await browser.submit(page, 'login', {
      login: '"><script>alert(1)</script>',
      password: 'x'
    })
    t.match(script.html, /value="&quot;&gt;&lt;script&gt;/)
    for (let open = 0; open < 12; open += 1) await browser.open(v2.authorizeUrl(s256))
    t.ok(browser.cookies.length <= 8, 'the oldest requests are forgotten')
    t.match(answerIn(await browser.submit(await browser.open(v2.authorizeUrl(s256)), 'cancel')), {
      error: 'access_denied'
    })
  })

  await t.test('a request that nobody answers ends after ten minutes', async (t) => {
    const browser = new Browser(url)
    const page = await browser.open(v2.authorizeUrl({ ...s256, state: 'q' }))
    world.clock.advance(601_000)
    t.match(answerIn(await browser.open(page.url)), { error: 'access_denied', state: 'q' })
  })

  await t.test('wrong passwords lock the login on the page too', async (t) => {
    await breathe()
    const { enrol } = castAt({ url, provider: 'vnpt', now: world.clock.now })
    const person = await enrol()
    await operator.post(`/subscribers/${person.id}/password`, { password: 'secret words' })
    const browser = new Browser(url)
    let page = await browser.open(v2.authorizeUrl(s256))
    for (let tries = 0; tries < 5; tries += 1)
      page = await browser.submit(page, 'login', { login: person.login, password: 'wrong' })
    const locked = await browser.submit(page, 'login', { login: person.login, password: 'secret words' })
    t.match(locked, { status: 429, html: /thử lại sau/ })
    const nobody = new Browser(url)
    let other = await nobody.open(v2.authorizeUrl(s256))
    for (let tries = 0; tries < 6; tries += 1)
      other = await nobody.submit(other, 'login', { login: 'there is nobody', password: 'wrong' })
    t.equal(other.status, 429, 'a login that nobody has alike (I6)')
  })

  await t.test('no secret is in the log, in the audit or in an address of ours', async (t) => {
    const browser = new Browser(url)
    const answered = await v2.through(v2.authorizeUrl({ ...s256, state: 's' }), binh, browser)
    const { code = '' } = answerIn(answered)
    const { body } = await exchange(code)
    const secrets = [
      code,
      body.access_token,
      body.refresh_token,
      proof.verifier,
      binh.password,
      'dvctt-secret'
    ]
    secrets.push(...browser.cookies.map(({ value }) => value))
    const { body: audit } = await operator.get('/audit?limit=200')
    for (const secret of secrets) {
      t.ok(String(secret).length > 5)
      t.notOk(
        world.log.some((line) => line.includes(String(secret))),
        'log'
      )
      t.notOk(JSON.stringify(audit).includes(String(secret)), 'audit')
      t.notOk(
        browser.visited.some((address) => address.includes(String(secret))),
        'address'
      )
    }
  })

  await t.test('with the leniencies off, the letter counts', async (t) => {
    const off = ['scope-beside-details', 'details-not-repeated', 'refresh-token-alias', 'short-revoke-path']
    const { enrol } = castAt({ url, provider: 'vnpt', now: world.clock.now })
    const person = await enrol()
    await operator.post(`/subscribers/${person.id}/password`, { password: 'secret words' })
    const named = { type: 'credential', credentialID: person.credentialID, hashAlgorithmOID: sha256Oid }
    const digest = digestOf('letter')
    const details = (hash: string) =>
      JSON.stringify([{ ...named, documentDigests: [{ hash, label: 'a\u0000b' }] }])
    const given = { ...s256, authorization_details: details(digest.toString('base64')) }
    await world.restart({
      QUIRKS_OFF: [...off, 'any-base64', 'pkce-plain'].map((name) => `csc.${name}`).join()
    })
    person.device.moveTo(url)
    t.match((await v2.push({ ...given, scope: 'credential' })).body, { error: 'invalid_scope' })
    const url64 = digest.toString('base64url')
    t.match((await v2.push({ ...given, authorization_details: details(url64) })).status, 400)
    t.equal((await v2.post('revoke', { ...v2.client, token: 'x' })).status, 501)
    const alias = { grant_type: 'refresh_token', refreshToken: 'x' }
    t.match((await v2.token(alias)).body, { error_description: 'Missing parameter refresh_token' })

    const pushed = await v2.push(given)
    const query = new URLSearchParams({ client_id: 'dvctt', request_uri: String(pushed.body.request_uri) })
    const browser = new Browser(url)
    const page = await browser.open(`${v2.base}/oauth2/authorize?${query}`)
    const waiting = await browser.submit(page, 'login', { login: person.login, password: 'secret words' })
    const [challenge] = await person.device.challenges()
    if (challenge === undefined) throw new Error(waiting.html)
    await person.device.confirm(challenge)
    const { code = '' } = answerIn(await browser.settled(waiting))
    t.match((await exchange(code)).body, { error_description: 'Missing parameter authorization_details' })
    t.equal((await exchange(code, { authorization_details: given.authorization_details })).status, 200)
  })
})
