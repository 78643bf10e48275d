import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { Writable } from 'node:stream'
import tap from 'tap'
import { Type } from 'typebox'
import { ServiceError } from '../../src/errors.js'
import { createApp } from '../../src/http/app.js'
import { addHealth } from '../../src/http/health.js'
import { createLog } from '../../src/http/log.js'
import { decodeCursor, encodeCursor, readPage, toPage } from '../../src/http/pages.js'

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** An app with a few routes, listening, and what it logs. */
async function startApp(t: Pick<typeof tap, 'teardown'>, { trustProxy = false } = {}) {
  const lines: string[] = []
  const log = createLog(
    'trace',
    new Writable({
      write(chunk, _encoding, done) {
        lines.push(String(chunk))
        done()
      }
    })
  )
  const state = { database: true, hsm: true }
  let url = ''
  const app = createApp({
    log,
    trustProxy,
    host: '127.0.0.1',
    publicUrl: () => 'https://kyso.example',
    isProviderHost: (name) => name === 'remotesigning.viettel.vn'
  })
  const fails = (part: 'database' | 'hsm') => async () => {
    if (!state[part]) throw new Error(`${part} is away`)
  }
  addHealth(app, {
    checks: { database: fails('database'), hsm: fails('hsm') },
    gauges: () => ({ hsm_signatures: 7 })
  })
  app.register(async (scope) => {
    const Body = Type.Object({
      SAD: Type.String({ maxLength: 10 }),
      items: Type.Optional(Type.Array(Type.Object({ size: Type.Integer() })))
    })
    scope.post('/echo/:id', { schema: { body: Body } }, async ({ body }) => ({ got: body }))
    scope.get('/echo/:id', async () => ({ ok: true }))
    scope.get('/refused', async () => {
      throw new ServiceError('state_conflict', 'internal words', {
        says: 'It is revoked.',
        cause: new Error('why')
      })
    })
    scope.get('/broken', async () => {
      throw Object.assign(new Error('it broke'), {
        detail: 'Key (login)=(hidden-value)',
        client: { password: 'hunter2' }
      })
    })
    scope.get('/client', async ({ ip }) => ({ ip }))
    scope.get('/slow', async () => {
      await new Promise((resolve) => setTimeout(resolve, 300))
      return { slow: true }
    })
    scope.get('/events', (_request, reply) => {
      reply.hijack()
      reply.raw.writeHead(200, { 'content-type': 'text/event-stream' })
      reply.raw.write(': hello\n\n')
    })
  })
  url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  return { app, url, lines, state }
}

tap.test('every answer carries X-Request-Id, whatever went wrong', async (t) => {
  const { url } = await startApp(t)
  const json = { 'content-type': 'application/json' }
  const cases: [string, RequestInit, number, string][] = [
    ['/nothing', {}, 404, 'not_found'],
    ['/echo/1', { method: 'DELETE' }, 405, 'method_unknown'],
    ['/echo/1', { method: 'POST', headers: json, body: '{"SAD": ' }, 400, 'request_invalid'],
    ['/echo/1', { method: 'POST', headers: json, body: '{"SAD": 1}' }, 400, 'request_invalid'],
    [
      '/echo/1',
      { method: 'POST', headers: { 'content-type': 'text/csv' }, body: 'a,b' },
      415,
      'media_type_unsupported'
    ],
    [
      '/echo/1',
      { method: 'POST', headers: json, body: `"${'x'.repeat(1024 * 1024)}"` },
      413,
      'request_too_large'
    ],
    ['/echo/%', {}, 400, 'request_invalid'],
    ['/refused', {}, 409, 'state_conflict'],
    ['/broken', {}, 500, 'internal']
  ]
  for (const [path, init, status, code] of cases) {
    const response = await fetch(url + path, init)
    t.equal(response.status, status, `${init.method ?? 'GET'} ${path} answers ${status}`)
    t.match(response.headers.get('x-request-id'), uuid)
    t.equal(response.headers.get('content-type'), 'application/problem+json')
    const problem = (await response.json()) as Record<string, unknown>
    t.equal(problem.code, code)
    t.equal(problem.status, status)
    t.equal(problem.requestId, response.headers.get('x-request-id'))
  }
  const allowed = await fetch(`${url}/echo/1`, { method: 'DELETE' })
  t.equal(allowed.headers.get('allow'), 'GET, HEAD, POST')
})

