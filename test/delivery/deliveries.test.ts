import { type FastifyInstance, fastify } from 'fastify'
import t from 'tap'
import { attemptsMax } from '../../src/delivery/back-off.js'
import { callsMax, callsPerPartyMax } from '../../src/delivery/deliveries.js'
import { deliveryList } from '../../src/operator/deliveries.js'
import { mayCall } from '../../src/operator/roles.js'
import { acknowledge, type Received, startReceiver } from './receiver.js'
import { by, startWorld, twoStep, until } from './world.js'

const world = await startWorld(t)
const { openServer, finish, register, one, moveBy, moveTo } = world
const deliveryIds = (received: readonly Received[]) =>
  received.map(({ headers }) => headers['x-kyso-delivery'])

t.test('an outcome is posted once, and what came of it is kept', async (t) => {
  const receiver = await startReceiver(t)
  const { relyingParty } = await register()
  const server = openServer()
  const id = await finish(relyingParty, `${receiver.url}/hook?n=1`)
  const silent = await finish(relyingParty, null)
  t.equal(await server.deliverDue(), 1)
  t.equal(await server.deliverDue(), 0)
  const delivery = await one(id)
  t.match(receiver.received, [
    { method: 'POST', path: '/hook?n=1', body: { transaction: id, state: 'rejected' } }
  ])
  t.same(deliveryIds(receiver.received), [delivery.id])
  t.match(delivery, {
    status: 'delivered',
    transactionId: id,
    clientId: relyingParty.clientId,
    nextAttemptAt: null,
    endedAt: world.now(),
    attempts: [{ number: 1, at: world.now(), httpStatus: 200, detail: null }]
  })
  t.same(await world.list({ transactionId: silent }), [], 'who polls is not called')
})

t.test('what fails is tried again, later and later', async (t) => {
  const receiver = await startReceiver(t)
  const { relyingParty } = await register()
  const server = openServer()
  const id = await finish(relyingParty, receiver.url)
  receiver.answer = (response) => response.writeHead(500).end()
  t.equal(await server.deliverDue(), 1)
  t.equal(await server.deliverDue(), 0, 'not at once')
  moveBy(1_999)
  t.equal(await server.deliverDue(), 0)
  receiver.answer = (response) => response.destroy()
  moveBy(1)
  t.equal(await server.deliverDue(), 1)
  moveBy(4_999)
  t.equal(await server.deliverDue(), 0)
  receiver.answer = (response) => response.end('{"ok":false}')
  moveBy(1)
  t.equal(await server.deliverDue(), 1)
  receiver.answer = (response) => response.writeHead(307, { location: receiver.url }).end()
  moveBy(15_000)
  t.equal(await server.deliverDue(), 1)
  receiver.answer = acknowledge
  moveBy(60_000)
  t.equal(await server.deliverDue(), 1)
  moveBy(86_400_000)
  t.equal(await server.deliverDue(), 0)
  const { status, attempts } = await one(id)
  t.equal(status, 'delivered')
  t.same(
    attempts.map(({ httpStatus, detail }) => [httpStatus, detail]),
    [
      [500, 'The receiver answered 500.'],
      [null, 'The receiver broke the connection before the whole answer was there.'],
      [200, 'The receiver answered 200 with JSON that does not acknowledge it.'],
      [307, 'The receiver redirects, which is not followed: register the address itself.'],
      [200, null]
    ]
  )
  t.equal(new Set(deliveryIds(receiver.received)).size, 1, 'a repetition is recognised by its name')
  t.equal(new Set(receiver.received.map(({ body }) => JSON.stringify(body))).size, 1)
})

