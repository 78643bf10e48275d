import { spawn } from 'node:child_process'
import { createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { displayHash, enrol, type Device as OwnDevice } from '../../examples/device/device.js'
import { ServiceError } from '../../src/errors.js'
import { createWrongCodes } from '../../src/phone/wrong-codes.js'
import { Device, type ShownChallenge, type TokenChanges } from '../clients/device.js'
import { castAt, digestOf, type Person } from '../clients/journey.js'
import type { Answer } from '../clients/portal.js'
import { startWorld } from '../world.js'

const digest = digestOf('hồ sơ')
const problem = (status: number, code: string) => ({ status, body: { code } })
const without = ({ requestId: _, ...body }: Record<string, unknown>) => body

/** A compact JWS without a signature, which `jose` refuses to make. */
function unsigned(token: string, header: object): string {
  const [, payload] = token.split('.')
  return `${Buffer.from(JSON.stringify({ ...header, alg: 'none' })).toString('base64url')}.${payload}.`
}

/** The bytes an HS256 signer gets when it takes the public key for a secret. */
const publicKeyAsSecret = (device: Device): Uint8Array =>
  Buffer.from(
    createPublicKey({ key: device.publicJwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  )

t.test('the phone API', async (t) => {
  const world = await startWorld(t)
  const cast = castAt({ url: world.url, provider: 'viettel', now: world.clock.now })
  const { operator, portal } = cast

  async function newCode(subscriberId: string): Promise<string> {
    return String((await operator.post(`/subscribers/${subscriberId}/activation-codes`)).body.code)
  }
  /** A challenge that waits for `person`, as their device is shown it. */
  async function asked(person: Person): Promise<ShownChallenge> {
    const answer = await portal.authorize(person.credentialID, [digest])
    t.equal(answer.status, 202, JSON.stringify(answer.body))
    return person.device.challenge(answer.body.handle)
  }
  const seconds = (): number => Math.floor(world.clock.now().getTime() / 1000)

  await t.test('a device proves itself by a token of its own', async (t) => {
    const { device } = await cast.enrol()
    const { device: another } = await cast.enrol()
    const { device: elsewhere } = await castAt({
      url: world.url,
      provider: 'vnpt',
      now: world.clock.now
    }).enrol()
    const strange = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    const other = { iss: another.id, sub: another.id }
    const fresh = async (changes: TokenChanges = {}) => device.bearer(changes)

    const refused: [string, string][] = [
      ['not a JWS', 'abc'],
      ['alg none', unsigned(await fresh(), { kid: device.id, typ: 'device+jwt' })],
      [
        'HS256 with the public key',
        await fresh({ header: { alg: 'HS256' }, key: publicKeyAsSecret(device) })
      ],
      ['signed by a strange key', await fresh({ key: strange })],
      [
        'signed by this device in the name of another',
        await fresh({ header: { kid: another.id }, claims: other })
      ],
      ['of a device that does not exist', await fresh({ header: { kid: randomUUID() } })],
      ['without kid', await fresh({ header: { kid: undefined } })],
      ['a kid that is not one', await fresh({ header: { kid: 'a\u0000b' } })],
      ['issued by another', await fresh({ claims: { iss: another.id } })],
      ['about another', await fresh({ claims: { sub: another.id } })],
      ['of another type', await fresh({ header: { typ: 'biometric-challenge+jwt' } })],
      ['for another provider', await fresh({ claims: { aud: elsewhere.audience } })],
      ['for several audiences', await fresh({ claims: { aud: [device.audience, elsewhere.audience] } })],
      ['of another provider’s device', await elsewhere.bearer()],
      ['stale', await fresh({ clockOffsetS: -120 })],
      ['from the future', await fresh({ clockOffsetS: 45 })],
      ['too long-lived', await fresh({ claims: { exp: seconds() + 75, iat: seconds() } })],
      ['expired before it was issued', await fresh({ claims: { exp: seconds() - 1, iat: seconds() } })],
      ['without an end', await fresh({ claims: { exp: undefined } })],
      ['without jti', await fresh({ claims: { jti: undefined } })],
      ['a jti no database keeps', await fresh({ claims: { jti: 'a\u0000b' } })],
      ['oversized', await fresh({ claims: { filler: 'x'.repeat(4096) } })]
    ]
    const answers = await Promise.all(
      refused.map(([, token]) => device.send('GET', '/challenges', undefined, token))
    )
    const expected = without((answers[0] as Answer).body)
    t.match(expected, { status: 401, code: 'authentication_failed' })
    answers.forEach((answer, index) => {
      t.equal(answer.status, 401, refused[index]?.[0] ?? '')
      t.same(without(answer.body), expected, 'and says no more than the others')
    })
    t.match(await device.send('GET', '/challenges'), problem(401, 'authentication_required'))

    for (const clockOffsetS of [-80, 0, 25]) {
      const token = await fresh({ clockOffsetS })
      t.equal(
        (await device.send('GET', '/challenges', undefined, token)).status,
        200,
        `${clockOffsetS} s off`
      )
    }
  })

  await t.test('a token changes something once, also when twenty calls come at once', async (t) => {
    const { device } = await cast.enrol()
    const token = await device.bearer()
    t.equal((await device.send('GET', '/challenges', undefined, token)).status, 200)
    t.equal((await device.send('GET', '/challenges', undefined, token)).status, 200, 'reading is not counted')
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => device.send('POST', '/challenges/none/reject', {}, token))
    )
    t.equal(answers.filter(({ status }) => status === 404).length, 1, 'heard once')
    t.equal(answers.filter(({ status }) => status === 401).length, 19)
  })

  await t.test('a device enrols with a code that works once', async (t) => {
    const person = await cast.enrol()
    const body = { name: 'Máy bảng', platform: 'test', publicKey: person.device.publicJwk }
    await person.device.send('DELETE', '/devices/self', undefined, await person.device.bearer())
    const activationCode = await newCode(person.id)
    const at = (provider: string) => new Device({ url: world.url, provider, now: world.clock.now })

    const bad: [string, object, object][] = [
      ['no code', { ...body }, problem(400, 'request_invalid')],
      ['no name', { ...body, activationCode, name: '' }, problem(400, 'request_invalid')],
      [
        'a name with control characters',
        { ...body, activationCode, name: 'a\u0000b' },
        problem(400, 'request_invalid')
      ],
      [
        'a long platform',
        { ...body, activationCode, platform: 'x'.repeat(65) },
        problem(400, 'request_invalid')
      ],
      ['no key', { ...body, activationCode, publicKey: undefined }, problem(400, 'request_invalid')],
      [
        'a private key',
        { ...body, activationCode, publicKey: { ...body.publicKey, d: body.publicKey.x } },
        problem(400, 'request_invalid')
      ],
      [
        'a key on another curve',
        {
          ...body,
          activationCode,
          publicKey: generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' })
        },
        problem(400, 'request_invalid')
      ],
      [
        'a point off the curve',
        { ...body, activationCode, publicKey: { ...body.publicKey, y: body.publicKey.x } },
        problem(400, 'request_invalid')
      ],
      [
        'a body too large',
        { ...body, activationCode, name: 'x'.repeat(10_000) },
        problem(413, 'request_too_large')
      ]
    ]
    for (const [name, sent, expected] of bad)
      t.match(await at('viettel').send('POST', '/devices', sent), expected, name)
    t.match(
      await at('vnpt').enrol(activationCode),
      problem(400, 'activation_code_invalid'),
      'not at another provider'
    )

    const tries = await Promise.all(Array.from({ length: 5 }, () => at('viettel').enrol(activationCode)))
    t.equal(tries.filter(({ status }) => status === 201).length, 1)
    t.equal(tries.filter(({ body }) => body.code === 'activation_code_invalid').length, 4)
    t.match(tries.find(({ status }) => status === 201)?.body, {
      audience: `${world.url}/viettel`,
      subscriber: { id: person.id, fullName: 'Đỗ Thị Thử' }
    })
    world.clock.advance(61_000)
  })

  await t.test('a biometric challenge token confirms exactly what was shown, or nothing', async (t) => {
    const person = await cast.enrol()
    const { device } = person
    const { device: foreign } = await cast.enrol()
    const challenge = await asked(person)
    const second = await asked(person)
    const jti = randomUUID()
    t.equal((await device.confirm(second, { claims: { jti } })).status, 200)

    const token = (changes: TokenChanges) => device.biometricToken(challenge, changes)
    const refused: [string, string][] = [
      [
        'by another device',
        await token({ key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey })
      ],
      ['in the name of another device', await foreign.biometricToken(challenge)],
      ['another nonce', await token({ claims: { nonce: second.nonce } })],
      ['another display hash', await token({ claims: { display: second.displayHash } })],
      ['an altered display', await device.biometricToken({ ...challenge, description: 'khác' })],
      ['another challenge', await token({ claims: { challenge: second.id } })],
      ['replayed', await token({ claims: { jti } })],
      ['without biometrics', await token({ claims: { amr: ['hwk'] } })],
      ['by PIN', await token({ claims: { amr: ['hwk', 'pin'] } })],
      ['without hardware', await token({ claims: { amr: ['face'] } })],
      ['amr as text', await token({ claims: { amr: 'hwk face' } })],
      ['alg none', unsigned(await token({}), { kid: device.id, typ: 'biometric-challenge+jwt' })],
      [
        'HS256 with the public key',
        await token({ header: { alg: 'HS256' }, key: publicKeyAsSecret(device) })
      ],
      ['a device token', await device.bearer()],
      ['of another type', await token({ header: { typ: 'JWT' } })],
      ['stale', await token({ clockOffsetS: -200 })],
      ['from the future', await token({ clockOffsetS: 45 })],
      ['too long-lived', await token({ claims: { iat: seconds(), exp: seconds() + 130 } })],
      ['for another provider', await token({ claims: { aud: `${world.url}/vnpt` } })],
      ['about another person', await token({ claims: { sub: foreign.subscriberId } })],
      ['without jti', await token({ claims: { jti: undefined } })]
    ]
    for (const [name, refusedToken] of refused) {
      const answer = await device.confirmWith(challenge.id, refusedToken)
      t.match(answer, problem(400, 'biometric_token_refused'), name)
    }
    const oversized = await token({ claims: { filler: 'x'.repeat(8_192) } })
    t.match(await device.confirmWith(challenge.id, oversized), problem(400, 'request_invalid'))
    t.match(
      await device.send('POST', `/challenges/${challenge.id}/confirm`, {}, await device.bearer()),
      problem(400, 'request_invalid')
    )

    t.ok(
      (await device.challenges()).some(({ id }) => id === challenge.id),
      'it still waits'
    )
    t.match(await device.confirm(challenge), { status: 200, body: { status: 'confirmed' } })
    t.match(await device.confirm(challenge), {
      status: 409,
      body: { code: 'challenge_ended', state: 'confirmed' }
    })
    t.match(await device.reject(challenge.id), {
      status: 409,
      body: { code: 'challenge_ended', state: 'confirmed' }
    })
  })

  await t.test('a biometric token with a jti that no database keeps is refused', async (t) => {
    const person = await cast.enrol()
    const answer = await person.device.confirm(await asked(person), { claims: { jti: 'a\u0000b' } })
    t.match(answer, problem(400, 'biometric_token_refused'))
  })

  await t.test('confirmed by fifty tokens at once, a challenge is confirmed once', async (t) => {
    const person = await cast.enrol()
    const challenge = await asked(person)
    const answers = await Promise.all(Array.from({ length: 50 }, () => person.device.confirm(challenge)))
    t.equal(answers.filter(({ status }) => status === 200).length, 1)
    t.equal(answers.filter(({ status }) => status === 409).length, 49)
  })

  await t.test('another person’s challenge looks like one that does not exist (I6)', async (t) => {
    const [owner, stranger] = [await cast.enrol(), await cast.enrol()]
    const challenge = await asked(owner)
    const unknown = await stranger.device.reject(randomUUID())
    t.match(unknown, problem(404, 'not_found'))
    for (const answer of [
      await stranger.device.reject(challenge.id),
      await stranger.device.confirm(challenge),
      await stranger.device.confirmWith(challenge.id, await owner.device.biometricToken(challenge))
    ]) {
      t.same([answer.status, without(answer.body)], [404, without(unknown.body)])
    }
    t.same(await stranger.device.challenges(), [])
  })

  await t.test(
    'after 32 refused tokens of its owner’s devices a challenge is rejected; others never count',
    async (t) => {
      const [owner, stranger] = [await cast.enrol(), await cast.enrol()]
      const challenge = await asked(owner)
      const wrong = async (device: Device) => device.confirm(challenge, { claims: { nonce: 'x' } })
      for (let count = 0; count < 40; count += 1) t.equal((await wrong(stranger.device)).status, 404)
      for (let count = 0; count < 32; count += 1)
        t.match(await wrong(owner.device), problem(400, 'biometric_token_refused'))
      t.match(await owner.device.confirm(challenge), { status: 409, body: { state: 'rejected' } })
      t.match(await portal.check(challenge.id), { status: 400, body: { error: 'access_denied' } })
    }
  )

  await t.test('rejecting needs no reason and is final', async (t) => {
    const person = await cast.enrol()
    const [first, second] = [await asked(person), await asked(person)]
    const bare = await person.device.send(
      'POST',
      `/challenges/${first.id}/reject`,
      undefined,
      await person.device.bearer()
    )
    t.match(bare, { status: 200, body: { status: 'rejected' } })
    for (const reason of ['x'.repeat(201), 'a\u0000b', '\ud800']) {
      t.match(await person.device.reject(second.id, reason), problem(400, 'request_invalid'))
    }
    t.match(await person.device.reject('%00'), problem(400, 'request_invalid'))
    t.equal((await person.device.reject(second.id, 'không phải tôi')).status, 200)
    t.match(await person.device.confirm(first), { status: 409, body: { state: 'rejected' } })
  })

  await t.test('removing itself ends what a device confirmed and nobody used', async (t) => {
    const person = await cast.enrol()
    const { sad, handle } = await cast.approve(person, [digest])
    const { device } = person
    t.equal((await device.send('DELETE', '/devices/self', undefined, await device.bearer())).status, 204)
    t.match(
      await device.send('GET', '/challenges', undefined, await device.bearer()),
      problem(401, 'authentication_failed')
    )
    t.equal((await portal.sign(person.credentialID, sad, [digest], '1.2.840.10045.4.3.2')).status, 400)
    t.match(await portal.check(handle), { status: 400, body: { error: 'access_denied' } })
  })

  await t.test('every refusal of a device is in the audit', async (t) => {
    const { body } = await operator.get<{ items: { type: string; about: Record<string, unknown> }[] }>(
      '/audit?limit=200'
    )
    const types = new Set(body.items.map(({ type }) => type))
    for (const type of [
      'device.refused',
      'activation.confirmation-refused',
      'activation.confirmed',
      'device.removed'
    ]) {
      t.ok(types.has(type), type)
    }
    t.notMatch(JSON.stringify(body.items), /eyJ[\w-]+\.eyJ/, 'and no token is')
  })
})

t.test('a device of one’s own, from examples/device (docs/api.md, Phone API)', async (t) => {
  const world = await startWorld(t)
  const cast = castAt({ url: world.url, provider: 'misa' })
  const { operator, portal } = cast
  const person = await cast.enrol()

  /** A second person’s device, by the example alone. */
  async function ownDevice(): Promise<{ device: OwnDevice; credentialID: string; subscriberId: string }> {
    const { device: first, id, credentialID } = await cast.enrol()
    await first.send('DELETE', '/devices/self', undefined, await first.bearer())
    const { body } = await operator.post(`/subscribers/${id}/activation-codes`)
    const device = await enrol({
      server: world.url,
      provider: 'misa',
      activationCode: String(body.code),
      name: 'Của tôi'
    })
    return { device, credentialID, subscriberId: id }
  }
  /** Follows the events of a device into a list, and tells when there are so many. */
  function follow(t: Test, device: OwnDevice) {
    const heard: string[] = []
    const stop = new AbortController()
    t.teardown(() => stop.abort())
    const over = (async () => {
      for await (const { event, data } of device.events(stop.signal)) {
        heard.push(event === 'ended' ? `ended ${data.id} ${data.status}` : `challenge ${data.id}`)
      }
    })().catch((error: Error) => void (error.name === 'AbortError' || heard.push(error.message)))
    const until = async (count: number) => {
      for (let waited = 0; heard.length < count && waited < 200; waited += 1) {
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      return heard
    }
    return { until, over }
  }
  const ask = async (credentialID: string) =>
    String((await portal.authorize(credentialID, [digest])).body.handle)

  await t.test('hears what waits, what comes and how it ends', async (t) => {
    const { device, credentialID } = await ownDevice()
    const first = await ask(credentialID)
    const events = follow(t, device)
    await events.until(1)
    const second = await ask(credentialID)
    await events.until(2)
    const shown = await device.challenges()
    t.same(
      shown.map(({ id }) => id),
      [first, second],
      'oldest first'
    )
    for (const challenge of shown) t.equal(challenge.displayHash, displayHash(challenge))
    const [one, two] = shown
    if (one === undefined || two === undefined) throw new Error('two wait')
    await t.rejects(device.confirm({ ...one, description: 'khác' }), /not of what is shown/)
    await device.confirm(one, 'fingerprint')
    await device.reject(two.id, 'không')
    t.same(await events.until(4), [
      `challenge ${first}`,
      `challenge ${second}`,
      `ended ${first} confirmed`,
      `ended ${second} rejected`
    ])
  })

  await t.test('has at most five streams, and none once it is removed', async (t) => {
    const { device } = await ownDevice()
    const stop = new AbortController()
    t.teardown(() => stop.abort())
    const open = async () =>
      fetch(`${device.state.phoneUrl}/events`, {
        headers: { authorization: `Bearer ${await device.deviceToken()}` },
        signal: stop.signal
      })
    const streams = await Promise.all(Array.from({ length: 5 }, open))
    t.same(
      streams.map(({ status }) => status),
      [200, 200, 200, 200, 200]
    )
    t.equal(streams[0]?.headers.get('content-type'), 'text/event-stream')
    t.equal((await open()).status, 429)
    t.equal((await operator.call('DELETE', `/devices/${device.state.deviceId}`)).status, 204)
    await Promise.all(streams.map((stream) => stream.text()))
    t.pass('an operator removed the device and every stream ended')
    await t.rejects(device.challenges(), /401/)
  })

  await t.test('its command line enrols, listens and confirms', async (t) => {
    const { device: first, id, credentialID } = await cast.enrol()
    await first.send('DELETE', '/devices/self', undefined, await first.bearer())
    const { body } = await operator.post(`/subscribers/${id}/activation-codes`)
    const folder = await mkdtemp(join(tmpdir(), 'kyso-device-'))
    t.teardown(() => rm(folder, { recursive: true }))
    const file = join(folder, 'device.json')
    const program = fileURLToPath(new URL('../../examples/device/main.js', import.meta.url))
    const run = (...words: string[]) => {
      const child = spawn(process.execPath, [program, ...words, '--file', file], { stdio: 'ignore' })
      t.teardown(() => child.kill())
      return once(child, 'exit')
    }
    const to = ['--server', world.url, '--provider', 'misa', '--code', String(body.code)]
    t.same(await run('enrol', ...to), [0, null])
    t.equal((await stat(file)).mode & 0o777, 0o600)
    run('listen', '--answer', 'yes').catch(() => {})
    t.equal((await portal.answered(await ask(credentialID))).status, 200)
    t.same(await run('remove'), [0, null])
  })

  await t.test('a stream is not for reading without a body', async (t) => {
    const answer = await fetch(`${world.url}/misa/phone/events`, { method: 'HEAD' })
    t.equal(answer.status, 405)
  })

  await t.test('guessing codes is slow', async (t) => {
    const guess = () =>
      person.device.send('POST', '/devices', {
        activationCode: '0000000000000000',
        name: 'x',
        platform: 'x',
        publicKey: person.device.publicJwk
      })
    const answers: Answer[] = []
    for (let count = 0; count < 11; count += 1) answers.push(await guess())
    t.ok(answers.slice(0, 10).every(({ body }) => body.code === 'activation_code_invalid'))
    t.match(answers[10], problem(429, 'too_many_requests'))
    t.ok(Number(answers[10]?.headers.get('retry-after')) > 0)
    world.clock.advance(61_000)
    t.match(await guess(), problem(400, 'activation_code_invalid'))
  })

  await t.test('guessing many codes at once is no faster', async (t) => {
    const wrongCodes = createWrongCodes(world.clock.now)
    let tried = 0
    const guess = () =>
      wrongCodes
        .guard('192.0.2.1', async () => {
          tried += 1
          await new Promise((resolve) => setTimeout(resolve, 1))
          throw new ServiceError('activation_code_invalid', 'a guess')
        })
        .catch(({ code }: ServiceError) => code)
    const codes = await Promise.all(Array.from({ length: 300 }, guess))
    t.equal(tried, 10)
    t.equal(codes.filter((code) => code === 'too_many_requests').length, 290)
  })

  await t.test('a school behind one address enrols its staff at once', async (t) => {
    const wrongCodes = createWrongCodes(world.clock.now)
    let running = 0
    let most = 0
    const enrol = () =>
      wrongCodes.guard('192.0.2.1', async () => {
        running += 1
        most = Math.max(most, running)
        await new Promise((resolve) => setTimeout(resolve, 1))
        running -= 1
      })
    await Promise.all(Array.from({ length: 60 }, enrol))
    t.equal(most, 10, 'as many as may be wrong')
  })

  await t.test('streams end when the server stops', async (t) => {
    const { device } = await ownDevice()
    const events = follow(t, device)
    await world.close()
    await events.over
    t.pass('the stream ended')
  })
})
