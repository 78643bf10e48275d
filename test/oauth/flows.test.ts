import { createHash } from 'node:crypto'
import * as oauth from 'oauth4webapi'
import t from 'tap'
import { castAt, digestOf } from '../clients/journey.js'
import { answerIn, Browser } from '../clients/plain-browser.js'
import { ecdsaSha256Oid, sha256Oid } from '../clients/portal.js'
import { startWorld } from '../world.js'
import { OAuthParty, pkce, redirectUri } from './flow.js'

const an = { login: 'CMT_0123456789' }
const binh = { login: '001088035895', password: 'vnpt-demo' }
const insecure = { [oauth.allowInsecureRequests]: true }

t.test('OAuth 2.0 from the browser to a signature (CSC API v1 §8.3, v2 §8.4)', async (t) => {
  const world = await startWorld(t)
  const { url } = world

  await t.test('an independent client: metadata, PAR, code with PKCE, RAR, refresh, signature', async (t) => {
    const issuer = new URL(`${url}/vnpt/csc/v2`)
    const discovered = await oauth.discoveryRequest(issuer, { ...insecure, algorithm: 'oauth2' })
    const server = await oauth.processDiscoveryResponse(issuer, discovered)
    t.match(server, { issuer: issuer.href, require_pushed_authorization_requests: false })
    t.same(
      await (await fetch(`${issuer.href}/.well-known/oauth-authorization-server`)).json(),
      server,
      'beside the API as well'
    )
    const client: oauth.Client = { client_id: 'dvctt' }
    const authentication = oauth.ClientSecretBasic('dvctt-secret')

    /** What a relying party does with the address it is called back at. */
    async function exchanged(
      called: string,
      state: string,
      verifier: string,
      more: Record<string, string> = {}
    ) {
      const answer = oauth.validateAuthResponse(server, client, new URL(called), state)
      return oauth.authorizationCodeGrantRequest(
        server,
        client,
        authentication,
        answer,
        redirectUri,
        verifier,
        {
          ...insecure,
          additionalParameters: more
        }
      )
    }
    async function pushed(parameters: Record<string, string>) {
      const response = await oauth.pushedAuthorizationRequest(
        server,
        client,
        authentication,
        parameters,
        insecure
      )
      t.match(response.headers.get('cache-control') ?? '', /no-cache, no-store/)
      const { request_uri } = await oauth.processPushedAuthorizationResponse(server, client, response)
      return `${server.authorization_endpoint}?${new URLSearchParams({ client_id: 'dvctt', request_uri })}`
    }
    const party = new OAuthParty(url, 'vnpt', 'v2')

    const verifier = oauth.generateRandomCodeVerifier()
    const state = oauth.generateRandomState()
    const common = {
      response_type: 'code',
      redirect_uri: redirectUri,
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256'
    }
    const service = await party.through(await pushed({ ...common, scope: 'service' }), binh)
    const tokens = await oauth.processAuthorizationCodeResponse(
      server,
      client,
      await exchanged(service.url, state, verifier)
    )
    t.match(tokens, { token_type: 'bearer', expires_in: 3600, scope: 'service' })
    const refreshed = await oauth.processRefreshTokenResponse(
      server,
      client,
      await oauth.refreshTokenGrantRequest(
        server,
        client,
        authentication,
        tokens.refresh_token ?? '',
        insecure
      )
    )
    t.not(refreshed.refresh_token, tokens.refresh_token, 'the next one')

    const list = await party.call('credentials/list', {}, refreshed.access_token)
    const credentialID = (list.body.credentialIDs as string[])[1] as string
    t.ok(credentialID, 'of the person who logged in, without a userID')

    const digest = digestOf('một đề nghị')
    const details = JSON.stringify([
      {
        documentDigests: [{ hash: digest.toString('base64'), label: 'Đề nghị', hashType: 'DTBSR' }],
        type: 'https://cloudsignatureconsortium.org/2025/credential',
        credentialID,
        numSignatures: 1,
        hashAlgorithmOID: sha256Oid
      }
    ])
    const asked = await pushed({ ...common, scope: 'credential', authorization_details: details })
    const allowed = await party.through(asked, binh)
    const sad = await oauth.processAuthorizationCodeResponse(
      server,
      client,
      await exchanged(allowed.url, state, verifier, { authorization_details: details })
    )
    t.equal(sad.token_type, 'bearer')
    t.equal(sad.refresh_token, undefined)
    t.equal(JSON.stringify(sad.authorization_details), details, 'as they were sent, member by member')
    const signed = await party.call(
      'signatures/signHash',
      { credentialID, hashes: [digest.toString('base64')], signAlgo: ecdsaSha256Oid },
      sad.access_token
    )
    t.equal(signed.status, 200, JSON.stringify(signed.body))
    t.equal((signed.body.signatures as string[]).length, 1)
  })

  await t.test(
    'v1: service, then credential; its token has the type SAD and stands in the body',
    async (t) => {
      const party = new OAuthParty(url, 'viettel', 'v1')
      const service = await party.through(party.authorizeUrl({ state: 'một' }), an)
      t.ok(service.url.startsWith(`${redirectUri}&`), 'the address as registered')
      const { code, ...rest } = answerIn(service)
      t.same(rest, { kept: '1', state: 'một' })
      const tokens = await party.exchange(code)
      t.match(tokens.body, { token_type: 'Bearer', scope: 'service', expires_in: 3600 })
      const list = await party.call('credentials/list', {}, tokens.body.access_token)
      const credentialID = (list.body.credentialIDs as string[])[1] as string

      const digest = digestOf('v1')
      const asked = party.authorizeUrl({
        ...{ scope: 'credential', credentialID, numSignatures: '1', hash: digest.toString('base64url') },
        description: 'Tờ khai <b>thuế</b>'
      })
      const browser = new Browser(url)
      const page = await browser.open(asked)
      t.match(page.html, /Tờ khai &lt;b&gt;thuế&lt;\/b&gt;/, 'shown as text')
      t.notMatch(page.html, /type="password"/, 'no password is asked for')
      const answered = await browser.settled(await browser.submit(page, 'login', an))
      const sad = await party.exchange(answerIn(answered).code)
      t.match(sad.body, { token_type: 'SAD', expires_in: 300, scope: 'credential' }, JSON.stringify(sad.body))
      t.equal(sad.body.refresh_token, undefined)
      const signed = await party.call(
        'signatures/signHash',
        {
          credentialID,
          SAD: sad.body.access_token,
          hash: [digest.toString('base64')],
          signAlgo: ecdsaSha256Oid
        },
        tokens.body.access_token
      )
      t.equal(signed.status, 200, JSON.stringify(signed.body))
    }
  )

  await t.test(
    'v2: parameters instead of details, several hashes, and any credential by a qualifier',
    async (t) => {
      const party = new OAuthParty(url, 'misa', 'v2')
      const who = { login: 'binh.le@example.vn', password: 'misa-demo' }
      const { verifier, challenge } = pkce()
      const digests = ['a', 'b', 'c'].map(digestOf)
      const asked = party.authorizeUrl({
        ...{
          scope: 'credential',
          signatureQualifier: 'vn_etl_ds',
          numSignatures: '3',
          hashAlgorithmOID: sha256Oid
        },
        ...{ hashes: digests.map((digest) => digest.toString('base64url')).join(','), state: 's' },
        ...{ code_challenge: challenge, code_challenge_method: 'S256' }
      })
      const answered = await party.through(asked, who)
      t.equal(answerIn(answered).iss, party.base, 'who answers (RFC 9207)')
      const sad = await party.exchange(answerIn(answered).code, { code_verifier: verifier })
      t.match(sad.body, { token_type: 'Bearer', credentialID: String }, JSON.stringify(sad.body))
      const { credentialID } = sad.body
      const hashes = digests.map((digest) => digest.toString('base64'))
      const info = await party.call('credentials/info', { credentialID }, sad.body.access_token)
      t.equal(info.status, 200, 'the token opens its credential')
      const signed = await party.call(
        'signatures/signHash',
        { credentialID, hashes, signAlgo: '1.2.840.113549.1.1.11' },
        sad.body.access_token
      )
      t.equal((signed.body.signatures as string[] | undefined)?.length, 3, JSON.stringify(signed.body))
      const again = await party.call('credentials/info', { credentialID }, sad.body.access_token)
      t.equal(again.status, 401, 'it dies with its last signature')
    }
  )

  await t.test('the person rejects, cancels, or does not own the credential: access is denied', async (t) => {
    const { operator, enrol } = castAt({ url, provider: 'vnpt', now: world.clock.now })
    const person = await enrol()
    await operator.post(`/subscribers/${person.id}/password`, { password: 'secret words' })
    const who = { login: person.login, password: 'secret words' }
    const party = new OAuthParty(url, 'vnpt', 'v2')
    const { challenge } = pkce()
    const ask = (credentialID: string) =>
      party.authorizeUrl({
        ...{ scope: 'credential', credentialID, numSignatures: '1', hashAlgorithmOID: sha256Oid, state: 'z' },
        ...{ hashes: digestOf('no').toString('base64url'), code_challenge: challenge },
        code_challenge_method: 'S256'
      })
    const waiting = async (url: string) => {
      const browser = new Browser(world.url)
      const page = await browser.submit(await browser.open(url), 'login', who)
      return { browser, page }
    }
    const first = await waiting(ask(person.credentialID))
    t.match(first.page.html, /data-status="phone"/)
    const [challengeShown] = await person.device.challenges()
    t.equal((await person.device.reject(String(challengeShown?.id))).status, 200)
    const { kept: _, ...rejected } = answerIn(await first.browser.settled(first.page))
    t.match(rejected, {
      error: 'access_denied',
      error_description: 'The user rejected the request.',
      state: 'z'
    })

    const second = await waiting(ask(person.credentialID))
    t.equal((await person.device.challenges()).length, 1)
    const cancelled = await second.browser.submit(second.page, 'cancel')
    t.match(answerIn(cancelled), { error: 'access_denied', state: 'z' })
    t.same(await person.device.challenges(), [], 'what waited on the phone is withdrawn')

    const others = await waiting(ask(String((await castAt({ url, provider: 'vnpt' }).enrol()).credentialID)))
    const unknown = await waiting(ask('no-such-credential'))
    t.same(answerIn(others.page), answerIn(unknown.page), 'another person’s credential is none (I6)')
    t.match(answerIn(unknown.page), {
      error: 'invalid_request',
      error_description: 'Invalid parameter credentialID'
    })
  })

  await t.test('a second factor is asked for on the page, and nothing is pushed before it', async (t) => {
    const { operator, enrol } = castAt({ url, provider: 'nacencomm', now: world.clock.now })
    const person = await enrol()
    await operator.post(`/subscribers/${person.id}/password`, { password: 'secret words' })
    const changed = await operator.call('PATCH', `/subscribers/${person.id}`, {
      secondFactor: 'code',
      phone: '0912345678'
    })
    t.equal(changed.status, 200, JSON.stringify(changed.body))
    const party = new OAuthParty(url, 'nacencomm', 'v1')
    const browser = new Browser(url)
    const asked = party.authorizeUrl({
      ...{ scope: 'credential', credentialID: person.credentialID, numSignatures: '1' },
      hash: digestOf('two').toString('base64url')
    })
    const login = await browser.open(asked)
    const wrong = await browser.submit(login, 'login', { login: person.login, password: 'wrong' })
    t.equal(wrong.status, 401)
    t.match(wrong.html, /role="alert"/)
    const code = await browser.submit(wrong, 'login', { login: person.login, password: 'secret words' })
    t.match(code.html, /name="code"/)
    t.equal((await browser.submit(code, 'code', { code: '000000x' })).status, 401)
    t.same(await person.device.challenges(), [], 'nothing yet')
    const sent = await operator.get<{ items: { text: string }[] }>(`/subscribers/${person.id}/messages`)
    const digits = /[0-9]{6}/.exec(sent.body.items.at(0)?.text ?? '')?.[0] ?? ''
    const phone = await browser.submit(code, 'code', { code: `${digits.slice(0, 3)} ${digits.slice(3)}` })
    t.match(phone.html, /data-status="phone"/, JSON.stringify(sent.body))
    const [challenge] = await person.device.challenges()
    if (challenge === undefined) throw new Error('no challenge')
    const status = browser.fetch(`${phone.url.split('?')[0]}/status`)
    await person.device.confirm(challenge)
    t.same(await (await status).json(), { status: 'approved' }, 'the page hears of it')
    t.ok(answerIn(await browser.settled(phone)).code)
  })

  await t.test(
    'a login that nobody has looks like one that somebody has, where no password is asked',
    async (t) => {
      const party = new OAuthParty(url, 'viettel', 'v1')
      const answered = await party.through(party.authorizeUrl({}), { login: 'CMT_nobody' })
      const { body } = await party.exchange(answerIn(answered).code)
      t.equal(body.token_type, 'Bearer', 'the browser learns nothing')
      const list = await party.call('credentials/list', {}, body.access_token)
      t.equal(list.status, 400, 'and the token opens nothing')
      const credential = castAt({ url, provider: 'viettel' })
      const { credentialID } = await credential.enrol()
      const asked = party.authorizeUrl({
        ...{ scope: 'credential', credentialID, numSignatures: '1' },
        hash: digestOf('x').toString('base64url')
      })
      t.same(
        answerIn(await party.through(asked, { login: 'CMT_nobody' })),
        answerIn(await party.through(asked, an)),
        'nor whether the credential is somebody else’s'
      )
    }
  )

  await t.test('SCAL 1 without hashes: a session of so many signatures', async (t) => {
    const { operator, enrol } = castAt({ url, provider: 'vnpt', now: world.clock.now })
    const person = await enrol()
    await operator.post(`/subscribers/${person.id}/password`, { password: 'secret words' })
    const issued = await operator.post(`/subscribers/${person.id}/credentials`, {
      ...{ algorithm: 'P-256', publish: true, auth: 'oauth2code', scal: '1', multisign: 5 }
    })
    const credentialID = String(issued.body.credentialID)
    const party = new OAuthParty(url, 'vnpt', 'v2')
    const { verifier, challenge } = pkce()
    const browser = new Browser(url)
    const page = await browser.submit(
      await browser.open(
        party.authorizeUrl({
          ...{ scope: 'credential', credentialID, numSignatures: '2' },
          ...{ code_challenge: challenge, code_challenge_method: 'S256' }
        })
      ),
      'login',
      { login: person.login, password: 'secret words' }
    )
    const [shown] = await person.device.challenges()
    if (shown === undefined) throw new Error(page.html)
    t.match(shown, { kind: 'session', numSignatures: 2, documents: [] })
    await person.device.confirm(shown)
    const { code } = answerIn(await browser.settled(page))
    const { body } = await party.exchange(code, { code_verifier: verifier })
    const sign = (text: string) =>
      party.call(
        'signatures/signHash',
        { credentialID, hashes: [digestOf(text).toString('base64')], signAlgo: ecdsaSha256Oid },
        body.access_token
      )
    t.equal((await sign('one')).status, 200)
    const revoked = await party.revoke(String(body.access_token))
    t.equal(revoked.status, 204, 'a credential token can be revoked before its last signature (§8.4.5)')
    t.not((await sign('two')).status, 200)
  })

  await t.test('an account_token is read once, by its client’s secret (§8.4.1)', async (t) => {
    const { SignJWT } = await import('jose')
    const party = new OAuthParty(url, 'vnpt', 'v1')
    const key = createHash('sha256').update('dvctt-secret').digest()
    const token = (claims: Record<string, unknown> = {}, with_ = key, alg = 'HS256') =>
      new SignJWT({
        sub: 'acc-1',
        jti: crypto.randomUUID(),
        iat: Math.floor(Date.now() / 1000),
        azp: 'dvctt',
        ...claims
      })
        .setProtectedHeader({ alg, typ: 'JWT' })
        .sign(with_)
    const open = async (account_token: string) => new Browser(url).open(party.authorizeUrl({ account_token }))
    const good = await token()
    t.match((await open(good)).html, /value="acc-1"/, 'the account is suggested as the login')
    const refused = [
      ['used before', good],
      ['another key', await token({}, createHash('sha256').update('other').digest())],
      ['another client', await token({ azp: 'other' })],
      ['too old', await token({ iat: Math.floor(Date.now() / 1000) - 400 })],
      ['no jti', await token({ jti: undefined })],
      ['HS512', await token({}, Buffer.concat([key, key]), 'HS512')],
      [
        'alg none',
        `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${good.split('.')[1]}.`
      ]
    ] as const
    for (const [name, account] of refused)
      t.match(
        answerIn(await open(account)),
        { error: 'invalid_request', error_description: 'Invalid parameter account_token' },
        name
      )
  })
})
