import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import t from 'tap'
import { attemptsMax, nextAttemptAt, triedForMs } from '../../src/delivery/back-off.js'
import { answerMax, type CallDeps, CallFailed, call } from '../../src/delivery/call.js'
import { destinationsOf, refusalOf, resolveBySystem } from '../../src/delivery/destination.js'
import { acknowledge, listen, listenerOf, startReceiver } from './receiver.js'

const local: CallDeps = { resolve: resolveBySystem, localAllowed: true }
const never = new AbortController().signal

/** Posts, and says how it went. */
async function post(url: string, deps: CallDeps = local, signal: AbortSignal = never) {
  try {
    const asked = {
      method: 'POST',
      url: new URL(url),
      headers: { 'x-test': '1' },
      body: '{"a":"ký"}'
    } as const
    return await call(deps, asked, signal)
  } catch (error) {
    if (!(error instanceof CallFailed)) throw error
    return { failed: error.message, httpStatus: error.httpStatus }
  }
}
const named = (...answers: string[][]) => {
  const asked: string[] = []
  const resolve = async (hostname: string) => {
    asked.push(hostname)
    return answers[asked.length - 1] ?? []
  }
  return { asked, resolve }
}

t.test('which addresses are called', async (t) => {
  const everywhere = ['8.8.8.8', '193.99.144.80', '2606:4700::1111', '2a02:2e0:3fe::1', '64:ff9b::808:808']
  const inSimulation = [
    ...['127.0.0.1', '127.255.0.1', '10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1'],
    ...[
      '::1',
      'fc00::1',
      'fd12:3456::1',
      '::ffff:127.0.0.1',
      '::ffff:7f00:1',
      '::ffff:10.0.0.1',
      '::10.0.0.1'
    ],
    ...['64:ff9b::10.0.0.1', '2002:a00:1::1', '2002:7f00:1::']
  ]
  const nowhere = [
    ...[
      '0.0.0.0',
      '0.1.2.3',
      '169.254.169.254',
      '169.254.0.1',
      '100.100.100.200',
      '168.63.129.16',
      '192.0.0.1'
    ],
    ...[
      '192.0.2.1',
      '198.51.100.7',
      '203.0.113.9',
      '198.18.0.1',
      '192.88.99.1',
      '224.0.0.1',
      '239.255.255.250'
    ],
    ...['240.0.0.1', '255.255.255.255', '::', 'fe80::1', 'fe80::1%eth0', 'fec0::1', 'ff02::1', '2001:db8::1'],
    ...['2001::1', '3fff::1', '100::1', '5f00::1', '64:ff9b:1::1', 'fd00:ec2::254', 'fd20:ce::254'],
    ...['::ffff:169.254.169.254', '::ffff:a9fe:a9fe', '::169.254.169.254', '64:ff9b::169.254.169.254'],
    ...[
      '64:ff9b::a9fe:a9fe',
      '2002:a9fe:a9fe::',
      '2002:e000:1::',
      '::ffff:0:127.0.0.1',
      '::2',
      '::ffff:0.0.0.0'
    ],
    ...['4000::1', 'localhost', '2130706433', '']
  ]
  for (const address of everywhere) {
    t.equal(refusalOf(address, false), null, address)
    t.equal(refusalOf(address, true), null, address)
  }
  for (const address of inSimulation) {
    t.match(refusalOf(address, false), /private network/, address)
    t.equal(refusalOf(address, true), null, address)
  }
  for (const address of nowhere) {
    t.ok(refusalOf(address, false), address)
    t.ok(refusalOf(address, true), address)
  }
})