t.test('what nobody takes is given up', async (t) => {
  const { relyingParty } = await register()
  const server = openServer()
  await t.test('after 20 attempts', async (t) => {
    const id = await finish(relyingParty, 'http://127.0.0.1:1/')
    for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
      const { nextAttemptAt, status } = await one(id)
      t.equal(status, 'waiting')
      moveTo(nextAttemptAt ?? world.now())
      await server.deliverDue()
    }
    const { status, attempts, endedAt } = await one(id)
    t.equal(status, 'given-up')
    t.same(endedAt, world.now())
    t.same(
      attempts.map(({ number }) => number),
      Array.from({ length: attemptsMax }, (_, i) => i + 1)
    )
    t.equal(attempts.at(-1)?.detail, 'Nothing listens at the address.')
  })
  await t.test('after a day, but not without one more attempt', async (t) => {
    const id = await finish(relyingParty, 'http://127.0.0.1:1/')
    moveBy(2 * 86_400_000)
    t.equal(await server.deliverDue(), 1)
    t.match(await one(id), { status: 'given-up', attempts: [{ number: 1 }] })
  })
})

t.test('an address is called only while it is registered', async (t) => {
  const receiver = await startReceiver(t)
  const server = openServer()
  const kept = await register({ callbackUrls: [`${receiver.url}/hooks`] })
  const id = await finish(kept.relyingParty, `${receiver.url}/hooks/1`)
  await world.access.relyingParties.change(
    'vnpt',
    kept.relyingParty.clientId,
    { callbackUrls: [`${receiver.url}/other`] },
    by
  )
  const removed = await register()
  const other = await finish(removed.relyingParty, receiver.url)
  await world.access.relyingParties.remove('vnpt', removed.relyingParty.clientId, by)
  t.equal(await server.deliverDue(), 2)
  t.match(await one(id), {
    status: 'given-up',
    attempts: [{ httpStatus: null, detail: 'The relying party has this address no longer registered.' }]
  })
  t.match(await one(other), { status: 'given-up', attempts: [{ detail: 'The relying party was removed.' }] })
  t.same(receiver.received, [])
})

t.test('with SIMULATION=off nothing on this machine is called', async (t) => {
  const receiver = await startReceiver(t)
  const { relyingParty } = await register({ callbackUrls: [receiver.url] })
  const id = await finish(relyingParty, receiver.url)
  const named = await register({ callbackUrls: ['https://meta.example/'] })
  const other = await finish(named.relyingParty, 'https://meta.example/')
  const server = openServer({ simulation: false, resolve: async () => ['8.8.8.8', 'fd00:ec2::254'] })
  t.equal(await server.deliverDue(), 2)
  t.match((await one(id)).attempts, [{ httpStatus: null, detail: /called only with SIMULATION=on/ }])
  t.match((await one(other)).attempts, [{ detail: /^The name meta.example leads to fd00:ec2::254/ }])
  t.same(receiver.received, [])
  moveBy(2 * 86_400_000)
  await server.deliverDue()
})

