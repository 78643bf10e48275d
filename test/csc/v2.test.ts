import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { auditVerify } from '../../src/commands/verification.js'
import { castAt, digestOf, type Person } from '../clients/journey.js'
import { type Answer, base64, ecdsaSha256Oid, Portal, sha256Oid } from '../clients/portal.js'
import { startReceiver } from '../delivery/receiver.js'
import { startWorld } from '../world.js'

t.setTimeout(600_000)
const world = await startWorld(t)
const provider = 'vnpt'
const cast = castAt({ url: world.url, provider, now: world.clock.now })
const { operator, portal } = cast
const database = new pg.Pool({ ...world.connection, max: 1 })
database.on('error', () => undefined)
t.teardown(() => database.end())

const digests = (count: number) => Array.from({ length: count }, (_, index) => digestOf(`tờ ${index}`))
const fault = (error: string, description: string | RegExp) => ({
  status: 400,
  body: { error, error_description: description }
})
const invalid = (description: string | RegExp) => fault('invalid_request', description)
const wrongData = fault('invalid_authentication_data', 'The authentication data is invalid')
const wrongSad = invalid('Invalid parameter SAD')

/** What a client sends for the factors of a credential. */
async function factors(person: Person, auth: 'phone' | 'pin' | 'otp'): Promise<object[]> {
  if (auth === 'pin') return [{ id: 'PIN', value: person.pin ?? '2468' }, { id: 'biometric' }]
  if (auth === 'phone') return [{ id: 'biometric' }]
  const sent = await portal.call('credentials/getChallenge', {
    credentialID: person.credentialID,
    authObjectID: 'OTP'
  })
  t.equal(sent.status, 204)
  return [{ id: 'OTP', value: await codeOf(person) }, { id: 'biometric' }]
}

async function codeOf({ id }: Person): Promise<string> {
  const { body } = await operator.get<{ items: { text: string }[] }>(`/subscribers/${id}/messages`)
  return /^[0-9]{6}/.exec(body.items[0]?.text ?? '')?.[0] ?? ''
}

/** A session of SCAL 1 on its way: nothing names what is to be signed. */
const askSession = (person: Person, numSignatures: number, authData: object[] = [{ id: 'biometric' }]) =>
  portal.call('credentials/authorize', { credentialID: person.credentialID, numSignatures, authData })

async function session(person: Person, numSignatures: number): Promise<{ handle: string; sad: string }> {
  const handle = String((await askSession(person, numSignatures)).body.handle)
  await person.device.confirm(await person.device.challenge(handle))
  return { handle, sad: String((await portal.check(handle)).body.SAD) }
}

const signs = (person: Person, sad: unknown, of: readonly Uint8Array[], by = portal) =>
  by.sign(person.credentialID, sad, of, ecdsaSha256Oid)
const extend = (person: Person, sad: unknown, of?: readonly Uint8Array[]) =>
  portal.call('credentials/extendTransaction', {
    credentialID: person.credentialID,
    SAD: sad,
    ...(of === undefined ? {} : { hashes: of.map(base64), hashAlgorithmOID: sha256Oid })
  })

t.test('in every mode the phone has the last word (I2)', async (t) => {
  for (const auth of ['phone', 'pin', 'otp'] as const) {
    for (const scal of ['1', '2'] as const) {
      await t.test(`auth ${auth}, SCAL ${scal}`, async (t) => {
        const person = await cast.enrol({ auth, scal })
        const [one = new Uint8Array()] = digests(1)
        const authData = await factors(person, auth)
        const asked =
          scal === '1'
            ? await askSession(person, 1, authData)
            : await portal.authorize(person.credentialID, [one], { authData })
        t.equal(asked.status, 202, 'all factors are right, and still nothing is authorized')
        const handle = String(asked.body.handle)
        t.same((await portal.check(handle)).status, 202)
        t.match(await signs(person, handle, [one]), wrongSad, 'the handle is no SAD')
        t.match(await signs(person, randomUUID(), [one]), wrongSad)
        const shown = await person.device.challenge(handle)
        t.match(shown, {
          kind: scal === '1' ? 'session' : 'digests',
          numSignatures: 1,
          documents: scal === '1' ? [] : [{ digest: base64(one) }]
        })
        t.equal((await person.device.confirm(shown, { claims: { amr: ['hwk', 'pin'] } })).status, 400)
        t.equal((await portal.check(handle)).status, 202, 'a PIN on the phone is no biometrics')
        t.equal((await person.device.confirm(shown)).status, 200)
        const { body } = await portal.check(handle)
        t.equal((await signs(person, body.SAD, [one])).status, 200)
        t.match(await signs(person, body.SAD, [one]), wrongSad, 'once')
      })
    }
  }
  await t.test('auth oauth2code is for the OAuth flow alone', async (t) => {
    const person = await cast.enrol({ auth: 'oauth2code' })
    for (const authData of [[], [{ id: 'biometric' }]]) {
      t.match(
        await portal.authorize(person.credentialID, digests(1), { authData }),
        fault('unauthorized_client', 'The client is not authorized to use this method.')
      )
    }
    t.same(await person.device.challenges(), [])
  })
})

