import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import t, { type Test } from 'tap'
import { rAndS } from '../../src/simulation/device-jws.js'
import { wantsSeed } from '../../src/simulation/seed.js'
import { openDatabase } from '../../src/store/open.js'
import { createUsedTokenIds } from '../../src/store/used-token-ids.js'
import { castAt, digestOf } from '../clients/journey.js'
import { Operator } from '../clients/operator.js'
import { startWorld } from '../world.js'

const digest = digestOf('hồ sơ')
const provider = 'nacencomm'
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

t.test('virtual phones', async (t) => {
  const world = await startWorld(t)
  const cast = castAt({ url: world.url, provider, now: world.clock.now })
  const { operator, portal } = cast

  /** A person whose only device is a virtual phone, set to `behaviour`. */
  async function withPhone(t: Test, behaviour: string, more: object = {}) {
    const { id, credentialID, device } = await cast.enrol()
    await device.send('DELETE', '/devices/self', undefined, await device.bearer())
    const path = `/subscribers/${id}/virtual-phone`
    const set = await operator.call('PUT', path, { behaviour, ...more })
    t.equal(set.status, 200, JSON.stringify(set.body))
    const ask = async () => String((await portal.authorize(credentialID, [digest])).body.handle)
    return { id, path, credentialID, set: set.body, ask }
  }

  /** Resolves when the audit has so many refused confirmations of this challenge. */
  async function refusedConfirmations(t: Test, activationId: string): Promise<void> {
    for (let tries = 0; tries < 200; tries += 1) {
      const { body } = await operator.get<{ items: { type: string; about: { activationId?: string } }[] }>(
        '/audit?limit=200'
      )
      const found = body.items.filter(
        ({ type, about }) => type === 'activation.confirmation-refused' && about.activationId === activationId
      )
      if (found.length > 0) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    t.fail('no confirmation was refused')
  }

  await t.test('confirm and reject answer the challenge', async (t) => {
    for (const biometric of ['face', 'fingerprint']) {
      const phone = await withPhone(t, 'confirm', { biometric })
      t.match(phone.set, { behaviour: 'confirm', delayMs: 0, biometric, deviceId: String, next: [] })
      t.match(await portal.answered(await phone.ask()), { status: 200, body: { SAD: String } })
    }
    const phone = await withPhone(t, 'reject')
    t.match(await portal.answered(await phone.ask()), { status: 400, body: { error: 'access_denied' } })
  })

  await t.test(
    'wrong-biometric and tampered-display are refused once, and the challenge waits',
    async (t) => {
      for (const behaviour of ['wrong-biometric', 'tampered-display']) {
        const phone = await withPhone(t, behaviour)
        const handle = await phone.ask()
        await refusedConfirmations(t, handle)
        t.equal((await portal.check(handle)).status, 202, behaviour)
      }
    }
  )

  await t.test('a queued behaviour serves the next challenge only', async (t) => {
    const phone = await withPhone(t, 'confirm')
    for (const behaviour of ['reject', 'ignore', 'reject']) {
      t.equal((await operator.post(`${phone.path}/next`, { behaviour })).status, 200)
    }
    t.match((await operator.get(phone.path)).body, {
      behaviour: 'confirm',
      next: [
        { behaviour: 'reject', delayMs: 0, biometric: 'face' },
        { behaviour: 'ignore' },
        { behaviour: 'reject' }
      ]
    })
    const rejected = { status: 400, body: { error: 'access_denied' } }
    t.match(await portal.answered(await phone.ask()), rejected)
    const ignored = await phone.ask()
    t.match(await portal.answered(await phone.ask()), rejected)
    t.equal((await portal.answered(await phone.ask())).status, 200, 'then the setting applies again')
    t.equal((await portal.check(ignored)).status, 202, 'the ignored one waits')
    t.same((await operator.get(phone.path)).body.next, [])
  })

  await t.test('of challenges that come at once each takes one of the queue', async (t) => {
    const phone = await withPhone(t, 'confirm')
    for (const behaviour of ['reject', 'confirm', 'reject', 'confirm']) {
      await operator.post(`${phone.path}/next`, { behaviour })
    }
    const handles = await Promise.all(Array.from({ length: 5 }, phone.ask))
    const answers = await Promise.all(handles.map((handle) => portal.answered(handle)))
    t.same(answers.map(({ status }) => status).sort(), [200, 200, 200, 400, 400])
  })

  await t.test('many phones at once all answer', async (t) => {
    const phones = await Promise.all(Array.from({ length: 20 }, () => withPhone(t, 'confirm')))
    const handles = await Promise.all(phones.flatMap((phone) => [phone.ask(), phone.ask()]))
    const answers = await Promise.all(handles.map((handle) => portal.answered(handle)))
    t.ok(answers.every(({ status }) => status === 200))
  })

  await t.test('a phone that answers late does not hold up another', async (t) => {
    const [slow, quick] = [await withPhone(t, 'confirm', { delayMs: 300_000 }), await withPhone(t, 'confirm')]
    const waiting = await slow.ask()
    t.equal((await portal.answered(await quick.ask())).status, 200)
    t.equal((await portal.check(waiting)).status, 202)
  })

  await t.test('a phone given later answers what waits already', async (t) => {
    const { id, credentialID } = await cast.enrol()
    const handle = (await portal.authorize(credentialID, [digest])).body.handle
    await operator.call('PUT', `/subscribers/${id}/virtual-phone`, { behaviour: 'confirm' })
    t.equal((await portal.answered(handle)).status, 200)
  })

  await t.test('its routes say what is wrong', async (t) => {
    const { id } = await cast.enrol()
    const path = `/subscribers/${id}/virtual-phone`
    t.equal((await operator.get(path)).status, 404, 'a new subscriber has none')
    t.equal((await operator.post(`${path}/next`, { behaviour: 'confirm' })).status, 404)
    t.equal((await operator.call('DELETE', path)).status, 204, 'also if there is none')
    const none = '/subscribers/none/virtual-phone'
    t.equal((await operator.call('DELETE', none)).status, 404)
    t.equal((await operator.call('PUT', none, { behaviour: 'confirm' })).status, 404)
    for (const body of [
      {},
      { behaviour: 'dance' },
      { behaviour: 'confirm', delayMs: -1 },
      { behaviour: 'confirm', delayMs: 300_001 },
      { behaviour: 'confirm', biometric: 'pin' }
    ]) {
      t.match(await operator.call('PUT', path, body), { status: 400, body: { code: 'request_invalid' } })
    }
    const { body: made } = await operator.post('/keys', { role: 'auditor', name: 'Kiểm toán' })
    const auditor = new Operator({ url: world.url, key: String(made.key) })
    t.equal((await auditor.call('PUT', path, { behaviour: 'confirm' })).status, 403)

    const phone = await withPhone(t, 'confirm')
    const again = await operator.call('PUT', phone.path, { behaviour: 'ignore', delayMs: 5 })
    t.match(again.body, { behaviour: 'ignore', delayMs: 5, deviceId: phone.set.deviceId }, 'the same device')
    for (let count = 0; count < 100; count += 1)
      await operator.post(`${phone.path}/next`, { behaviour: 'ignore' })
    t.equal((await operator.post(`${phone.path}/next`, { behaviour: 'ignore' })).status, 429)
    t.equal((await operator.call('DELETE', phone.path)).status, 204)
    t.equal((await operator.get(phone.path)).status, 404)
    t.equal((await operator.get(`/devices/${phone.set.deviceId}`)).body.removedAt === null, false)
  })

  await t.test('of fifty uses of a token id on two servers one is the first', async (t) => {
    const databases = await Promise.all(
      [1, 2].map(() => openDatabase({ connection: world.connection, log: silent }))
    )
    const stores = databases.map(createUsedTokenIds)
    const use = { issuer: 'test', jti: 'one', rememberUntil: world.clock.now() }
    const claims = await Promise.all(
      Array.from({ length: 50 }, (_, index) => stores[index % 2]?.claim({ ...use }))
    )
    t.equal(claims.filter((first) => first).length, 1)
    t.equal(await stores[0]?.claim({ ...use, issuer: 'another' }), true, 'ids of another issuer are others')
    for (const database of databases) await database.close()
  })

  await t.test('two settings at once register one device', async (t) => {
    const { id } = await cast.enrol()
    const path = `/subscribers/${id}/virtual-phone`
    const set = await Promise.all(
      Array.from({ length: 5 }, () => operator.call('PUT', path, { behaviour: 'confirm' }))
    )
    t.equal(new Set(set.map(({ body }) => body.deviceId)).size, 1)
  })

  await t.test('after a restart phones answer, and the demo seed is not planted again', async (t) => {
    const phone = await withPhone(t, 'confirm')
    await world.restart()
    t.equal((await portal.answered(await phone.ask())).status, 200)
    t.equal((await portal.credentials('036090001234')).length, 2)
  })

  await t.test('without simulation the server does not start on what simulation made', async (t) => {
    await t.rejects(world.restart({ SIMULATION: 'off', SEED: 'none' }), {
      name: 'StartError',
      message: /holds demo operators, .* virtual devices: set SIMULATION=on/
    })
  })
})

t.test('the demo seed is planted where nobody has been, and finished where it was begun', async (t) => {
  const nothing = { operators: false, relyingParties: false, subscribers: false, virtualDevices: false }
  t.equal(wantsSeed('none', { empty: true, traces: nothing }), false)
  t.equal(wantsSeed('demo', { empty: false, traces: nothing }), true)
  t.equal(wantsSeed('demo-if-empty', { empty: true, traces: nothing }), true)
  t.equal(wantsSeed('demo-if-empty', { empty: false, traces: nothing }), false)
  t.equal(wantsSeed('demo-if-empty', { empty: false, traces: { ...nothing, operators: true } }), true)
})

t.test('an ECDSA-Sig-Value becomes r‖s, however long its integers are (RFC 7518 §3.4)', async (t) => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicKey = createPublicKey(privateKey)
  const content = Buffer.from('nội dung')
  const lengths = new Set<number>()
  for (let count = 0; count < 600; count += 1) {
    const der = sign('sha256', content, privateKey)
    lengths.add(der.length)
    const signature = rAndS(der)
    if (
      signature.length !== 64 ||
      !verify('sha256', content, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)
    ) {
      t.fail(`from ${der.toString('hex')}`)
    }
  }
  t.ok(lengths.size >= 3, 'with and without leading zeros')
  t.throws(() => rAndS(Buffer.from('3006020101020101ff', 'hex').subarray(0, 5)), TypeError)
  t.throws(() => rAndS(Buffer.from(`3026022101${'00'.repeat(32)}020101`, 'hex')), TypeError)
})
