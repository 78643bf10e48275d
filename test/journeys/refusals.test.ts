import { randomUUID } from 'node:crypto'
import { get } from 'node:http'
import t, { type Test } from 'tap'
import { type Cast, castAt, digestOf, type Person } from '../clients/journey.js'
import { ecdsaSha256Oid, Portal } from '../clients/portal.js'
import { startWorld } from '../world.js'

const digest = digestOf('hồ sơ')
const fault = (status: number, error: string, description?: string | RegExp) => ({
  status,
  body: { error, ...(description === undefined ? {} : { error_description: description }) }
})
const invalid = (description: string | RegExp) => fault(400, 'invalid_request', description)

t.test('what may not be signed is refused, with its own error and an audit event', async (t) => {
  const world = await startWorld(t)
  const provider = 'vnpt'
  const cast: Cast = castAt({ url: world.url, provider, now: world.clock.now })
  const { operator, portal } = cast

  /** Refused calls so far, by the audit's own account. */
  async function refusals(type = 'signature.refused'): Promise<number> {
    let count = 0
    let cursor: string | null = null
    do {
      const page: { items: { type: string }[]; nextCursor: string | null } = (
        await operator.get<{ items: { type: string }[]; nextCursor: string | null }>(
          `/audit?limit=200${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`
        )
      ).body
      count += page.items.filter((item) => item.type === type).length
      cursor = page.nextCursor
    } while (cursor !== null)
    return count
  }

  /** Expects exactly this refusal of signHash, no signature, and one more audit event. */
  async function refused(
    t: Test,
    what: string,
    person: Person,
    sad: unknown,
    expected: object,
    digests = [digest],
    by: Portal = portal
  ): Promise<void> {
    const before = await refusals()
    const answer = await by.sign(person.credentialID, sad, digests, ecdsaSha256Oid)
    t.match(answer, expected, what)
    t.equal(answer.body.signatures, undefined)
    t.equal(await refusals(), before + 1, 'audited')
  }

  await t.test('an activation that is not confirmed gives no SAD', async (t) => {
    const person = await cast.enrol()
    const asked = await portal.authorize(person.credentialID, [digest])
    t.match(await portal.check(asked.body.handle), { status: 202, body: { handle: asked.body.handle } })
    await refused(t, 'a made-up SAD', person, randomUUID(), invalid('Invalid parameter SAD'))
  })

  await t.test('rejected, and expired, are final', async (t) => {
    const person = await cast.enrol()
    const rejected = await portal.authorize(person.credentialID, [digest])
    t.equal((await person.device.reject(String(rejected.body.handle), 'không phải tôi')).status, 200)
    t.match(await portal.check(rejected.body.handle), fault(400, 'access_denied', /rejected/))
    const late = await person.device.reject(String(rejected.body.handle))
    t.match(late, { status: 409, body: { code: 'challenge_ended', state: 'rejected' } })

    const slow = await portal.authorize(person.credentialID, [digest])
    const shown = await person.device.challenge(slow.body.handle)
    world.clock.advance(301_000)
    t.match(await person.device.confirm(shown), {
      status: 409,
      body: { code: 'challenge_ended', state: 'expired' }
    })
    t.match(await cast.portal.check(slow.body.handle), fault(400, 'access_denied', /expired/))
  })

  await t.test('a foreign handle looks like one that does not exist (I6)', async (t) => {
    const person = await cast.enrol()
    const { handle } = await cast.approve(person, [digest])
    const created = await operator.post('/relying-parties', { provider, name: 'Cổng khác' })
    const other = new Portal({
      url: world.url,
      provider,
      clientId: String(created.body.clientId),
      clientSecret: String(created.body.clientSecret)
    })
    const [foreign, unknown] = [await other.check(handle), await other.check(randomUUID())]
    t.match(foreign, invalid('Invalid parameter handle'))
    t.same([foreign.status, foreign.body], [unknown.status, unknown.body])
    const elsewhere = new Portal({ url: world.url, provider: 'misa' })
    t.match(await elsewhere.check(handle), invalid('Invalid parameter handle'))
  })

  await t.test('a SAD works once, for its relying party, credential and digests (I5)', async (t) => {
    const person = await cast.enrol()
    const stranger = await cast.enrol()
    const { sad } = await cast.approve(person, [digest])

    const created = await operator.post('/relying-parties', { provider, name: 'Cổng lạ' })
    const other = new Portal({
      url: world.url,
      provider,
      clientId: String(created.body.clientId),
      clientSecret: String(created.body.clientSecret)
    })
    await refused(
      t,
      'by another relying party',
      person,
      sad,
      invalid('Invalid parameter SAD'),
      [digest],
      other
    )
    await refused(t, 'for another credential', stranger, sad, invalid('Invalid parameter SAD'))
    await refused(t, 'for another digest', person, sad, invalid('Hash is not authorized by the SAD.'), [
      digestOf('khác')
    ])
    await refused(t, 'for more digests', person, sad, invalid('Hash is not authorized by the SAD.'), [
      digest,
      digest
    ])
    const unknown = { ...person, credentialID: randomUUID() }
    await refused(t, 'for no credential', unknown, sad, invalid('Invalid parameter credentialID'))

    t.equal(
      (await portal.sign(person.credentialID, sad, [digest], ecdsaSha256Oid)).status,
      200,
      'none of it spent it'
    )
    await refused(t, 'twice', person, sad, invalid('Invalid parameter SAD'))
  })

  await t.test('of fifty requests with one SAD at once, exactly one signs (I3)', async (t) => {
    const person = await cast.enrol()
    const { sad } = await cast.approve(person, [digest])
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => portal.sign(person.credentialID, sad, [digest], ecdsaSha256Oid))
    )
    t.equal(answers.filter(({ status }) => status === 200).length, 1)
    t.equal(answers.filter(({ body }) => body.error_description === 'Invalid parameter SAD').length, 49)
  })

  await t.test(
    'a digest approved ten times is signed ten times, however the requests fall (I3)',
    async (t) => {
      const person = await cast.enrol()
      const { sad } = await cast.approve(
        person,
        Array.from({ length: 10 }, () => digest)
      )
      const answers = await Promise.all(
        Array.from({ length: 30 }, () => portal.sign(person.credentialID, sad, [digest], ecdsaSha256Oid))
      )
      t.equal(answers.filter(({ status }) => status === 200).length, 10)
    }
  )

  await t.test('a batch is signed whole or not at all (I4)', async (t) => {
    const person = await cast.enrol()
    const three = [digestOf('1'), digestOf('2'), digestOf('3')]
    const { sad } = await cast.approve(person, three)
    const overlapping = await Promise.all([
      portal.sign(person.credentialID, sad, three.slice(0, 2), ecdsaSha256Oid),
      portal.sign(person.credentialID, sad, three.slice(1), ecdsaSha256Oid)
    ])
    t.same(overlapping.map(({ status }) => status).sort(), [200, 400])
    const rest = overlapping[0]?.status === 200 ? [three[2] as Buffer] : [three[0] as Buffer]
    t.equal(
      (await portal.sign(person.credentialID, sad, rest, ecdsaSha256Oid)).status,
      200,
      'the third was untouched'
    )
  })

  await t.test('a SAD expires, and each authorizeCheck replaces the one before', async (t) => {
    const person = await cast.enrol()
    const { sad: first, handle } = await cast.approve(person, [digest])
    const { body } = await portal.check(handle)
    await refused(t, 'the replaced one', person, first, invalid('Invalid parameter SAD'))
    world.clock.advance(301_000)
    const after = new Portal({ url: world.url, provider })
    await refused(t, 'the expired one', person, body.SAD, invalid('SAD expired'), [digest], after)
  })

  await t.test(
    'a removed device’s confirmations are worth nothing, also when it is removed while it confirms',
    async (t) => {
      const person = await cast.enrol()
      const { sad } = await cast.approve(person, [digest])
      t.equal((await operator.call('DELETE', `/devices/${person.device.id}`)).status, 204)
      await refused(t, 'confirmed before', person, sad, invalid('Invalid parameter SAD'))

      for (let round = 0; round < 10; round += 1) {
        const racer = await cast.enrol()
        const asked = await portal.authorize(racer.credentialID, [digest])
        const shown = await racer.device.challenge(asked.body.handle)
        await Promise.all([
          racer.device.confirm(shown),
          operator.call('DELETE', `/devices/${racer.device.id}`)
        ])
        const after = await portal.check(asked.body.handle)
        t.notOk(after.body.SAD, `round ${round}: no SAD after the removal was answered`)
      }
    }
  )

  await t.test('a token whose audience is a list is refused: it could not be verified again', async (t) => {
    const person = await cast.enrol()
    const asked = await portal.authorize(person.credentialID, [digest])
    const shown = await person.device.challenge(asked.body.handle)
    const answer = await person.device.confirm(shown, {
      claims: { aud: [person.device.audience, 'https://elsewhere.test'] }
    })
    t.match(answer, { status: 400, body: { code: 'biometric_token_refused' } })
  })

  for (const change of ['suspend', 'revoke'] as const) {
    await t.test(`after ${change} nothing is signed, also when it was confirmed before`, async (t) => {
      const person = await cast.enrol()
      const { sad } = await cast.approve(person, [digest])
      t.equal((await operator.post(`/credentials/${person.credentialID}/${change}`)).status, 200)
      const disabled = invalid('The credential identified by credentialID is disabled')
      await refused(t, change, person, sad, disabled)
      t.match(await portal.authorize(person.credentialID, [digest]), disabled)
    })
  }

  await t.test('an unpublished credential cannot be used, and is listed as disabled', async (t) => {
    const person = await cast.enrol({ publish: false })
    t.match(await portal.authorize(person.credentialID, [digest]), invalid(/is disabled/))
    const { body } = await portal.call<{ key: object; cert: object }>('credentials/info', {
      credentialID: person.credentialID
    })
    t.match(body.key, { status: 'disabled' })
    t.notOk('status' in body.cert)
    t.equal((await operator.post(`/credentials/${person.credentialID}/publish`)).status, 200)
    t.equal((await portal.authorize(person.credentialID, [digest])).status, 202)
  })

  await t.test('an expired certificate signs nothing', async (t) => {
    const fresh = castAt({ url: world.url, provider, now: world.clock.now })
    const person = await fresh.enrol({ validDays: 1 })
    // Confirmed one minute before the end of the certificate, redeemed one minute after it.
    world.clock.advance(86_400_000 - 60_000)
    const late = castAt({ url: world.url, provider, now: world.clock.now })
    const { sad } = await late.approve(person, [digest])
    world.clock.advance(120_000)
    const answer = await late.portal.sign(person.credentialID, sad, [digest], ecdsaSha256Oid)
    t.match(answer, invalid(/^Signing certificate 'O=.*,CN=.*' is expired\.$/))
    const asked = await late.portal.authorize(person.credentialID, [digest])
    t.match(asked, invalid(/is disabled/))
  })

  await t.test('what a relying party asked for ends when it is removed', async (t) => {
    const person = await cast.enrol()
    const created = await operator.post('/relying-parties', { provider, name: 'Cổng sắp đóng' })
    const { clientId, clientSecret } = created.body as { clientId: string; clientSecret: string }
    const closing = new Portal({ url: world.url, provider, clientId, clientSecret })
    const confirmed = (await closing.authorize(person.credentialID, [digest])).body.handle
    const confirmedChallenge = await person.device.challenge(confirmed)
    t.equal((await person.device.confirm(confirmedChallenge)).status, 200)
    const waiting = (await closing.authorize(person.credentialID, [digest])).body.handle
    const challenge = await person.device.challenge(waiting)
    const another = new Portal({ url: world.url, provider })
    const others = (await another.authorize(person.credentialID, [digest])).body.handle
    t.equal((await operator.call('DELETE', `/relying-parties/${provider}/${clientId}`)).status, 204)

    t.match(await person.device.confirm(challenge), {
      status: 409,
      body: { code: 'challenge_ended', state: 'cancelled' }
    })
    const { body } = await operator.get<{ items: { id: string; status: string; endedReason: string }[] }>(
      `/activations?clientId=${clientId}`
    )
    t.match(body.items, [
      { id: waiting, status: 'cancelled', endedReason: 'relying-party-removed' },
      { id: confirmed, status: 'cancelled', endedReason: 'relying-party-removed' }
    ])
    t.equal((await person.device.confirm(await person.device.challenge(others))).status, 200, 'no other')
  })

  await t.test('at most five requests of one relying party wait for a person', async (t) => {
    const fresh = castAt({ url: world.url, provider, now: world.clock.now })
    const person = await fresh.enrol()
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => fresh.portal.authorize(person.credentialID, [digest]))
    )
    t.equal(answers.filter(({ status }) => status === 202).length, 5)
    t.equal(answers.filter(({ status }) => status === 429).length, 7)
  })
})