t.test('a PIN comes before the phone, and locks', async (t) => {
  const person = await cast.enrol({ auth: 'pin' })
  t.match(person.pin, /^[0-9]{6}$/, 'made and shown at issuance')
  const ask = (value: string) =>
    portal.authorize(person.credentialID, digests(1), {
      authData: [{ id: 'PIN', value }, { id: 'biometric' }]
    })
  const wrong = (person.pin ?? '').replace(/./, (digit) => String((Number(digit) + 1) % 10))
  for (const authData of [
    [{ id: 'biometric' }],
    [{ id: 'PIN', value: person.pin }],
    [{ id: 'PIN' }, { id: 'biometric' }],
    [{ id: 'PIN', value: person.pin }, { id: 'biometric' }, { id: 'biometric' }],
    [
      { id: 'PIN', value: person.pin },
      { id: 'biometric', value: 'x' }
    ],
    [{ id: 'PIN', value: person.pin }, { id: 'OTP', value: '1' }, { id: 'biometric' }],
    []
  ]) {
    const answer = await portal.authorize(person.credentialID, digests(1), { authData })
    t.match(answer, wrongData, JSON.stringify(authData.map(({ id }) => id)))
  }
  t.match(await ask(wrong), wrongData)
  t.same(await person.device.challenges(), [], 'nothing was pushed')

  const set = await operator.post(`/credentials/${person.credentialID}/pin`, { pin: '13579' })
  t.same([set.status, set.body], [200, {}])
  t.match(await ask(person.pin ?? ''), wrongData, 'the one before is refused')
  t.equal((await ask('13579')).status, 202)

  for (let tries = 0; tries < 5; tries += 1) t.match(await ask(wrong), wrongData)
  t.match(await ask('13579'), invalid('Credential locked'), 'the right one too')
  t.equal((await person.device.challenges()).length, 1)
  t.equal((await operator.post(`/subscribers/${person.id}/unlock`)).status, 204)
  t.equal((await ask('13579')).status, 202, 'unlocked with the subscriber')

  const made = await operator.post(`/credentials/${person.credentialID}/pin`)
  t.match(made.body.pin, /^[0-9]{6}$/)
  const plain = await cast.enrol()
  t.match(await operator.post(`/credentials/${plain.credentialID}/pin`, { pin: '1234' }), {
    status: 409,
    body: { code: 'state_conflict', state: 'phone' }
  })
  const { rows } = await database.query('select pin_hash from credentials where id = $1', [
    person.credentialID
  ])
  t.match(rows[0]?.pin_hash, /^\$scrypt\$/)
  await database.query('update credentials set pin_hash = $2 where id = $1', [
    person.credentialID,
    (
      await database.query("select pin_hash from credentials where auth = 'pin' and id <> $1", [
        person.credentialID
      ])
    ).rows[0]?.pin_hash
  ])
  await operator.post(`/subscribers/${person.id}/unlock`)
  t.equal((await ask('13579')).status, 500, 'a PIN put in with SQL breaks the seal')
})

