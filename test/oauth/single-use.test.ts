import { createHash } from 'node:crypto'
import { SignJWT } from 'jose'
import t from 'tap'
import { castAt, digestOf } from '../clients/journey.js'
import { answerIn, Browser, formOf } from '../clients/plain-browser.js'
import { sha256Oid } from '../clients/portal.js'
import { startSecond } from '../clients/second-server.js'
import { startWorld } from '../world.js'
import { OAuthParty, pkce, redirectUri } from './flow.js'

const binh = { login: '001088035895', password: 'vnpt-demo' }

t.test('every step is taken once, whichever of two servers takes it', async (t) => {
  const world = await startWorld(t)
  const second = await startSecond(t, world)
  const origins = [world.url, second.url]
  const parties = origins.map((url) => new OAuthParty(url, 'vnpt', 'v2'))
  const [here, there] = parties as [OAuthParty, OAuthParty]
  const proof = pkce()
  const s256 = { code_challenge: proof.challenge, code_challenge_method: 'S256' }
  /** Eight at once, four at each server. */
  const crowd = <T>(work: (party: OAuthParty, origin: string) => Promise<T>): Promise<T[]> =>
    Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        work(parties[index % 2] as OAuthParty, origins[index % 2] as string)
      )
    )
  const granted = <A extends { status: number }>(answers: A[], status = 200): A[] =>
    answers.filter((answer) => answer.status === status)
  /** The same page at the other server. */
  const at = (origin: string, url: string) => `${origin}${url.slice(new URL(url).origin.length)}`

  async function code(): Promise<string> {
    return answerIn(await here.through(here.authorizeUrl(s256), binh)).code ?? ''
  }

  await t.test('a code: the crowd that comes after it ends even what the first one got', async (t) => {
    const one = await code()
    const answers = await crowd((party) => party.exchange(one, { code_verifier: proof.verifier }))
    const [winner] = granted(answers)
    t.equal(granted(answers).length, 1)
    t.equal((await here.call('credentials/list', {}, winner?.body.access_token)).status, 401)
    const refresh = { grant_type: 'refresh_token', refresh_token: String(winner?.body.refresh_token) }
    t.equal((await there.token(refresh)).status, 400)
  })

  await t.test('a refresh token', async (t) => {
    const { body } = await there.exchange(await code(), { code_verifier: proof.verifier })
    const refresh = { grant_type: 'refresh_token', refresh_token: String(body.refresh_token) }
    const answers = await crowd((party) => party.token(refresh))
    t.equal(granted(answers).length, 1)
    const [winner] = granted(answers)
    t.equal(
      (await there.call('credentials/list', {}, winner?.body.access_token)).status,
      401,
      'the grant ended'
    )
    t.equal((await here.call('credentials/list', {}, body.access_token)).status, 401)
  })

  await t.test('an access token that one revokes is refused by the other within a second', async (t) => {
    const { body } = await there.exchange(await code(), { code_verifier: proof.verifier })
    t.equal((await there.call('credentials/list', {}, body.access_token)).status, 200)
    t.equal((await here.revoke(String(body.access_token))).status, 204)
    let status = 0
    for (const until = Date.now() + 1_000; status !== 401 && Date.now() < until; )
      status = (await there.call('credentials/list', {}, body.access_token)).status
    t.equal(status, 401)
  })

  await t.test('a request_uri: one browser', async (t) => {
    const { body } = await here.push(s256)
    const query = new URLSearchParams({ client_id: 'dvctt', request_uri: String(body.request_uri) })
    const pages = await crowd((_, origin) =>
      new Browser(origin).open(`${origin}/vnpt/csc/v2/oauth2/authorize?${query}`)
    )
    t.equal(granted(pages).length, 1)
    t.equal(granted(pages, 400).length, 7)
  })

  await t.test('an account_token', async (t) => {
    const account_token = await new SignJWT({
      sub: 'a',
      jti: 'once',
      iat: Math.floor(Date.now() / 1000),
      azp: 'dvctt'
    })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .sign(createHash('sha256').update('dvctt-secret').digest())
    const pages = await crowd((party, origin) =>
      new Browser(origin).open(party.authorizeUrl({ ...s256, account_token }))
    )
    t.equal(pages.filter(({ html }) => html !== '').length, 1)
  })

  await t.test(
    'a login pushes one challenge, one phone answer is given back once, and redeemed once',
    async (t) => {
      const { operator, enrol } = castAt({ url: world.url, provider: 'vnpt', now: world.clock.now })
      const person = await enrol()
      await operator.post(`/subscribers/${person.id}/password`, { password: 'secret words' })
      const digest = digestOf('một lần')
      const browser = new Browser(world.url)
      const page = await browser.open(
        here.authorizeUrl({
          ...{ ...s256, scope: 'credential', credentialID: person.credentialID, numSignatures: '1' },
          ...{ hashes: digest.toString('base64url'), hashAlgorithmOID: sha256Oid }
        })
      )
      const members = { ...formOf(page.html, 'login'), login: person.login, password: 'secret words' }
      await crowd((_, origin) => browser.fetch(at(origin, page.url), members))
      const challenges = await person.device.challenges()
      t.equal(challenges.length, 1, 'one push for eight logins')
      const [challenge] = challenges
      if (challenge === undefined) throw new Error('no challenge')
      const status = browser.fetch(`${at(second.url, page.url)}/status`)
      await person.device.confirm(challenge)
      t.same(await (await status).json(), { status: 'approved' }, 'the other server’s page hears of it')
      const answers = await crowd((_, origin) => browser.fetch(`${at(origin, page.url)}/answer`))
      const back = answers
        .map(({ headers }) => headers.get('location') ?? '')
        .filter((location) => location.startsWith(redirectUri))
      t.equal(back.length, 1, 'one code')
      const one = new URL(back[0] ?? '').searchParams.get('code') ?? ''
      const sads = await crowd((party) => party.exchange(one, { code_verifier: proof.verifier }))
      t.ok(granted(sads).length <= 1, 'at most one SAD')
      const signed = await Promise.all(
        granted(sads).map(({ body }) =>
          there.call(
            'signatures/signHash',
            {
              credentialID: person.credentialID,
              hashes: [digest.toString('base64')],
              signAlgo: '1.2.840.10045.4.3.2'
            },
            body.access_token
          )
        )
      )
      t.same(granted(signed), [], 'which the code that came again has ended')
    }
  )
})
