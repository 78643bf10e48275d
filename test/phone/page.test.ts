import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import canonicalize from 'canonicalize'
import { pino } from 'pino'
import t from 'tap'
import { createApp } from '../../src/http/app.js'
import { page } from '../../src/phone/page/page.js'

const folder = join(process.cwd(), 'src/phone/page/files')
const names = readdirSync(folder)
const read = (name: string) => readFileSync(join(folder, name), 'utf8')
/** A module of the page that needs no browser. */
const load = (name: string) =>
  import(pathToFileURL(join(folder, name)).href) as Promise<Record<string, unknown>>

t.test('the page hashes what RFC 8785 says', async (t) => {
  const { canonicalJson, displayHash } = (await load('canonical.js')) as {
    canonicalJson: (value: unknown) => string
    displayHash: (value: unknown) => Promise<string>
  }
  const values = [
    { b: 1, a: [true, null, 'Sông Lô', { z: '"\\\u0000\u2028', é: 0.1, e: -0 }], '': '' },
    {
      '\u20ac': 'Euro',
      '\r': 'CR',
      '\ufb33': 'Dalet',
      '1': 'One',
      '\u{1f600}': 'Emoji',
      '\u0080': 'C',
      ö: 'O'
    },
    [1e21, 1e-7, 123456789012345680000, 4.35, 333333333.3333333],
    'Nguyễn Văn An 😀',
    []
  ]
  for (const value of values) t.equal(canonicalJson(value), canonicalize(value))
  t.equal(await displayHash({}), 'RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o', 'SHA-256 of {} in base64url')
  for (const value of ['\ud800', Number.NaN, undefined, [() => 1]]) t.throws(() => canonicalJson(value))
})

t.test('the page reads server-sent events however they are cut', async (t) => {
  const { readEvents } = (await load('event-reader.js')) as {
    readEvents: (body: ReadableStream<Uint8Array>, on: () => void) => AsyncIterable<unknown>
  }
  const text =
    'retry: 1000\n\n: still here\n\nevent: challenge\r\ndata: {"a":"ố"}\r\n\r\ndata: 1\ndata: 2\n\ndata: lost'
  for (const size of [1, 2, 7, 1000]) {
    const octets = Buffer.from(text)
    const parts = Array.from({ length: Math.ceil(octets.length / size) }, (_, index) =>
      octets.subarray(index * size, (index + 1) * size)
    )
    const found = []
    for await (const event of readEvents(ReadableStream.from(parts), () => undefined)) found.push(event)
    t.same(found, [
      { event: 'challenge', data: '{"a":"ố"}' },
      { event: 'message', data: '1\n2' }
    ])
  }
})

t.test('a QR code holds the address of the page with a code, or the code', async (t) => {
  const { codeIn } = (await load('scan.js')) as { codeIn: (text: string) => string | null }
  t.equal(codeIn('http://127.0.0.1:8080/vnpt/phone/#code=0123456789ABCDEF'), '0123456789ABCDEF')
  t.equal(codeIn('#a=1&code=0123-4567-89AB-CDEF&b=2'), '0123-4567-89AB-CDEF')
  t.equal(codeIn(' 0123456789abcdef\n'), '0123456789abcdef')
  for (const text of ['', 'https://evil.example/', '#code=<script>', 'x'.repeat(41)])
    t.equal(codeIn(text), null)
})

t.test('the page is its own files and nothing else', async (t) => {
  const index = read('index.html')
  t.notMatch(index, /<script(?![^>]* src=)|<style|\son[a-z]+=|\sstyle=|javascript:/i, 'no inline code')
  for (const name of names.filter((name) => /\.(?:html|css|js)$/.test(name))) {
    const text = read(name)
    const addresses = [...text.matchAll(/(?:https?:)?\/\/[^\s'"`)*]+/g)].map(([found]) => found)
    t.same(
      addresses.filter((found) => /^http/.test(found) && !/^https:\/\/html\.spec\.whatwg\.org/.test(found)),
      [],
      `${name} names no other place`
    )
    t.notMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/, name)
  }
  t.same(
    Object.keys((await textsOf('vi')) as object),
    Object.keys((await textsOf('en')) as object),
    'both languages say the same things'
  )
})

/** The texts of a language, as a browser of it would have them. */
async function textsOf(language: string): Promise<unknown> {
  const browser = { localStorage: { getItem: () => language, setItem: () => undefined } }
  for (const [name, value] of Object.entries(browser))
    Object.defineProperty(globalThis, name, { value, configurable: true })
  const address = `${pathToFileURL(join(folder, 'texts.js')).href}?${language}`
  const { say } = (await import(address)) as { say: () => unknown }
  return say()
}

t.test('how it is served', async (t) => {
  const app = createApp({
    log: pino({ level: 'silent' }),
    trustProxy: false,
    host: '127.0.0.1',
    publicUrl: () => 'https://ky-so.example.vn'
  })
  t.teardown(() => app.close())
  const publicUrl = 'https://ky-so.example.vn'
  const provider = { id: 'vnpt', names: { vi: 'VNPT', en: 'VNPT' } }
  await app.register(page, { prefix: '/vnpt/phone', provider, publicUrl, simulation: false })
  const get = (url: string) => app.inject({ url, headers: { host: '127.0.0.1' } })

  const index = await get('/vnpt/phone/')
  t.match(index, { statusCode: 200, headers: { 'content-type': 'text/html; charset=utf-8' } })
  const policy = String(index.headers['content-security-policy'])
  for (const rule of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"])
    t.ok(policy.split('; ').includes(rule), rule)
  t.notMatch(policy, /unsafe|\*|https?:|data:/)

  t.match(await get('/vnpt/phone'), { statusCode: 308, headers: { location: 'phone/' } })
  t.same((await get('/vnpt/phone/page.json')).json(), {
    provider: 'vnpt',
    names: provider.names,
    publicUrl,
    simulation: false
  })
  for (const name of names) {
    const served = await get(`/vnpt/phone/page/${name}`)
    t.equal(served.statusCode, 200, name)
    t.ok(served.headers['content-security-policy'], 'with the policy')
    t.equal(served.headers['x-content-type-options'], 'nosniff')
  }
  for (const path of ['../page.ts', '..%2fpage.ts', '%2e%2e%2ftsconfig.json', 'tsconfig.json', 'none.js'])
    t.equal((await get(`/vnpt/phone/page/${path}`)).statusCode, 404, path)
})
