import { randomUUID, verify, X509Certificate } from 'node:crypto'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import pg from 'pg'
import type { Page } from 'puppeteer-core'
import t from 'tap'
import { chromium, startBrowser, Tab, virtualAuthenticator } from '../clients/browser.js'
import { digestOf } from '../clients/journey.js'
import { Operator } from '../clients/operator.js'
import { ecdsaSha256Oid, Portal } from '../clients/portal.js'
import { startWorld } from '../world.js'

/** `PICTURES=docs/pictures` keeps those that docs/phone.md shows. */
const pictures = process.env.PICTURES

t.test('the phone page, in a browser', { skip: chromium ? false : 'chromium is missing' }, async (t) => {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const world = await startWorld(t, { settings: { PORT: String(port), PUBLIC_URL: origin } })
  const operator = new Operator({ url: world.url })
  const browser = await startBrowser(t)

  async function person(provider: string) {
    const { body } = await operator.post('/subscribers', {
      provider,
      login: `page-${randomUUID()}`,
      fullName: 'Đỗ Thị Thử',
      nationalId: '001099000001'
    })
    const id = String(body.id)
    const issued = await operator.post(`/subscribers/${id}/credentials`, {
      algorithm: 'P-256',
      publish: true
    })
    const code = await operator.post(`/subscribers/${id}/activation-codes`)
    return { credentialID: String(issued.body.credentialID), code: String(code.body.code) }
  }
  async function sql(text: string, ...values: string[]): Promise<string> {
    const client = new pg.Client(world.connection)
    await client.connect()
    const { rows } = await client.query<{ found: string }>(text, values)
    await client.end()
    return rows[0]?.found ?? ''
  }
  /** What the token that confirmed an activation says. */
  const evidence = async (id: unknown) =>
    decodeJwt(await sql('select token as found from confirmations where activation_id = $1', String(id)))

  await t.test('with an authenticator of the platform', async (t) => {
    const tab = await Tab.open(browser, origin)
    t.teardown(tab.close)
    const { page } = tab
    const authenticator = await virtualAuthenticator(page)
    const portal = new Portal({ url: world.url, provider: 'viettel' })
    const { credentialID, code } = await person('viettel')

    await t.test('a browser becomes a device by the code of an address or QR code', async (t) => {
      await page.goto(`${origin}/viettel/phone/#code=${code}`)
      await page.waitForSelector('#enrol')
      t.equal(page.url(), `${origin}/viettel/phone/`, 'the code does not stay in the address')
      t.same(await tab.values('#code'), [code])
      await picture(page, 'enrol')
      t.same(await tab.inaccessible(), [])
      await tab.press('input[value="fpt"]')
      await tab.press('#enrol button.main')
      await page.waitForSelector('#waiting .connected')
      t.same(await page.evaluate(keyInStore), { extractable: false, exported: false }, 'its key stays inside')
    })

    async function asked(text: string) {
      const { body } = await portal.authorize(credentialID, [digestOf(text)], { description: text })
      const handle = String(body.handle)
      const card = `article[aria-labelledby="title-${handle}"]`
      await page.waitForSelector(card)
      return { handle, card, confirm: `${card} .confirm`, reject: `${card} .reject`, fault: `${card} .fault` }
    }

    await t.test('it shows all that is confirmed, and its confirmation signs', async (t) => {
      const text = 'Tờ khai thuế giá trị gia tăng quý III'
      const { handle, card, confirm } = await asked(text)
      const shown = await tab.text(card)
      const nonce = await sql('select nonce as found from activations where id = $1', handle)
      const digest = digestOf(text).toString('base64')
      const others = [`${origin}/viettel`, 'dvctt', '2.16.840.1.101.3.4.2.1']
      for (const member of [handle, nonce, text, digest, credentialID, ...others])
        t.ok(member !== '' && shown.includes(member), member)
      await picture(page, 'challenge')
      t.same(await tab.inaccessible(), [])

      await tab.press(confirm)
      await page.waitForSelector('li.confirmed')
      const answered = await portal.answered(handle)
      const signed = await portal.sign(credentialID, answered.body.SAD, [digestOf(text)], ecdsaSha256Oid)
      const signature = Buffer.from(signed.body.signatures?.[0] ?? '', 'base64')
      const { publicKey } = new X509Certificate(await portal.certificate(credentialID))
      t.ok(verify('sha256', Buffer.from(text), publicKey, signature), 'the signature verifies')
      t.match(await evidence(handle), { amr: ['hwk', 'fpt'], webauthn: { signature: String } })
    })

    await t.test('what its owner rejects is rejected', async (t) => {
      const { handle, reject } = await asked('giấy rút tiền')
      await tab.press(reject)
      await page.waitForSelector('li.rejected')
      t.equal((await portal.answered(handle)).status, 400)
    })

    await t.test('without its owner recognised nothing is confirmed, and the request waits', async (t) => {
      const { handle, card, confirm, fault } = await asked('ủy nhiệm chi')
      await authenticator.recognises(false)
      await tab.press(confirm)
      await tab.said(fault)
      t.equal((await portal.check(handle)).status, 202)
      await authenticator.recognises(true)
      await tab.press(confirm)
      await tab.gone(card)
      t.equal((await portal.answered(handle)).status, 200)
    })

    await t.test('a display that somebody changed on the screen is not confirmed', async (t) => {
      const { handle, card, confirm, fault } = await asked('trả lương')
      for (const member of ['digest', 'description', 'numSignatures', 'nonce', 'clientId']) {
        const part = `${card} [data-member="${member}"]`
        const was = await tab.text(part)
        await tab.change(part, `it.textContent = ${member === 'numSignatures' ? '2' : '"khác"'}`)
        await tab.press(confirm)
        await tab.said(fault)
        t.equal(await tab.disabled(confirm), true, member)
        await tab.change(part, `it.textContent = ${JSON.stringify(was)}`)
        await tab.change(confirm, 'it.disabled = false')
      }
      t.equal((await portal.check(handle)).status, 202, 'nothing was sent that could confirm')
      await tab.press(confirm)
      await tab.gone(card)
      t.equal((await portal.answered(handle)).status, 200, 'as it was, it is')
    })

    await t.test('nor one that was changed on the way', async (t) => {
      const { identifier } = await page.evaluateOnNewDocument(changedOnTheWay)
      await page.reload()
      await page.waitForSelector('#waiting .connected')
      const { handle, card, confirm, reject, fault } = await asked('mua văn phòng phẩm')
      await tab.said(fault)
      t.match(await tab.text(card), 'mua kim cương')
      t.equal(await tab.disabled(confirm), true)
      await picture(page, 'tampered')
      await tab.press(reject)
      await page.waitForSelector('li.rejected')
      t.equal((await portal.answered(handle)).status, 400)
      await page.removeScriptToEvaluateOnNewDocument(identifier)
    })

    await t.test('it comes back after a lost connection, and goes when it is removed', async (t) => {
      await page.reload()
      await page.waitForSelector('#waiting .connected')
      await page.setOfflineMode(true)
      await world.restart()
      await page.waitForSelector('#waiting .disconnected')
      await page.setOfflineMode(false)
      const { card } = await asked('sau khi mất mạng')
      await tab.press('#language')
      await page.waitForFunction(`document.documentElement.lang === 'en'`)
      t.match(await tab.text('#waiting'), 'Waiting for you')
      t.match(await tab.text(card), 'asks you to sign', 'the cards stay, in the other language')

      const deviceId = await sql('select device_id as found from confirmations limit 1')
      const removed = await fetch(`${world.url}/operator/devices/${deviceId}`, {
        method: 'DELETE',
        headers: { authorization: 'Bearer operator-demo' }
      })
      t.equal(removed.status, 204)
      await page.waitForSelector('#enrol')
      t.match(await tab.text('#notice'), 'was removed')
    })
    t.same(tab.strange, [], 'the page spoke to nobody else and broke no policy')
  })

  await t.test('where the browser has none, the prompt of the simulation says what it is', async (t) => {
    const tab = await Tab.open(browser, world.url)
    t.teardown(tab.close)
    const { page } = tab
    const portal = new Portal({ url: world.url, provider: 'vnpt' })
    const { credentialID, code } = await person('vnpt')
    await page.goto(`${world.url}/vnpt/phone`)
    await page.waitForSelector('#enrol')
    const choices = await tab.values('input[name="recognises"]')
    t.same(choices, ['simulated'], 'WebAuthn knows names, no addresses')
    await page.type('#code', 'AAAA-AAAA-AAAA-AAAA')
    await tab.press('#enrol button.main')
    await tab.said('#enrol [role=alert]')
    await tab.change('#code', `it.value = ''`)
    await page.type('#code', code)
    await tab.press('#enrol button.main')
    await page.waitForSelector('#waiting .connected')

    const { body } = await portal.authorize(credentialID, [digestOf('một')])
    await page.waitForSelector('article .confirm')
    await tab.press('article .confirm')
    await page.waitForSelector('#simulated-prompt[open]')
    await picture(page, 'simulated')
    t.same(await tab.inaccessible(), [])
    await tab.press('#simulated-prompt button[value=""]')
    await tab.said('article .fault')
    await tab.press('article .confirm')
    await page.waitForSelector('#simulated-prompt[open]')
    await tab.press('#simulated-prompt button[value="face"]')
    await page.waitForSelector('li.confirmed')
    t.equal((await portal.answered(body.handle)).status, 200)
    const said = await evidence(body.handle)
    t.match(said, { amr: ['hwk', 'face'] })
    t.notOk('webauthn' in said)

    await tab.press('.remove')
    await tab.press('dialog[open] .danger')
    await page.waitForSelector('#enrol')
    t.same(tab.strange, [])
  })

  await t.test('without simulation there is no prompt and no way around an authenticator', async (t) => {
    const tab = await Tab.open(browser, world.url)
    t.teardown(tab.close)
    const { page } = tab
    const settings = { provider: 'misa', names: { vi: 'MISA', en: 'MISA' }, publicUrl: origin }
    await page.setRequestInterception(true)
    page.on('request', (request) => {
      if (!request.url().endsWith('/page.json')) return void request.continue()
      const body = JSON.stringify({ ...settings, simulation: false })
      void request.respond({ contentType: 'application/json', body })
    })
    await page.goto(`${world.url}/misa/phone/`)
    await page.waitForSelector('#enrol')
    t.same(await tab.values('input[name="recognises"]'), [])
    t.equal(await tab.disabled('#enrol button.main'), true)
    t.match(await tab.text('#enrol .fault'), `${origin}/misa/phone/`, 'it says where to go instead')
  })
})

