import { createServer } from 'node:http'
import t, { type Test } from 'tap'
import { chromium, startBrowser, Tab } from '../clients/browser.js'
import { digestOf } from '../clients/journey.js'
import { ecdsaSha256Oid, sha256Oid } from '../clients/portal.js'
import { OAuthParty, pkce } from '../oauth/flow.js'
import { startWorld } from '../world.js'

/** `PICTURES=docs/pictures` keeps those that docs/csc.md shows. */
const pictures = process.env.PICTURES
const binh = { login: '001088035895', password: 'vnpt-demo' }
const an = { login: 'CMT_0123456789' }

t.test('the login pages, in a browser', { skip: chromium ? false : 'chromium is missing' }, async (t) => {
  const world = await startWorld(t)
  const browser = await startBrowser(t)
  const portal = await startPortal(t)

  /** A person's way through the pages, to the address that the portal was called at. */
  async function through(
    t: Pick<Test, 'same' | 'match'>,
    url: string,
    who: { login: string; password?: string },
    picture: string | null = null
  ): Promise<URLSearchParams> {
    const tab = await Tab.open(browser, world.url)
    const { page } = tab
    const shot = async (step: string) => {
      if (pictures !== undefined && picture !== null)
        await page.screenshot({ path: `${pictures}/${picture}-${step}.png` })
    }
    await page.goto(url)
    t.same(await tab.inaccessible(), [], 'every control has a name and room for a thumb')
    await shot('login')
    await page.type('#login', who.login)
    if (who.password !== undefined) await page.type('#password', who.password)
    const called = portal.called()
    await page.keyboard.press('Enter')
    if (picture !== null) {
      await page.waitForSelector('body[data-status=phone]')
      t.same(await tab.inaccessible(), [])
      t.match(await tab.text('#left'), /^[0-5]:[0-5][0-9]$/)
      await shot('phone')
    }
    const query = await called
    const strange = tab.strange.filter((one) => !one.startsWith(portal.origin))
    t.same(strange, [], 'nothing from elsewhere, nothing against the policy, no fault of a script')
    await tab.close()
    return query
  }

  /** A phone that takes its time, so that the page is seen. */
  async function slowPhone(provider: string, login: string) {
    const { Operator } = await import('../clients/operator.js')
    const operator = new Operator({ url: world.url })
    const id = await operator.subscriberId(provider, login)
    const set = { behaviour: 'confirm', delayMs: 1_500, biometric: 'face' }
    t.equal((await operator.call('PUT', `/subscribers/${id}/virtual-phone`, set)).status, 200)
  }

  await t.test('v1: service and credential, by the login name alone', async (t) => {
    const party = new OAuthParty(world.url, 'viettel', 'v1')
    await slowPhone('viettel', an.login)
    const service = await through(t, party.authorizeUrl({ redirect_uri: portal.url, state: 'một' }), an)
    t.equal(service.get('state'), 'một')
    const of = { redirect_uri: portal.url }
    const tokens = await party.exchange(service.get('code') ?? '', of)
    const list = await party.call('credentials/list', {}, tokens.body.access_token)
    const credentialID = (list.body.credentialIDs as string[])[1] as string
    const digest = digestOf('v1 trong trình duyệt')
    const asked = party.authorizeUrl({
      ...{ redirect_uri: portal.url, scope: 'credential', credentialID, numSignatures: '1', lang: 'en' },
      ...{ hash: digest.toString('base64url'), description: 'Tờ khai đăng ký sử dụng DVC' }
    })
    const credential = await through(t, asked, an, 'oauth-v1')
    const sad = await party.exchange(credential.get('code') ?? '', of)
    t.equal(sad.body.token_type, 'SAD')
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
  })

  await t.test('v2: pushed, service, then a credential by authorization_details', async (t) => {
    const party = new OAuthParty(world.url, 'vnpt', 'v2')
    await slowPhone('vnpt', binh.login)
    const { verifier, challenge } = pkce()
    const common = { redirect_uri: portal.url, code_challenge: challenge, code_challenge_method: 'S256' }
    const at = async (parameters: Record<string, string>) => {
      const { body } = await party.push({ ...common, ...parameters })
      const query = new URLSearchParams({ client_id: 'dvctt', request_uri: String(body.request_uri) })
      return `${party.base}/oauth2/authorize?${query}`
    }
    const of = { redirect_uri: portal.url, code_verifier: verifier }
    const service = await through(t, await at({ scope: 'service' }), binh)
    const tokens = await party.exchange(service.get('code') ?? '', of)
    const list = await party.call('credentials/list', {}, tokens.body.access_token)
    const credentialID = (list.body.credentialIDs as string[])[1] as string
    const digests = ['một', 'hai'].map(digestOf)
    const authorization_details = JSON.stringify([
      {
        ...{ type: 'credential', credentialID, hashAlgorithmOID: sha256Oid },
        documentDigests: digests.map((digest, index) => ({
          hash: digest.toString('base64'),
          label: ['Đề nghị thanh toán', 'Ủy nhiệm chi'][index]
        }))
      }
    ])
    const details = { authorization_details, description: 'Hồ sơ thanh toán tháng 11' }
    const credential = await through(t, await at(details), binh, 'oauth-v2')
    const sad = await party.exchange(credential.get('code') ?? '', { ...of, authorization_details })
    const hashes = digests.map((digest) => digest.toString('base64'))
    const signed = await party.call(
      'signatures/signHash',
      { credentialID, hashes, signAlgo: ecdsaSha256Oid },
      sad.body.access_token
    )
    t.equal((signed.body.signatures as string[] | undefined)?.length, 2, JSON.stringify(signed.body))
  })

  await t.test('without scripts the page goes on by itself, and cancelling leads back', async (t) => {
    const party = new OAuthParty(world.url, 'vnpt', 'v2')
    const { challenge } = pkce()
    const url = party.authorizeUrl({
      ...{ redirect_uri: portal.url, code_challenge: challenge, code_challenge_method: 'S256' }
    })
    const open = async () => {
      const tab = await Tab.open(browser, world.url)
      await tab.page.setJavaScriptEnabled(false)
      await tab.page.goto(url)
      return tab
    }
    const first = await open()
    await first.page.type('#login', binh.login)
    await first.page.type('#password', binh.password)
    const called = portal.called()
    await first.page.keyboard.press('Enter')
    t.ok((await called).get('code'))
    await first.close()
    const second = await open()
    const denied = portal.called()
    await second.page.focus('button.quiet')
    await second.page.keyboard.press('Enter')
    t.equal((await denied).get('error'), 'access_denied')
    await second.close()
  })
})

/** A relying party's address to come back to. */
async function startPortal(t: { teardown(work: () => void): void }) {
  let heard: (query: URLSearchParams) => void = () => {}
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://portal')
    response.setHeader('content-type', 'text/html')
    response.end('<!doctype html><title>portal</title><p>back')
    if (pathname === '/back') heard(searchParams)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  return {
    origin,
    url: `${origin}/back`,
    /** The parameters of the next call. */
    called: () =>
      new Promise<URLSearchParams>((resolve) => {
        heard = resolve
      })
  }
}