t.test('in two steps, with a token of the relying party', async (t) => {
  const receiver = await startReceiver(t)
  const auth = await startReceiver(t)
  const server = openServer({ shapeOf: () => twoStep })
  const secret = 'bí mật & của=cổng'
  const { relyingParty } = await register({
    callbackUrls: [receiver.url],
    callbackAuthUrl: `${auth.url}/token?tenant=7`,
    callbackAuthSecret: secret
  })
  const { clientId } = relyingParty

  await t.test('which its secret fetches at the address registered for that', async (t) => {
    auth.answer = (response) => response.end('{"token":"tok-1"}')
    const id = await finish(relyingParty, receiver.url)
    await server.deliverDue()
    t.equal((await one(id)).status, 'delivered')
    t.equal(auth.received.length, 1)
    const asked = new URL(auth.received[0]?.path ?? '', auth.url)
    t.match(auth.received[0], { method: 'GET', body: null })
    t.equal(asked.pathname, '/token')
    t.same(Object.fromEntries(asked.searchParams), {
      tenant: '7',
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: secret
    })
    t.equal(receiver.received[0]?.headers.authorization, 'Bearer tok-1')
  })
  await t.test('without which nothing is posted', async (t) => {
    const before = receiver.received.length
    const answers: [(typeof auth)['answer'], RegExp][] = [
      [(response) => response.writeHead(401).end('{}'), /there is none in the answer 401/],
      [(response) => response.end('{"token":"a b\\r\\nx: y"}'), /what came is none/],
      [(response) => response.writeHead(302, { location: receiver.url }).end(), /redirects/]
    ]
    for (const [answer, detail] of answers) {
      auth.answer = answer
      const id = await finish(relyingParty, receiver.url)
      await server.deliverDue()
      const { status, attempts } = await one(id)
      t.equal(status, 'waiting')
      t.match(attempts.at(-1)?.detail, /^Fetching a token at callbackAuthUrl: /)
      t.match(attempts.at(-1)?.detail, detail)
      moveBy(2 * 86_400_000)
      await server.deliverDue()
    }
    t.equal(receiver.received.length, before)
  })
  await t.test('and the secret goes nowhere else', async (t) => {
    const encoded = new URLSearchParams({ s: secret }).toString().slice(2)
    const elsewhere = JSON.stringify(receiver.received)
    t.notMatch(elsewhere, secret)
    t.notMatch(elsewhere, encoded)
    t.notMatch(JSON.stringify(await world.list()), secret)
    t.notMatch(JSON.stringify(await world.list()), encoded)
    // Another address gets a secret of its own, not this one.
    const other = await startReceiver(t)
    other.answer = (response) => response.end('{"token":"tok-2"}')
    await world.access.relyingParties.change('vnpt', clientId, { callbackAuthUrl: other.url }, by)
    const id = await finish(relyingParty, receiver.url)
    await server.deliverDue()
    t.equal((await one(id)).status, 'delivered')
    t.equal(other.received.length, 1)
    t.notMatch(other.received[0]?.path, encoded)
  })
  await t.test('is posted without one by a relying party that registered no address for it', async (t) => {
    const bare = await register({ callbackUrls: [receiver.url] })
    const before = auth.received.length
    const id = await finish(bare.relyingParty, receiver.url)
    await server.deliverDue()
    t.equal((await one(id)).status, 'delivered')
    t.equal(receiver.received.at(-1)?.headers.authorization, undefined)
    t.equal(auth.received.length, before)
  })
})

t.test('a slow receiver holds up no other', async (t) => {
  const slow = await startReceiver(t)
  const quick = await startReceiver(t)
  const held: (() => void)[] = []
  slow.answer = (response) => held.push(() => acknowledge(response))
  const [first, second] = [await register(), await register()]
  for (let i = 0; i < 3 * callsPerPartyMax; i += 1) await finish(first.relyingParty, slow.url)
  for (let i = 0; i < 2 * callsMax; i += 1) await finish(second.relyingParty, quick.url)
  const server = openServer()
  server.wake()
  t.ok(await until(() => quick.received.length === 2 * callsMax), 'all of the other')
  t.equal(slow.received.length, callsPerPartyMax)
  slow.answer = acknowledge
  for (const release of held) release()
  t.ok(await until(async () => (await world.list({ status: 'waiting' })).length === 0))
  t.equal(slow.received.length, 3 * callsPerPartyMax)
})

t.test('two servers share one queue and deliver once', async (t) => {
  const receivers = [await startReceiver(t), await startReceiver(t), await startReceiver(t)]
  for (const receiver of receivers) {
    const { relyingParty } = await register()
    for (let i = 0; i < 20; i += 1) await finish(relyingParty, `${receiver.url}/${i}`)
  }
  const servers = [openServer(), openServer()]
  const tried = await Promise.all(servers.map((server) => server.deliverDue()))
  t.equal((tried[0] ?? 0) + (tried[1] ?? 0), 60)
  t.ok(
    tried.every((count) => count > 0),
    'both took part'
  )
  for (const { received } of receivers) {
    t.equal(received.length, 20)
    t.equal(new Set(deliveryIds(received)).size, 20)
  }
  t.same(await world.list({ status: 'waiting' }), [])
})