t.test('however the address of a URL is written, what it means is judged', async (t) => {
  const { resolve, asked } = named()
  const spellings = [
    ...['http://2130706433/', 'http://0x7f.1/', 'http://0177.0.0.1/', 'http://127.1/', 'http://①②⑦.0.0.1/'],
    ...['http://[::ffff:127.0.0.1]/', 'http://[0:0:0:0:0:0:0:1]/', 'http://[::ffff:7f00:0001]/', 'http://0/'],
    ...['http://2852039166/', 'http://[::ffff:169.254.169.254]/', 'http://169.254.43518/']
  ]
  for (const spelling of spellings) {
    const { hostname } = new URL(spelling)
    await t.rejects(destinationsOf(hostname, { resolve, localAllowed: false }), /^The address /, spelling)
  }
  t.notOk(URL.canParse('http://[fe80::1%25eth0]/'), 'a zone is in no URL')
  t.same(asked, [], 'none of them is a name')
  const several = named(['8.8.8.8', '10.0.0.1'])
  await t.rejects(
    destinationsOf('a.example', { resolve: several.resolve, localAllowed: false }),
    /^The name a.example leads to 10.0.0.1, which is on this machine/,
    'one bad address of several is enough'
  )
  await t.rejects(
    destinationsOf('a.example', { resolve: named([]).resolve, localAllowed: false }),
    /no address/
  )
})