t.test('a one-time code comes before the phone, is good once, and locks', async (t) => {
  const person = await cast.enrol({ auth: 'otp' })
  const ask = (value: string) =>
    portal.authorize(person.credentialID, digests(1), {
      authData: [{ id: 'OTP', value }, { id: 'biometric' }]
    })
  const send = () =>
    portal.call('credentials/getChallenge', { credentialID: person.credentialID, authObjectID: 'OTP' })
  t.match(await ask('000000'), wrongData, 'none was asked for')
  t.equal((await send()).status, 204)
  const code = await codeOf(person)
  const wrong = code === '111111' ? '222222' : '111111'
  t.match(await ask(wrong), wrongData)
  t.same(await person.device.challenges(), [], 'nothing was pushed')
  t.equal((await ask(code)).status, 202)
  t.match(await ask(code), wrongData, 'used up')

  await send()
  const another = await cast.enrol({ auth: 'otp' })
  const foreign = await portal.authorize(another.credentialID, digests(1), {
    authData: [{ id: 'OTP', value: await codeOf(person) }, { id: 'biometric' }]
  })
  t.match(foreign, wrongData, 'for its own credential alone')
  for (let tries = 0; tries < 4; tries += 1) await ask(wrong)
  t.match(await ask(await codeOf(person)), invalid('Credential locked'))
  t.match(await send(), invalid('Credential locked'), 'who may not try is sent none')
  t.match(
    await portal.call('credentials/getChallenge', {
      credentialID: person.credentialID,
      authObjectID: 'biometric'
    }),
    invalid('Invalid parameter authObjectID')
  )
})

t.test('a session is for a number of signatures, until it ends (SCAL 1)', async (t) => {
  const person = await cast.enrol({ scal: '1', multisign: 5 })
  t.match(await askSession(person, 6), invalid('Numbers of signatures is too high'))
  const asked = await askSession(person, 4)
  const shown = await person.device.challenge(asked.body.handle)
  t.match(shown, { kind: 'session', numSignatures: 4, documents: [], hashAlgorithmOID: null })
  t.ok(Date.parse(String(shown.validUntil)) > world.clock.now().getTime(), 'the device shows until when')
  await person.device.confirm(shown)
  const { SAD } = (await portal.check(asked.body.handle)).body

  t.match(await signs(person, SAD, digests(5)), invalid('Numbers of signatures is too high'))
  const together = await Promise.all(digests(6).map((digest) => signs(person, SAD, [digest])))
  t.equal(together.filter(({ status }) => status === 200).length, 4, 'no more than were confirmed (I3)')
  t.match(await signs(person, SAD, digests(1)), wrongSad, 'spent')

  const late = await session(person, 3)
  t.equal((await signs(person, late.sad, digests(1))).status, 200)
  const renewed = await extend(person, late.sad)
  t.equal(renewed.status, 200)
  t.ok(Number(renewed.body.expiresIn) <= 300)
  world.clock.advance(299_000)
  const again = await extend(person, renewed.body.SAD)
  t.equal((await signs(person, again.body.SAD, digests(1))).status, 200)
  let sad = again.body.SAD
  let tries = 0
  for (; tries < 10; tries += 1) {
    world.clock.advance(290_000)
    const next = await extend(person, sad)
    if (next.status !== 200) {
      t.match(next, invalid('SAD expired'), 'not beyond what the device showed')
      break
    }
    sad = next.body.SAD
  }
  t.ok(tries < 10)
  t.match(await signs(person, sad, digests(1)), invalid('SAD expired'))
  const { rowCount } = await database.query(
    `update activations set sad_expires_at = $2 where id = $1 and status = 'confirmed'`,
    [late.handle, new Date(world.clock.now().getTime() + 3_600_000)]
  )
  t.equal(rowCount, 1)
  t.match(await signs(person, sad, digests(1)), invalid('SAD expired'), 'not with SQL either (I2)')
})