t.test(
  'what is malformed is refused with the standard’s own words (CSC API v1 §11.9, v2 §11.10)',
  async (t) => {
    const world = await startWorld(t)
    const cast = castAt({ url: world.url, provider: 'misa', now: world.clock.now })
    const { portal } = cast
    const person = await cast.enrol()
    const base64 = digest.toString('base64')
    const good = { credentialID: person.credentialID, SAD: 'x', hashes: [base64], signAlgo: ecdsaSha256Oid }

    const cases: [string, unknown, object][] = [
      ['no SAD', { ...good, SAD: undefined }, invalid('Missing (or invalid type) string parameter SAD')],
      [
        'null counts as absent',
        { ...good, SAD: null },
        invalid('Missing (or invalid type) string parameter SAD')
      ],
      ['SAD as a number', { ...good, SAD: 7 }, invalid('Missing (or invalid type) string parameter SAD')],
      [
        'no credentialID',
        { ...good, credentialID: undefined },
        invalid('Missing (or invalid type) string parameter credentialID')
      ],
      [
        'no hashes',
        { ...good, hashes: undefined },
        invalid('Missing (or invalid type) array parameter hash')
      ],
      [
        'hashes as a number',
        { ...good, hashes: 1 },
        invalid('Missing (or invalid type) array parameter hash')
      ],
      ['no hash in it', { ...good, hashes: [] }, invalid('Empty hash array')],
      ['not base64', { ...good, hashes: ['%%%'] }, invalid('Invalid Base64 hash string parameter')],
      ['wrong length', { ...good, hashes: ['AAAA'] }, invalid('Invalid digest value length')],
      [
        'no signAlgo',
        { ...good, signAlgo: undefined },
        invalid('Missing (or invalid type) string parameter signAlgo')
      ],
      ['unknown signAlgo', { ...good, signAlgo: '1.2.3' }, invalid('Invalid parameter signAlgo')],
      ['SHA-1', { ...good, signAlgo: '1.2.840.10045.4.1' }, invalid('Invalid parameter signAlgo')],
      ['clientData as a number', { ...good, clientData: 1 }, invalid('Invalid parameter clientData')],
      [
        'the first fault in the table’s order wins',
        { hashes: 1 },
        invalid('Missing (or invalid type) string parameter SAD')
      ],
      ['not an object', [1], invalid(/malformed/)]
    ]
    const heard = async () => {
      const { body } = await cast.operator.get<{ items: { type: string }[] }>('/audit?limit=200')
      return body.items.filter(({ type }) => type === 'request.refused').length
    }
    const before = await heard()
    for (const [name, body, expected] of cases) {
      t.match(await portal.call('signatures/signHash', body), expected, name)
    }
    t.equal(await heard(), before + cases.length, 'each has its event')

    await t.test('a Host that is not ours is refused, and the audit hears of it', async (t) => {
      const { port } = new URL(world.url)
      const status = await new Promise<number | undefined>((resolve, reject) => {
        const headers = { host: 'evil.test' }
        get({ host: '127.0.0.1', port, path: '/misa/csc/v2/info', headers }, (answer) => {
          answer.resume()
          resolve(answer.statusCode)
        }).on('error', reject)
      })
      t.equal(status, 421)
      t.equal(await heard(), before + cases.length + 1)
    })

    await t.test('header, token and JSON', async (t) => {
      const url = `${portal.base}/signatures/signHash`
      const send = async (headers: Record<string, string>, body: string) => {
        const response = await fetch(url, { method: 'POST', headers, body })
        return {
          status: response.status,
          body: (await response.json()) as object,
          id: response.headers.get('x-request-id')
        }
      }
      const json = { 'content-type': 'application/json' }
      t.match(await send(json, '{}'), invalid('Malformed authorization header'))
      t.match(
        await send({ ...json, authorization: 'Basic x' }, '{}'),
        invalid('Malformed authorization header')
      )
      t.match(await send({ ...json, authorization: 'Bearer nobody' }, '{}'), fault(401, 'invalid_token'))
      const authorization = `Bearer ${await portal.token()}`
      t.match(await send({ ...json, authorization }, '{"SAD":'), invalid(/malformed/))
      t.match(
        await send({ ...json, authorization }, `{"SAD":"${'x'.repeat(2_000_000)}"}`),
        fault(413, 'invalid_request')
      )
      t.match(await send({ 'content-type': 'text/plain', authorization }, 'x'), fault(415, 'invalid_request'))
      t.ok((await send(json, '{}')).id, 'every answer carries its request id')
    })

    await t.test('a token of one provider is nothing at another', async (t) => {
      const elsewhere = new Portal({ url: world.url, provider: 'vnpt' })
      t.match(
        await elsewhere.call('credentials/list', { userID: 'x' }, await portal.token()),
        fault(401, 'invalid_token')
      )
    })

    await t.test('an expired token says so', async (t) => {
      const token = await portal.token()
      world.clock.advance(3_601_000)
      t.match(await portal.call('credentials/list', { userID: 'x' }, token), fault(401, 'expired_token'))
    })

    await t.test('the token endpoint', async (t) => {
      const client = { client_id: 'dvctt', client_secret: 'dvctt-secret' }
      const grant = { grant_type: 'client_credentials' }
      const cases: [string, Record<string, string>, object][] = [
        ['no client_id', grant, invalid('Missing parameter client_id')],
        ['no secret', { ...grant, client_id: 'dvctt' }, invalid('Client authorization required')],
        [
          'wrong secret',
          { ...grant, client_id: 'dvctt', client_secret: 'x' },
          invalid('Invalid parameter client_secret')
        ],
        [
          'unknown client',
          { ...grant, client_id: 'nobody', client_secret: 'x' },
          invalid('Invalid parameter client_secret')
        ],
        ['no grant_type', client, invalid('Missing parameter grant_type')],
        [
          'another grant_type',
          { ...client, grant_type: 'password' },
          invalid('Invalid parameter grant_type')
        ],
        ['credential scope', { ...client, ...grant, scope: 'credential' }, fault(400, 'invalid_scope')]
      ]
      for (const [name, form, expected] of cases)
        t.match(await portal.form('/oauth2/token', form), expected, name)
      const good = await portal.form('/oauth2/token', { ...client, ...grant })
      t.match(good.body, { token_type: 'Bearer', expires_in: 3600 })
      t.equal(good.headers.get('cache-control'), 'no-store')
    })

    await t.test('a method that is not offered answers 501, known or not', async (t) => {
      t.equal((await portal.call('signatures/signDoc', {})).status, 501)
      t.equal((await portal.call('signatures/nothing', {})).status, 501)
    })
  }
)