t.test(
  'a server that dies between the call and its record makes the receiver hear twice, no more',
  async (t) => {
    const receiver = await startReceiver(t)
    const { relyingParty } = await register()
    const id = await finish(relyingParty, receiver.url)
    const dying = openServer({
      wrap: (store) => ({ ...store, record: () => Promise.reject(new Error('killed')) })
    })
    const other = openServer()
    await dying.deliverDue()
    t.equal(receiver.received.length, 1)
    t.equal((await one(id)).status, 'waiting')
    moveBy(29_000)
    t.equal(await other.deliverDue(), 0, 'it may still be at work')
    moveBy(1_000)
    t.equal(await other.deliverDue(), 1)
    moveBy(86_400_000)
    t.equal((await other.deliverDue()) + (await dying.deliverDue()), 0)
    t.equal(receiver.received.length, 2)
    t.equal(new Set(deliveryIds(receiver.received)).size, 1)
    t.match(await one(id), { status: 'delivered', attempts: [{ number: 2, detail: null }] })
  }
)

t.test('a mistake of ours is an attempt like any other, and not repeated for ever', async (t) => {
  const receiver = await startReceiver(t)
  const { relyingParty } = await register()
  const id = await finish(relyingParty, receiver.url)
  const server = openServer({
    shapeOf: () => {
      throw new TypeError('a mistake')
    }
  })
  t.equal(await server.deliverDue(), 1)
  t.match((await one(id)).attempts, [{ httpStatus: null, detail: /^This server could not make the call/ }])
  await openServer().deliverDue()
  moveBy(2_000)
  await openServer().deliverDue()
  t.equal((await one(id)).status, 'delivered')
})

t.test('a server that closes takes nothing more, breaks off what hangs, and another goes on', async (t) => {
  const receiver = await startReceiver(t)
  receiver.answer = () => undefined
  const { relyingParty } = await register()
  const ids = []
  for (let i = 0; i < callsPerPartyMax + 1; i += 1) ids.push(await finish(relyingParty, receiver.url))
  const closing = openServer()
  closing.wake()
  t.ok(await until(() => receiver.received.length === callsPerPartyMax))
  await closing.close()
  closing.wake()
  t.equal(await closing.deliverDue(), 0)
  const waiting = await world.list({ clientId: relyingParty.clientId, status: 'waiting' })
  t.equal(waiting.length, ids.length)
  t.same(
    new Set(waiting.flatMap(({ attempts }) => attempts.map(({ detail }) => detail))),
    new Set(['This server was stopped before the answer came.'])
  )
  receiver.answer = acknowledge
  t.equal(await openServer().deliverDue(), ids.length, 'at once')
})

t.test('operators and auditors see every attempt', async (t) => {
  const app: FastifyInstance = fastify()
  t.teardown(() => app.close())
  await app.register(deliveryList, { prefix: '/operator', deliveries: world.reader })
  const get = async (query: string) => (await app.inject(`/operator/deliveries?${query}`)).json()
  const receiver = await startReceiver(t)
  receiver.answer = (response) => response.writeHead(503).end()
  const { relyingParty } = await register({ provider: 'viettel' })
  const ids = [await finish(relyingParty, `${receiver.url}/a?key=hush`)]
  moveBy(1)
  ids.push(await finish(relyingParty, `${receiver.url}/b`))
  const server = openServer()
  await server.deliverDue()
  const all = `provider=viettel&clientId=${relyingParty.clientId}&status=waiting`
  const first = await get(`${all}&limit=1`)
  t.match(first.items, [{ transactionId: ids[1], url: `${receiver.url}/b`, endedAt: null }])
  const rest = await get(`${all}&limit=1&cursor=${first.nextCursor}`)
  t.match(rest, {
    items: [
      {
        transactionId: ids[0],
        url: `${receiver.url}/a`,
        status: 'waiting',
        nextAttemptAt: /Z$/,
        attempts: [{ number: 1, at: /Z$/, httpStatus: 503, detail: 'The receiver answered 503.' }]
      }
    ],
    nextCursor: null
  })
  t.notMatch(JSON.stringify(rest), 'hush')
  t.equal((await get(`transactionId=${ids[0]}`)).items.length, 1)
  t.equal((await get(`${all}&transactionId=nobody`)).items.length, 0)
  t.equal((await app.inject('/operator/deliveries?status=x')).statusCode, 400)
  t.ok(mayCall('auditor', 'GET', 'deliveries') && mayCall('administrator', 'GET', 'deliveries'))
  t.notOk(mayCall('registrar', 'GET', 'deliveries'))
})