t.test('a SAD is extended (§11.9)', async (t) => {
  const person = await cast.enrol()
  const [one, two, three] = digests(3) as [Buffer, Buffer, Buffer]
  const { handle, sad } = await cast.approve(person, [one, two])
  t.equal((await signs(person, sad, [one])).status, 200)
  t.match(await extend(person, sad), invalid('Missing (or invalid type) array parameter hash'))
  t.match(await extend(person, sad, [three]), invalid(/^Hash is not authorized by the SAD/))
  t.match(await extend(person, sad, [one]), invalid(/^Hash is not authorized by the SAD/), 'signed already')
  t.match(await extend(person, sad, [two, two]), invalid(/^Hash is not authorized by the SAD/))
  const stranger = await cast.enrol()
  t.match(await extend(stranger, sad, [two]), wrongSad)
  const results = await Promise.all([1, 2, 3].map(() => extend(person, sad, [two])))
  t.equal(results.filter(({ status }) => status === 200).length, 1, 'one of many at once')
  const next = results.find(({ status }) => status === 200)?.body.SAD
  t.match(await signs(person, sad, [two]), wrongSad, 'the one before is worth nothing')
  t.match(
    await signs(person, next, [one]),
    invalid(/^Hash is not authorized/),
    'what was signed stays signed'
  )
  t.match(await portal.check(handle), { status: 200 }, 'and the handle still gives one')
  t.match(await signs(person, next, [two]), wrongSad, 'which replaces it')
  const last = (await portal.check(handle)).body.SAD
  t.equal((await signs(person, last, [two])).status, 200)
  t.match(await extend(person, last, [two]), wrongSad, 'spent')

  const other = await cast.approve(person, [three])
  world.clock.advance(301_000)
  t.match(await extend(person, other.sad, [three]), invalid('SAD expired'))
})

t.test('a credential’s own token stands in the header, or for the SAD (§8.4.4)', async (t) => {
  const person = await cast.enrol()
  const stranger = await cast.enrol()
  const { handle, sad } = await cast.approve(person, digests(2))
  const bare = (credentialID: string, token: string, more: object = {}) =>
    portal.call(
      'signatures/signHash',
      { credentialID, hashes: [base64(digestOf('tờ 0'))], signAlgo: ecdsaSha256Oid, ...more },
      token
    )
  t.match(await bare(person.credentialID, sad), { status: 401, body: { error: 'invalid_token' } })
  t.equal((await signs(person, sad, [])).status, 400)
  // As the token endpoint has it issued.
  await database.query("update activations set sad_audience = 'csc/v2' where id = $1", [handle])
  t.match(await portal.call('credentials/info', { credentialID: person.credentialID }, sad), { status: 200 })
  for (const method of ['credentials/info', 'signatures/signHash']) {
    const hashes = [base64(digestOf('tờ 0'))]
    const answer = await portal.call(
      method,
      { credentialID: stranger.credentialID, hashes, signAlgo: ecdsaSha256Oid },
      sad
    )
    t.match(answer, invalid('Invalid parameter credentialID'), `${method} of another credential`)
  }
  for (const method of ['credentials/list', 'credentials/authorize', 'signatures/signPolling'])
    t.match(await portal.call(method, {}, sad), { status: 401 }, method)
  const elsewhere = new Portal({ url: world.url, provider: 'misa' })
  t.equal((await elsewhere.call('credentials/info', { credentialID: person.credentialID }, sad)).status, 401)
  t.match(await bare(person.credentialID, sad, { SAD: 'another' }), wrongSad)
  t.equal((await bare(person.credentialID, sad)).status, 200)
  t.equal((await signs(person, sad, [digestOf('tờ 1')])).status, 200, 'and in the body')
  t.match(await bare(person.credentialID, sad), { status: 401, body: { error: 'expired_token' } }, 'spent')
})