t.test('a call', async (t) => {
  const receiver = await startReceiver(t)

  await t.test('posts JSON, on a connection of its own, and reads what comes', async (t) => {
    t.same(await post(`${receiver.url}/hook?x=1`), { status: 200, body: { ok: true } })
    t.match(receiver.received, [
      {
        method: 'POST',
        path: '/hook?x=1',
        headers: {
          host: `127.0.0.1:${receiver.port}`,
          'content-type': 'application/json',
          'user-agent': 'kyso',
          'x-test': '1',
          connection: 'close'
        },
        body: { a: 'ký' }
      }
    ])
    receiver.answer = (response) => response.writeHead(404).end('nothing here')
    t.same(await post(receiver.url), { status: 404, body: null })
    receiver.answer = (response) => response.end('x'.repeat(answerMax))
    t.same(await post(receiver.url), { status: 200, body: null })
  })

  await t.test('goes to the address that was judged, whatever the name means a moment later', async (t) => {
    receiver.answer = acknowledge
    const { asked, resolve } = named(['127.0.0.1'], ['169.254.169.254'], ['169.254.169.254'])
    const before = receiver.received.length
    t.match(await post(`http://rebind.example:${receiver.port}/`, { ...local, resolve }), { status: 200 })
    t.same(asked, ['rebind.example'])
    t.equal(receiver.received.at(-1)?.headers.host, `rebind.example:${receiver.port}`)
    t.same(await post(`http://rebind.example:${receiver.port}/`, { ...local, resolve }), {
      failed:
        'The name rebind.example leads to 169.254.169.254, which is reserved, link-local or multicast, and never called.',
      httpStatus: null
    })
    t.equal(receiver.received.length, before + 1)
  })

  await t.test('tries the next address where nothing listens at the first', async (t) => {
    const { resolve } = named(['::1', '127.0.0.1'])
    t.match(await post(`http://two.example:${receiver.port}/`, { ...local, resolve }), { status: 200 })
  })

  await t.test('stays outside with SIMULATION=off', async (t) => {
    const before = receiver.received.length
    const outside = { ...local, localAllowed: false }
    for (const url of [receiver.url, `http://localhost:${receiver.port}/`])
      t.match(await post(url, outside), { failed: /called only with SIMULATION=on/ })
    t.equal(receiver.received.length, before)
  })

  await t.test('follows no redirect', async (t) => {
    const other = await startReceiver(t)
    for (const status of [301, 302, 303, 307, 308]) {
      receiver.answer = (response) => response.writeHead(status, { location: other.url }).end()
      t.match(await post(receiver.url), { failed: /^The receiver redirects/, httpStatus: status })
    }
    t.same(other.received, [])
  })

  await t.test('cuts an endless answer, and one that is endlessly slow', async (t) => {
    const timers: NodeJS.Timeout[] = []
    const hanging = new Set<ServerResponse>()
    t.teardown(() => {
      for (const timer of timers) clearInterval(timer)
      for (const response of hanging) response.destroy()
    })
    receiver.answer = (response, { path }) => {
      hanging.add(response)
      if (path === '/endless') timers.push(setInterval(() => response.write(Buffer.alloc(30_000)), 5))
      if (path === '/drip') timers.push(setInterval(() => response.write(' '), 50))
    }
    const timeout = { failed: 'No complete answer came within 5 s.', httpStatus: null }
    const resolve = () => new Promise<never>(() => undefined)
    t.same(
      await Promise.all([
        post(`${receiver.url}/endless`),
        post(`${receiver.url}/drip`),
        post(`${receiver.url}/silent`),
        post('http://slow.example/', { ...local, resolve })
      ]),
      [
        { failed: `The answer is longer than ${answerMax} octets.`, httpStatus: 200 },
        timeout,
        timeout,
        timeout
      ]
    )
  })

  await t.test('ends from outside', async (t) => {
    const end = new AbortController()
    receiver.answer = () => end.abort()
    t.match(await post(receiver.url, local, end.signal), { failed: /^This server was stopped/ })
    t.match(await post(receiver.url, local, end.signal), { failed: /^This server was stopped/ })
  })

  await t.test('that fails says why in words', async (t) => {
    receiver.answer = (response) => response.destroy()
    t.match(await post(receiver.url), { failed: /^The receiver broke the connection/ })
    receiver.answer = (response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{"ok":')
      setImmediate(() => response.destroy())
    }
    t.match(await post(receiver.url), { failed: /^The receiver broke the connection/ })
    t.match(await post('http://127.0.0.1:1/'), { failed: 'Nothing listens at the address.' })
    t.match(await post(`https://127.0.0.1:${receiver.port}/`), { failed: /^The receiver does not speak TLS/ })
    const unknown = async () => {
      throw Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' })
    }
    t.match(await post('http://a.example/', { ...local, resolve: unknown }), { failed: /does not resolve/ })
  })
})

t.test('TLS is verified whatever the environment says, for the name and not the address', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'kyso-tls-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const name = 'receiver.example'
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`, '-keyout', key, '-out', cert]
    ],
    { stdio: 'ignore' }
  )
  const material = { key: readFileSync(key), cert: readFileSync(cert) }
  const asked: string[] = []
  const receiver = { url: '', port: 0, received: [], answer: acknowledge }
  const server = createHttpsServer(
    {
      ...material,
      SNICallback: (servername, done) => {
        asked.push(servername)
        done(null, createSecureContext(material))
      }
    },
    listenerOf(receiver)
  )
  const port = await listen(t, server)
  const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
  t.teardown(() => {
    if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
    else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before
  })
  const { resolve } = named(['127.0.0.1'])
  t.match(await post(`https://${name}:${port}/`, { ...local, resolve }), {
    failed: 'TLS: the certificate of the receiver is self-signed, by no CA known here.'
  })
  t.same(asked, [name])
  t.same(receiver.received, [])
})

t.test('pauses between attempts grow, differ, and end', async (t) => {
  const createdAt = new Date('2026-07-01T08:00:00Z')
  const pauseS = (attempt: number, random: number, at = createdAt) => {
    const next = nextAttemptAt({ attempt, createdAt, at }, random)
    return next === null ? null : (next.getTime() - at.getTime()) / 1_000
  }
  t.same(
    [1, 2, 3, 4, 5, 6, 7, 8, attemptsMax - 1, attemptsMax].map((attempt) => pauseS(attempt, 0.5)),
    [2, 5, 15, 60, 300, 900, 3_600, 3_600, 3_600, null]
  )
  t.same([pauseS(1, 0), pauseS(1, 1)], [1.6, 2.4])
  t.equal(pauseS(8, 0.5, new Date(createdAt.getTime() + triedForMs - 3_600_000)), 3_600)
  t.equal(pauseS(8, 0.5, new Date(createdAt.getTime() + triedForMs - 3_599_000)), null)
})
