import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { html } from '../../examples/dvctt-portal/pages/html.js'
import { createPortal } from '../../examples/dvctt-portal/portal.js'
import { readSettings } from '../../examples/dvctt-portal/settings.js'
import { providerElsewhere } from './provider.js'

const quiet = { warn: () => undefined, error: () => undefined }
const form = { 'content-type': 'application/x-www-form-urlencoded' }

t.test('pages and forms', async (t) => {
  const portal = createPortal({ authorities: [providerElsewhere()], now: () => new Date(), log: quiet })
  t.teardown(() => portal.close())
  const first = await portal.inject('/')
  const [cookie = ''] = String(first.headers['set-cookie']).split(';')
  const csrf = /name="csrf" value="([^"]+)"/.exec(first.body)?.[1] ?? ''
  const post = (url: string, fields: Record<string, string>, headers: Record<string, string> = { cookie }) =>
    portal.inject({
      method: 'POST',
      url,
      headers: { ...form, ...headers },
      payload: new URLSearchParams(fields).toString()
    })

  await t.test('what every page says to the browser', async (t) => {
    t.match(
      first.headers['content-security-policy'],
      /default-src 'none'.*script-src 'self'.*frame-ancestors 'none'/
    )
    t.notMatch(first.headers['content-security-policy'], /unsafe/)
    t.match(first.headers, { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' })
    t.match(first.headers['set-cookie'], /HttpOnly; SameSite=Strict$/)
    t.match(first.body, /không có đăng nhập/)
    t.notMatch(first.body, /<script>|style=|onclick/)
    for (const { type, path } of [
      { type: /^text\/css/, path: 'portal.css' },
      { type: /^text\/javascript/, path: 'portal.js' },
      { type: /^image\/svg/, path: 'portal.svg' }
    ])
      t.match((await portal.inject(`/public/${path}`)).headers['content-type'], type)
    t.equal((await portal.inject('/public/..%2fsettings.ts')).statusCode, 404)
  })

  await t.test('a form that is not of this browser is refused', async (t) => {
    const unit = { unit: '' }
    t.equal((await post('/drafts', { ...unit, csrf }, {})).statusCode, 403, 'no cookie')
    t.equal((await post('/drafts', unit)).statusCode, 403, 'no token')
    t.equal((await post('/drafts', { ...unit, csrf: `${csrf}x` })).statusCode, 403, 'another token')
    t.equal(
      (await post('/drafts', { ...unit, csrf }, { cookie: `portal=${'a'.repeat(22)}` })).statusCode,
      403,
      "another browser's token"
    )
    t.equal((await post('/drafts', { ...unit, csrf })).statusCode, 303)
    const json = await portal.inject({
      method: 'POST',
      url: '/drafts',
      headers: { cookie },
      payload: { csrf }
    })
    t.equal(json.statusCode, 415, 'forms and nothing else')
  })

  await t.test('by another name than this machine has it does not answer', async (t) => {
    t.equal((await portal.inject({ url: '/', headers: { host: 'elsewhere.example:8090' } })).statusCode, 421)
    t.equal((await portal.inject({ url: '/', headers: { host: 'localhost:8090' } })).statusCode, 200)
  })

  await t.test('what was typed in comes back as text', async (t) => {
    const at = String((await post('/drafts', { unit: '', csrf })).headers.location)
    await post(at, { csrf, name: `"><script>alert('x')</script>`, action: 'keep' })
    const { body } = await portal.inject({ url: at, headers: { cookie } })
    t.match(body, 'value="&#34;&#62;&#60;script&#62;alert(&#39;x&#39;)&#60;/script&#62;"')
    t.equal(
      html`<p title="${'"&<>'}">${['a', html`<b>${1}</b>`, null]}</p>`.text,
      '<p title="&#34;&#38;&#60;&#62;">a<b>1</b></p>'
    )
  })

  await t.test('a form with faults says all of them, and keeps what was typed', async (t) => {
    const at = String((await post('/drafts', { unit: '', csrf })).headers.location)
    const saved = await post(at, { csrf, name: 'Trường thử', unitCode: '12', action: 'save' })
    t.equal(saved.headers.location, at)
    const { body } = await portal.inject({ url: at, headers: { cookie } })
    t.match(body, /role="alert"[\s\S]*Mã ĐVQHNS gồm 7 chữ số[\s\S]*Lấy thông tin/)
    t.match(body, 'value="Trường thử"')
  })

  await t.test('what is too large or not there is answered with a page', async (t) => {
    t.equal((await post('/drafts', { csrf, name: 'x'.repeat(70_000) })).statusCode, 413)
    for (const path of ['/registrations/1', '/payments/1', '/approvals/1', '/drafts/1', '/elsewhere']) {
      const { statusCode, body } = await portal.inject(path)
      t.equal(statusCode, 404, path)
      t.match(body, /Không tìm thấy/)
    }
    t.match(await portal.inject('/payments/new?unit=1'), { statusCode: 409, body: /chưa có đăng ký/ })
  })
})

t.test('settings', async (t) => {
  t.same(readSettings({ KYSO_URL: 'https://kyso.test/' }), {
    ...{ kysoUrl: 'https://kyso.test', clientId: 'dvctt', clientSecret: 'dvctt-secret', port: 8090 }
  })
  t.throws(() => readSettings({ KYSO_URL: 'kyso' }), /KYSO_URL is "kyso"/)
  t.throws(() => readSettings({ PORTAL_PORT: '-1' }), /PORTAL_PORT is "-1"/)
})

t.test('the program says where it is and what is missing, and ends when it is told to', async (t) => {
  const main = fileURLToPath(new URL('../../examples/dvctt-portal/main.js', import.meta.url))
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env.PATH, PORTAL_PORT: '0', KYSO_URL: 'http://127.0.0.1:9' },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => void child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  const said: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line)
    if (said.length === 2) break
  }
  const url = /^The portal is at (http:\/\/127\.0\.0\.1:\d+)$/.exec(said[0] ?? '')?.[1] ?? ''
  t.match(said[1], /^No server answers at http:\/\/127\.0\.0\.1:9\. In another terminal: npm start/)
  t.equal((await fetch(url)).status, 200)
  child.kill('SIGTERM')
  t.same(await ended, [0, null])
})