t.test('a person’s token is about that person (§11.4)', async (t) => {
  const person = await cast.enrol()
  const stranger = await cast.enrol()
  const own = new Portal({ url: world.url, provider })
  const token = await own.token()
  const { createHash } = await import('node:crypto')
  await database.query('update access_tokens set subscriber_id = $2 where token_sha256 = $1', [
    createHash('sha256').update(token).digest(),
    person.id
  ])
  t.match(await own.call('credentials/list', {}), {
    status: 200,
    body: { credentialIDs: [person.credentialID] }
  })
  t.match(
    await own.call('credentials/list', { userID: person.login }),
    invalid('userID parameter MUST be null')
  )
  t.match(
    await own.call('signatures/signPolling', { requestID: 'x', userID: person.login }),
    invalid('userID parameter SHALL be null')
  )
  const foreign = { credentialID: stranger.credentialID }
  t.match(await own.call('credentials/info', foreign), invalid('Invalid parameter credentialID'))
  t.match(await own.authorize(stranger.credentialID, digests(1)), invalid('Invalid parameter credentialID'))
  const theirs = await cast.approve(stranger, digests(1))
  t.match(await own.check(theirs.handle), invalid('Invalid parameter handle'))
  t.match(await signs(stranger, theirs.sad, digests(1), own), invalid('Invalid parameter credentialID'))
  const listed = await own.call<{ credentialInfos: object[]; onlyValid: boolean }>('credentials/list', {
    credentialInfo: true,
    certificates: 'chain',
    certInfo: true,
    authInfo: true,
    onlyValid: true
  })
  t.match(listed.body, {
    onlyValid: true,
    credentialInfos: [
      { credentialID: person.credentialID, auth: { mode: 'explicit', expression: 'biometric' }, SCAL: '2' }
    ]
  })
})

t.test('what a credential asks for is described (§11.5)', async (t) => {
  const expected = {
    phone: {
      mode: 'explicit',
      expression: 'biometric',
      objects: [{ type: 'ChallengeResponseOOB', id: 'biometric' }]
    },
    pin: { expression: 'PIN AND biometric', objects: [{ type: 'Password', id: 'PIN' }, { id: 'biometric' }] },
    otp: {
      expression: 'OTP AND biometric',
      objects: [{ type: 'ChallengeResponse', id: 'OTP', format: 'N' }, { id: 'biometric' }]
    },
    oauth2code: { mode: 'oauth2code', objects: null, expression: undefined }
  }
  for (const auth of ['phone', 'pin', 'otp', 'oauth2code'] as const) {
    const { credentialID } = await cast.enrol({ auth, scal: '1' })
    const { body } = await portal.call('credentials/info', { credentialID, authInfo: true })
    t.match(body, { SCAL: '1', auth: expected[auth] }, auth)
  }
})

t.test('signatures are made later, and fetched (operationMode A)', async (t) => {
  const receiver = await startReceiver(t)
  const person = await cast.enrol()
  const { sad } = await cast.approve(person, digests(3))
  const start = (of: readonly Uint8Array[], more: object = {}) =>
    portal.sign(person.credentialID, sad, of, ecdsaSha256Oid, { operationMode: 'A', ...more })
  const poll = (requestID: unknown, more: object = {}, by = portal) =>
    by.call<{ signatures?: string[] }>('signatures/signPolling', { requestID, ...more })
  async function fetched(requestID: unknown): Promise<Answer<{ signatures?: string[] }>> {
    for (;;) {
      const answer = await poll(requestID)
      if (answer.status !== 202) return answer
      t.match(answer.body, { error: 'accepted_request' })
      await sleep(20)
    }
  }

  for (const [more, description] of [
    [{ operationMode: 'B' }, 'Invalid parameter operationMode'],
    [{ validity_period: '5' }, 'Invalid parameter validity_period'],
    [{ validity_period: 0 }, 'Out of bounds parameter validity_period'],
    [{ validity_period: 86_400_001 }, 'Out of bounds parameter validity_period'],
    [{ response_uri: 7 }, 'Invalid parameter response_uri'],
    [{ response_uri: 'https://elsewhere.example/' }, 'Invalid parameter response_uri'],
    [{ SAD: 'none' }, 'Invalid parameter SAD']
  ] as const) {
    t.match(await start(digests(1), more), invalid(description), JSON.stringify(more))
  }
  t.match(
    await portal.sign(person.credentialID, sad, digests(1), ecdsaSha256Oid, {
      validity_period: 'ignored',
      response_uri: 7
    }),
    { status: 200, body: { signatures: [/./] } },
    'without mode A both are ignored'
  )
  const rest = digests(3).slice(1)
  const { body } = await start(rest, { response_uri: `${receiver.url}/done` })
  const { responseID } = body as { responseID?: string }
  t.equal(body.signatures, undefined)
  t.equal((await fetched(responseID)).body.signatures?.length, 2)
  t.equal((await poll(responseID, { userID: person.login })).status, 200, 'as often as wanted')
  t.match(await poll(responseID, { userID: 'nobody-at-all' }), invalid('Invalid parameter "userID"'))
  const other = await cast.enrol()
  t.match(await poll(responseID, { userID: other.login }), invalid('Invalid parameter requestID'))
  const created = await operator.post('/relying-parties', { provider, name: 'Cổng khác' })
  const stranger = new Portal({
    url: world.url,
    provider,
    clientId: String(created.body.clientId),
    clientSecret: String(created.body.clientSecret)
  })
  t.match(await poll(responseID, {}, stranger), invalid('Invalid parameter requestID'), 'nobody else’s')
  t.match(await poll(randomUUID()), invalid('Invalid parameter requestID'))

  for (let look = 0; look < 300 && receiver.received.length === 0; look += 1) await sleep(50)
  t.match(receiver.received, [{ method: 'POST', path: '/done', body: { responseID, status: 'signed' } }])
  const { items } = (
    await operator.get<{ items: { transactionId: string; status: string }[] }>(
      `/deliveries?transactionId=${String(responseID)}`
    )
  ).body
  t.match(items, [{ transactionId: responseID, status: /delivered|waiting/ }])

  const short = await cast.approve(person, digests(1))
  const brief = await portal.sign(person.credentialID, short.sad, digests(1), ecdsaSha256Oid, {
    operationMode: 'A',
    validity_period: 60_000
  })
  const brieflyKept = (brief.body as { responseID?: string }).responseID
  t.equal((await fetched(brieflyKept)).status, 200)
  world.clock.advance(60_000)
  t.match(await poll(brieflyKept), invalid('Invalid parameter requestID'), 'it was kept long enough')
})