tap.test('a problem says what the client may know, and the log the rest', async (t) => {
  const { url, lines } = await startApp(t)
  const refused = (await (await fetch(`${url}/refused`)).json()) as Record<string, unknown>
  t.equal(refused.detail, 'It is revoked.')
  t.notMatch(JSON.stringify(refused), 'internal words')
  const broken = (await (await fetch(`${url}/broken?SAD=secret-in-query`)).json()) as Record<string, unknown>
  t.equal(broken.detail, 'The server met a condition it did not expect.')
  await fetch(`${url}/echo/1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer secret-bearer' },
    body: '{"SAD": "secret-in-body" x'
  })
  const log = lines.join('')
  t.match(log, 'it broke')
  t.match(log, String(broken.requestId))
  for (const secret of ['hidden-value', 'hunter2', 'secret-in-query', 'secret-bearer', 'secret-in-body'])
    t.notOk(log.includes(secret), `${secret} is not logged`)
})

tap.test('validation names the member and converts nothing', async (t) => {
  const { url } = await startApp(t)
  const post = async (body: unknown) => {
    const response = await fetch(`${url}/echo/1`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body)
    })
    return (await response.json()) as Record<string, unknown>
  }
  t.match(await post({}), { field: 'SAD', detail: 'SAD is required.' })
  t.match(await post({ SAD: 5 }), { field: 'SAD', detail: 'SAD must be string.' })
  t.match(await post({ SAD: 'x', items: [{ size: 1 }, { size: '2' }] }), { field: 'items[1].size' })
  t.match(await post({ SAD: 'x', unknown: 1 }), { got: { SAD: 'x', unknown: 1 } })
})

tap.test('a Host that is not ours is refused', async (t) => {
  const { url, app } = await startApp(t)
  const port = Number(new URL(url).port)
  const statusFor = async (host: string) => {
    const request = httpRequest({ host: '127.0.0.1', port, path: '/health/live', headers: { host } }).end()
    const [response] = await once(request, 'response')
    response.resume()
    return response.statusCode
  }
  for (const host of [
    'kyso.example',
    'KYSO.example:443',
    'localhost',
    'localhost:1',
    '127.9.9.9:80',
    '[::1]:8080',
    `127.0.0.1:${port}`,
    'remotesigning.viettel.vn'
  ])
    t.equal(await statusFor(host), 200, `${host} is ours`)
  for (const host of [
    'evil.example',
    'kyso.example:8443',
    '10.0.0.1',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'a@b'
  ])
    t.equal(await statusFor(host), 421, `${host} is not`)
  t.equal(
    (await app.inject({ url: '/health/live', headers: { host: 'evil.example' } })).json().code,
    'host_unknown'
  )
})

tap.test('what is not HTTP is answered, too', async (t) => {
  const { url } = await startApp(t)
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.end('nonsense\r\n\r\n')
  let answer = ''
  for await (const chunk of socket) answer += chunk
  t.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/)
  t.match(answer, /X-Request-Id: [0-9a-f-]{36}/)
})

tap.test('readiness names what is missing; metrics and the API description are served', async (t) => {
  const { url, state } = await startApp(t)
  t.same(await (await fetch(`${url}/health/ready`)).json(), { status: 'ready' })
  state.hsm = false
  const response = await fetch(`${url}/health/ready`)
  t.equal(response.status, 503)
  t.same(await response.json(), { status: 'unavailable', unavailable: ['hsm'] })
  t.equal((await fetch(`${url}/health/live`)).status, 200)
  const metrics = await (await fetch(`${url}/metrics`)).text()
  t.match(metrics, 'kyso_hsm_signatures 7')
  t.match(
    metrics,
    /kyso_http_request_duration_seconds_count\{method="GET",route="\/health\/ready",status="503"\} 1/
  )
  const openapi = (await (await fetch(`${url}/docs/json`)).json()) as { paths: object }
  t.match(Object.keys(openapi.paths), ['/health/live', '/health/ready', '/metrics', '/echo/{id}'])
  const page = await fetch(`${url}/docs`)
  t.equal(page.status, 200)
  t.match(page.headers.get('content-security-policy'), "default-src 'none'")
  t.notMatch(page.headers.get('content-security-policy'), 'upgrade-insecure-requests')
  const html = await page.text()
  t.notMatch(html, /<script>[^<]/, 'no script in the page itself, which the policy would stop')
  for (const [, asset] of html.matchAll(/(?:src|href)="(\.?\/[^"]+\.(?:js|css))"/g))
    t.equal((await fetch(new URL(asset ?? '', `${url}/docs/`))).status, 200, `${asset} is served`)
})

tap.test('closing lets requests end and cuts event streams', async (t) => {
  const { app, url } = await startApp(t)
  const events = await fetch(`${url}/events`)
  t.match(events.headers.get('x-request-id'), uuid)
  const slow = fetch(`${url}/slow`)
  await new Promise((resolve) => setTimeout(resolve, 50))
  await app.close()
  t.same(await (await slow).json(), { slow: true })
  await t.rejects(events.text(), 'the stream was cut')
})

tap.test('one proxy is believed, and only what it says itself', async (t) => {
  const clientOf = async (trustProxy: boolean, forwardedFor: string) => {
    const { url } = await startApp(t, { trustProxy })
    const answer = await fetch(`${url}/client`, { headers: { 'x-forwarded-for': forwardedFor } })
    return ((await answer.json()) as { ip: string }).ip
  }
  t.equal(
    await clientOf(true, '198.51.100.7, 10.0.0.3'),
    '10.0.0.3',
    'what came before it was sent by the client'
  )
  t.equal(await clientOf(true, '10.0.0.3'), '10.0.0.3')
  t.equal(await clientOf(false, '10.0.0.3'), '127.0.0.1')
})

tap.test('pages', async (t) => {
  const rows = ['a', 'b', 'c']
  const first = toPage(rows, 2, (row) => [row], String)
  t.same(first.items, ['a', 'b'])
  t.same(readPage({ cursor: first.nextCursor ?? '', limit: '200' }), { after: ['b'], limit: 200 })
  t.equal(toPage(rows, 3, (row) => [row], String).nextCursor, null)
  t.equal(readPage({}).limit, 50)
  for (const limit of ['0', '201', 'x'])
    t.throws(() => readPage({ limit }), { code: 'request_invalid', field: 'limit' })
  for (const cursor of ['x', encodeCursor(['a\u0000b'])])
    t.throws(() => readPage({ cursor }), { code: 'request_invalid', field: 'cursor' })
  t.throws(() => decodeCursor(first.nextCursor ?? '', 2), { code: 'request_invalid' })
})