async function picture(page: Page, name: string): Promise<void> {
  if (pictures === undefined) return
  await page.screenshot({ path: join(pictures, `phone-${name}.png`) as `${string}.png` })
}

/** Runs in the page: whether anything can read the key of the device. */
const keyInStore = `(async () => {
  const done = (request) => new Promise((resolve) => { request.onsuccess = () => resolve(request.result) })
  const database = await done(indexedDB.open('kyso-phone'))
  const { privateKey } = await done(database.transaction('devices').objectStore('devices').get('viettel'))
  database.close()
  const exported = await crypto.subtle.exportKey('jwk', privateKey).then(() => true, () => false)
  return { extractable: privateKey.extractable, exported }
})()`

/** Runs in the page, before anything of it: somebody between it and the server. */
const changedOnTheWay = `{
  const real = window.fetch
  window.fetch = async (...of) => {
    const answer = await real(...of)
    if (!String(of[0]).includes('events')) return answer
    const change = new TransformStream({
      transform: (text, controller) => controller.enqueue(text.replaceAll('mua văn phòng phẩm', 'mua kim cương'))
    })
    const body = answer.body.pipeThrough(new TextDecoderStream()).pipeThrough(change)
    return new Response(body.pipeThrough(new TextEncoderStream()), { status: 200, headers: answer.headers })
  }
}`

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}