t.test('info lists exactly the methods that answer (§11.1)', async (t) => {
  const methods = [
    ...['auth/login', 'auth/revoke', 'credentials/list', 'credentials/info', 'credentials/authorize'],
    ...['credentials/authorizeCheck', 'credentials/getChallenge', 'credentials/extendTransaction'],
    ...['credentials/create', 'credentials/delete', 'credentials/sendOTP'],
    ...['signatures/signHash', 'signatures/signDoc', 'signatures/signPolling', 'signatures/timestamp']
  ]
  for (const version of ['v1', 'v2']) {
    const base = `${world.url}/${provider}/csc/${version}`
    const post = (method: string) =>
      fetch(`${base}/${method}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}'
      })
    const info = await post('info')
    if (info.status !== 200) continue
    const listed = ((await info.json()) as { methods: string[] }).methods.filter(
      (method) => method !== 'info'
    )
    const answering: string[] = []
    for (const method of methods)
      if (![404, 501].includes((await post(method)).status)) answering.push(method)
    t.same([...listed].sort(), answering.sort(), version)
  }
})

t.test('the audit verifies all of it, sessions included (I8)', async (t) => {
  await sleep(50)
  const { host, user, password, database: name } = world.connection
  const url = `postgres://${user}:${encodeURIComponent(String(password))}@localhost/${name}?host=${host}`
  const verify = async () => {
    const lines: string[] = []
    const say = (line: string) => void lines.push(line)
    const code = await auditVerify(['--database', url, '--data-dir', world.dataDir], { out: say, err: say })
    return { code, said: lines.join('\n') }
  }
  const before = await verify()
  t.equal(before.code, 0, before.said)

  // Whoever can write SQL can put a session back; its signatures are in the audit all the same.
  const person = await cast.enrol({ scal: '1' })
  const { handle, sad } = await session(person, 2)
  t.equal((await signs(person, sad, digests(2))).status, 200)
  const reset =
    "update activations set status = 'confirmed', ended_at = null, occurrences = b'00' where id = $1"
  await database.query(reset, [handle])
  t.equal((await signs(person, sad, digests(1))).status, 200)
  const after = await verify()
  t.equal(after.code, 1)
  t.match(after.said, /only 2 signatures were confirmed/)
})
