import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import fastify, { type FastifyError } from 'fastify'
import t from 'tap'
import { releaseLargeBody, takeLargeBodies } from '../../src/http/large-bodies.js'
import { parseLargeJson } from '../../src/http/large-json.js'

const members = new Set(['file'])
const long = randomBytes(100_000)
const text = long.toString('base64')

/** What is parsed, with files put back where their marks stand. */
function parsed(json: string): { value: unknown; files: number } {
  const { value, files } = parseLargeJson(Buffer.from(json), { members, parse: JSON.parse })
  const put = JSON.stringify(value, (_, one) => {
    const file = typeof one === 'string' ? files.get(one) : undefined
    return file === undefined ? one : Buffer.from(file).toString('base64')
  })
  return { value: put === undefined ? undefined : JSON.parse(put), files: files.size }
}

t.test('long files are decoded, and everything else is what the parser makes of it', async (t) => {
  const taken = [
    `{"file":"${text}"}`,
    `{"a":[{"File" :\n"${text}"},{"file":"${text}","b":"\\"\\u0041é"}],"c":null}`,
    `{"file":"short","x":{"file":"${text}"}}`
  ]
  for (const json of taken) {
    const { value, files } = parsed(json)
    t.same(value, JSON.parse(json))
    t.ok(files > 0)
  }
  const left = [
    `{"other":"${text}"}`,
    `{"file":["${text}"]}`,
    `"${text}"`,
    `{"${text}":1}`,
    `{"file":"${text.slice(0, -8)}-_AA"}`,
    `{"file":"${text.slice(0, 500)}=${text.slice(501)}"}`,
    `{"file":"${text.slice(0, 500)}\\n${text.slice(500)}"}`,
    `{"file":"${text.slice(0, 500)}é${text.slice(501)}"}`,
    `{"file":"${text.slice(0, 500)}Ł${text.slice(501)}"}`,
    `{"file":"${'\\"'.repeat(80_000)}"}`,
    `[${'"a",'.repeat(30_000)}{"file":"${text}"}]`,
    '{"file":"short"}'
  ]
  for (const json of left) t.same(parsed(json), { value: JSON.parse(json), files: 0 }, json.slice(0, 30))
  for (const json of [`{"file":"${text}`, `{"file":"${text}"`, `{"file":"${text.slice(1)}\n"}`, text])
    t.throws(() => parsed(json), SyntaxError)
})

t.test('what large bodies hold together has a limit, counted as it comes', async (t) => {
  const app = fastify({ bodyLimit: 1024 })
  let release: () => void = () => undefined
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  app.register(async (scope) => {
    takeLargeBodies(scope, { members: ['file'], octetsMax: 300_000 })
    scope.post<{ Body: { file: string; hold?: boolean; kept?: boolean } }>('/', async (request) => {
      const { body, files } = request
      if (body.kept) releaseLargeBody(request)
      if (body.hold) await held
      return { octets: files?.get(body.file)?.length ?? null }
    })
  })
  app.setErrorHandler((error, _request, reply) =>
    reply.code(503).send({ code: (error as { code?: string }).code })
  )
  t.teardown(() => app.close())
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const post = async (body: object) => {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body)
    })
    return { status: answer.status, body: await answer.json() }
  }

  const announced = connect(Number(new URL(url).port), '127.0.0.1')
  await once(announced, 'connect')
  announced.write(
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{"f'
  )
  const whileKept: Promise<number>[] = []
  for (let turn = 0; turn < 3; turn += 1) {
    whileKept.push(post({ file: text, hold: true, kept: true }).then(({ status }) => status))
    await sleep(50)
  }
  const first = post({ file: text, hold: true })
  await sleep(100)
  t.same(await post({ file: text }), { status: 200, body: { octets: long.length } }, 'two fit')
  const second = post({ file: text, hold: true })
  await sleep(100)
  t.same(await post({ file: text }), { status: 503, body: { code: 'too_many_requests' } }, 'three do not')
  release()
  t.same(await first, await second)
  t.same(await Promise.all(whileKept), [200, 200, 200], 'files that are kept hold nothing')
  for (let turn = 0; turn < 3; turn += 1)
    t.equal((await post({ file: text })).status, 200, 'what was answered holds nothing')
  announced.destroy()
})

t.test('bodies lie in one place while they are parsed, and what comes of them does not', async (t) => {
  const app = fastify({ bodyLimit: 1024 })
  let release: () => void = () => undefined
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  let begun = 0
  app.register(async (scope) => {
    takeLargeBodies(scope, { members: ['file'], bodyMax: 256 * 1024, octetsMax: 900_000 })
    scope.post<{ Body: { file: string; name: string } }>('/', async ({ body, files }) => {
      begun += 1
      await held
      const file = files?.get(body.file)
      return { name: body.name, file: file === undefined ? null : Buffer.from(file).toString('base64') }
    })
  })
  app.setErrorHandler((error, _request, reply) =>
    reply.code((error as FastifyError).statusCode ?? 503).send()
  )
  t.teardown(() => app.close())
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const post = (body: string | ReadableStream) =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      duplex: 'half'
    } as RequestInit)
  /** Says nothing of its length. */
  const inParts = (count: number) => ReadableStream.from(Array(count).fill(Buffer.alloc(64 * 1024, 0x20)))

  const names = ['a', 'b', 'c'] as const
  const sent = names.map((name) => ({ name, file: randomBytes(90_000).toString('base64') }))
  const answers = Promise.all(sent.map(async (body) => (await post(JSON.stringify(body))).json()))
  while (begun < sent.length) await sleep(5)
  t.equal((await post(`{"x":"${'y'.repeat(1024 * 1024)}"}`)).status, 413, 'announced above the limit')
  t.equal((await post(inParts(8))).status, 413, 'counted above the limit')
  for (let turn = 0; turn < 6; turn += 1) {
    const gone = connect(Number(new URL(url).port), '127.0.0.1')
    await once(gone, 'connect')
    gone.write(
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 250000\r\n\r\n${' '.repeat(200_000)}`
    )
    await sleep(50)
    gone.destroy()
    await sleep(20)
  }
  release()
  t.same(await answers, sent, 'each has its own')
  t.equal((await post(JSON.stringify(sent[0]))).status, 200, 'senders that are gone hold nothing')
})
