import { createVerify, X509Certificate } from 'node:crypto'
import t from 'tap'
import { nextChallenge, PortalV1 } from '../clients/csc-v1.js'
import { castAt, digestOf, type Person } from '../clients/journey.js'
import { base64, ecdsaSha256Oid, rsaSha256Oid } from '../clients/portal.js'
import { startWorld } from '../world.js'

t.setTimeout(300_000)
const world = await startWorld(t)
const provider = 'vnpt'
const { url } = world
const cast = castAt({ url, provider, now: world.clock.now })
const portal = new PortalV1({ url, provider })
const demo = '001088035895'
const absent = '00000000-0000-7000-8000-000000000000'

/** What a wrong request is answered with. */
const refused = (error_description: string, error = 'invalid_request') => ({
  status: 400,
  body: { error, error_description }
})
/** Asks, has the person confirm what is shown, and answers the SAD. */
async function approved(person: Person, digests: readonly Uint8Array[], more: Record<string, unknown> = {}) {
  const asking = portal.authorize(person.credentialID, digests, more)
  const challenge = await nextChallenge(person.device)
  await person.device.confirm(challenge)
  const { status, body } = await asking
  if (status !== 200) throw new Error(`not authorized: ${JSON.stringify(body)}`)
  return { sad: String(body.SAD), expiresIn: body.expiresIn, challenge }
}
async function lastCode(person: Person): Promise<string> {
  const { body } = await cast.operator.get<{ items: { text: string }[] }>(
    `/subscribers/${person.id}/messages`
  )
  return /[0-9]{6}/.exec(body.items[0]?.text ?? '')?.[0] ?? ''
}

t.test('info (§11.1)', async (t) => {
  const { status, body } = await portal.raw('info', {}, {})
  t.equal(status, 200)
  t.match(body, {
    specs: '1.0.3.0',
    name: 'VNPT SmartCA (SIMULATED)',
    logo: `${url}/vnpt/csc/logo.svg`,
    region: 'VN',
    lang: 'vi',
    description: /không có giá trị pháp lý/,
    oauth2: `${url}/vnpt/csc/v1`
  })
  t.ok((body.authType as string[]).includes('basic'))
  t.match((await portal.raw('info', { lang: 'en-US' }, {})).body, {
    lang: 'en',
    description: /no legal value/
  })
  t.match((await portal.raw('info', { lang: 'de' }, {})).body, { lang: 'vi' }, 'in its own language else')
  t.same(await (await fetch(`${portal.base}/info`)).json(), body, 'GET is a courtesy')

  await t.test('methods are those that answer, and all others answer 501', async (t) => {
    const every = [
      ...['auth/login', 'auth/revoke', 'credentials/list', 'credentials/info', 'credentials/authorize'],
      ...['credentials/authorizeCheck', 'credentials/getChallenge', 'credentials/extendTransaction'],
      ...['credentials/sendOTP', 'credentials/create', 'credentials/delete', 'signatures/signHash'],
      ...['signatures/signDoc', 'signatures/signPolling', 'signatures/timestamp']
    ]
    for (const id of ['vnpt', 'viettel', 'misa', 'nacencomm']) {
      const one = new PortalV1({ url, provider: id })
      const { body } = await one.raw('info', {}, {})
      const answers = await Promise.all(
        every.map(async (method) => ({ method, status: (await one.raw(method, {}, {})).status }))
      )
      t.same(
        answers.filter(({ status }) => status !== 501).map(({ method }) => method),
        body.methods,
        id
      )
      t.equal((body.methods as string[]).includes('auth/login'), id !== 'viettel', `auth/login of ${id}`)
      t.equal((body.authType as string[]).includes('basic'), id !== 'viettel')
    }
    t.match(await portal.raw('credentials/signEverything', {}, {}), {
      status: 501,
      body: { error: 'not_implemented' }
    })
  })
})

t.test('credentials/list (§11.4)', async (t) => {
  const list = (body: object, token?: string) =>
    portal.call<{ credentialIDs?: string[]; nextPageToken?: string }>('credentials/list', body, token)
  const all = (await list({ userID: demo })).body.credentialIDs ?? []
  t.equal(all.length, 2)
  t.notOk((await list({ userID: demo })).body.nextPageToken, 'one page has all')

  await t.test('pages follow each other to the end', async (t) => {
    const first = await list({ userID: demo, maxResults: 1 })
    t.same(first.body.credentialIDs, all.slice(0, 1))
    const second = await list({ userID: demo, maxResults: 1, pageToken: first.body.nextPageToken })
    t.same(second.body, { credentialIDs: all.slice(1) }, 'the last page names no next one')
  })
  await t.test('a maxResults that cannot be is the maximum', async (t) => {
    for (const maxResults of [0, -1, 1.5, 1e9, '1', true, {}])
      t.same(
        (await list({ userID: demo, maxResults })).body,
        { credentialIDs: all },
        JSON.stringify(maxResults)
      )
  })
  await t.test('a page token is good for its own list alone', async (t) => {
    const { body } = await list({ userID: demo, maxResults: 1 })
    const other = await cast.enrol()
    for (const pageToken of [
      body.nextPageToken,
      'x',
      '',
      5,
      Buffer.from(`1:${absent}`).toString('base64url')
    ])
      t.match(await list({ userID: other.login, pageToken }), refused('Invalid parameter pageToken'))
  })
  await t.test('userID', async (t) => {
    for (const userID of [undefined, 'nobody', 5, ''])
      t.match(await list({ userID }), refused('Invalid parameter userID'), String(userID))
    const { body } = await portal.login(demo, 'vnpt-demo')
    const token = String(body.access_token)
    t.same((await list({}, token)).body.credentialIDs, all, 'a subscriber’s own token needs none')
    t.match(await list({ userID: demo }, token), refused('userID parameter MUST be null'))
    t.same((await list({ userID: null }, token)).status, 200)
  })
})

t.test('credentials/info (§11.5)', async (t) => {
  const info = (body: object, token?: string) => portal.call('credentials/info', body, token)
  const person = await cast.enrol({ algorithm: 'P-256', multisign: 7 })
  const { credentialID } = person

  await t.test('says how a credential is used', async (t) => {
    const { status, body } = await info({ credentialID })
    t.equal(status, 200)
    t.match(body, {
      key: { status: 'enabled', len: 256, curve: '1.2.840.10045.3.1.7' },
      cert: { status: 'valid' },
      authMode: 'implicit',
      SCAL: '2',
      multisign: 7
    })
    t.ok(((body.key as { algo: string[] }).algo ?? []).includes(ecdsaSha256Oid))
    t.notOk('PIN' in body || 'OTP' in body || 'auth' in body)
  })
  await t.test('shows the certificate as far as it is asked to', async (t) => {
    const cert = async (more: object) =>
      (await info({ credentialID, ...more })).body.cert as {
        certificates?: string[]
        [member: string]: unknown
      }
    const single = await cert({})
    const leaf = new X509Certificate(Buffer.from(single.certificates?.[0] ?? '', 'base64'))
    t.equal(single.certificates?.length, 1)
    t.notOk('serialNumber' in single)
    t.notOk('certificates' in (await cert({ certificates: 'none' })))
    const chain = await cert({ certificates: 'chain', certInfo: true })
    const [first, ca, root] = (chain.certificates ?? []).map(
      (der) => new X509Certificate(Buffer.from(der, 'base64'))
    )
    t.ok(first && ca && root && first.checkIssued(ca) && ca.checkIssued(root), 'leaf, CA, root')
    t.match(chain, {
      serialNumber: leaf.serialNumber,
      subjectDN: /CN=ĐỖ THỊ THỬ/,
      issuerDN: /CN=VNPT/,
      validFrom: /^[0-9]{14}Z$/,
      validTo: /^[0-9]{14}Z$/
    })
  })
  await t.test('groups PIN and OTP with authInfo, in mode explicit alone', async (t) => {
    const pin = await cast.enrol({ auth: 'pin', pin: '13579' })
    const otp = await cast.enrol({ auth: 'otp', subscriber: { phone: '+84912345678' } })
    const login = await cast.enrol({ auth: 'oauth2code' })
    const shown = async ({ credentialID }: Person, more = {}) =>
      (await info({ credentialID, authInfo: true, ...more })).body
    t.match(await shown(pin, { lang: 'en' }), {
      authMode: 'explicit',
      PIN: { presence: 'true', format: 'A', label: 'PIN' },
      OTP: { presence: 'false' },
      lang: 'en'
    })
    t.same((await shown(pin)).OTP, { presence: 'false' })
    t.match(await shown(otp), {
      authMode: 'explicit',
      PIN: { presence: 'false' },
      OTP: { presence: 'true', type: 'online', format: 'N', ID: 'OTP' }
    })
    const plain = await shown(login)
    t.equal(plain.authMode, 'oauth2code')
    t.notOk('PIN' in plain || 'OTP' in plain)
    t.notOk('PIN' in (await info({ credentialID: pin.credentialID })).body, 'not without authInfo')
  })
  await t.test('of somebody else looks like none', async (t) => {
    const misa = castAt({ url, provider: 'misa', now: world.clock.now })
    const foreign = (await misa.enrol()).credentialID
    const none = await info({ credentialID: absent })
    t.match(none, refused('Invalid parameter credentialID'))
    t.same((await info({ credentialID: foreign })).body, none.body)
    const { body } = await portal.login(demo, 'vnpt-demo')
    t.same(
      (await info({ credentialID }, String(body.access_token))).body,
      none.body,
      'with a subscriber’s token'
    )
  })
})

t.test('credentials/authorize, mode implicit (§11.6)', async (t) => {
  const person = await cast.enrol({ algorithm: 'P-256' })
  const { credentialID, device } = person
  const digest = digestOf('tờ khai')

  await t.test('waits for the phone, and the SAD signs', async (t) => {
    const { sad, expiresIn, challenge } = await approved(person, [digest], { description: 'Tờ khai' })
    t.match(challenge, { kind: 'digests', numSignatures: 1, description: 'Tờ khai', clientId: 'dvctt' })
    t.equal(expiresIn, 300)
    const signed = await portal.sign(credentialID, sad, [digest], ecdsaSha256Oid)
    t.equal(signed.status, 200, JSON.stringify(signed.body))
    const certificate = new X509Certificate(await portal.certificate(credentialID))
    const signature = Buffer.from(signed.body.signatures?.[0] ?? '', 'base64')
    t.ok(createVerify('sha256').update('tờ khai').verify(certificate.publicKey, signature))
    t.match(await portal.sign(credentialID, sad, [digest], ecdsaSha256Oid), refused('Invalid parameter SAD'))
  })
  await t.test('a refusal on the phone is told', async (t) => {
    const asking = portal.authorize(credentialID, [digest])
    await device.reject((await nextChallenge(device)).id)
    t.match(await asking, refused('The user rejected the request.', 'access_denied'))
  })
  await t.test('nobody who answers is told too, when the time is over', async (t) => {
    const asking = portal.authorize(credentialID, [digest])
    const { id } = await nextChallenge(device)
    world.clock.advance(301_000)
    t.match(await asking, refused('The request expired before the user confirmed it.', 'access_denied'))
    t.notOk((await device.challenges()).some((challenge) => challenge.id === id))
  })
  await t.test('a client that goes away takes its request with it', async (t) => {
    const gone = new AbortController()
    const asking = fetch(`${portal.base}/credentials/authorize`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await portal.token()}`, 'content-type': 'application/json' },
      body: JSON.stringify({ credentialID, numSignatures: 1, hash: [base64(digest)] }),
      signal: gone.signal
    }).catch(() => null)
    const challenge = await nextChallenge(device)
    gone.abort()
    await asking
    let shown = await device.challenges()
    for (let look = 0; look < 100 && shown.length > 0; look += 1) shown = await device.challenges()
    t.same(shown, [], 'nothing is left to confirm')
    t.equal((await device.confirm(challenge)).status, 409)
  })
  await t.test('a credential that cannot be used is disabled', async (t) => {
    const other = await cast.enrol()
    await cast.operator.post(`/credentials/${other.credentialID}/suspend`, {})
    t.match(
      await portal.authorize(other.credentialID, [digest]),
      refused('The credential identified by credentialID is disabled')
    )
  })
})

t.test('credentials/authorize, mode explicit: the factor first, and the phone all the same', async (t) => {
  const digest = digestOf('giấy rút dự toán')
  const pin = await cast.enrol({ auth: 'pin', pin: '13579' })
  const otp = await cast.enrol({ auth: 'otp', subscriber: { phone: '+84912345678' } })
  const sendOtp = ({ credentialID }: Person) => portal.call('credentials/sendOTP', { credentialID })

  await t.test('a PIN', async (t) => {
    for (const more of [{ PIN: '24680' }, { PIN: '' }, { PIN: '13579 ' }])
      t.match(
        await portal.authorize(pin.credentialID, [digest], more),
        refused('The PIN is invalid', 'invalid_pin')
      )
    t.match(
      await portal.authorize(pin.credentialID, [digest], {}),
      refused('Missing (or invalid type) string parameter PIN')
    )
    t.same(await pin.device.challenges(), [], 'nothing rang')
    const { sad } = await approved(pin, [digest], { PIN: '13579' })
    t.equal((await portal.sign(pin.credentialID, sad, [digest], ecdsaSha256Oid)).status, 200)
  })
  await t.test('a right PIN without the phone is no SAD', async (t) => {
    const asking = portal.authorize(pin.credentialID, [digest], { PIN: '13579' })
    await pin.device.reject((await nextChallenge(pin.device)).id)
    t.match(await asking, refused('The user rejected the request.', 'access_denied'))
  })
  await t.test('wrong PINs lock it, for this relying party and credential alone', async (t) => {
    const locking = await cast.enrol({ auth: 'pin', pin: '13579' })
    for (let wrong = 0; wrong < 5; wrong += 1)
      await portal.authorize(locking.credentialID, [digest], { PIN: '00000' })
    for (const PIN of ['00000', '13579']) {
      const answer = await portal.authorize(locking.credentialID, [digest], { PIN })
      t.match(answer, refused('PIN locked'))
      t.ok(Number(answer.headers.get('retry-after')) > 0)
    }
    t.same(await locking.device.challenges(), [])
    await approved(pin, [digest], { PIN: '13579' })
    await cast.operator.post(`/subscribers/${locking.id}/unlock`)
    await approved(locking, [digest], { PIN: '13579' })
  })
  await t.test('a one-time code', async (t) => {
    t.match(
      await portal.authorize(otp.credentialID, [digest], { OTP: '123456' }),
      refused('The OTP is invalid', 'invalid_otp'),
      'none was sent'
    )
    const sent = await sendOtp(otp)
    t.equal(sent.status, 204)
    const OTP = await lastCode(otp)
    t.same(await otp.device.challenges(), [], 'sending it rings nothing')
    const { sad } = await approved(otp, [digest], { OTP })
    t.equal((await portal.sign(otp.credentialID, sad, [digest], ecdsaSha256Oid)).status, 200)
    t.match(
      await portal.authorize(otp.credentialID, [digest], { OTP }),
      refused('The OTP is invalid', 'invalid_otp'),
      'it is used up'
    )
  })
  await t.test('wrong codes lock it, and lock sendOTP', async (t) => {
    const locking = await cast.enrol({ auth: 'otp', subscriber: { phone: '+84912345679' } })
    for (let wrong = 0; wrong < 5; wrong += 1)
      await portal.authorize(locking.credentialID, [digest], { OTP: 'x' })
    t.match(await portal.authorize(locking.credentialID, [digest], { OTP: 'x' }), refused('OTP locked'))
    t.match(await sendOtp(locking), refused('OTP locked'))
  })
  await t.test('a credential for OAuth is not authorized here', async (t) => {
    const login = await cast.enrol({ auth: 'oauth2code' })
    t.equal((await portal.authorize(login.credentialID, [digest])).status, 400)
    t.same(await login.device.challenges(), [])
  })
  await t.test('sendOTP for a credential that asks for none looks like no credential', async (t) => {
    t.match(await sendOtp(pin), refused('Invalid parameter credentialID'))
  })
})

t.test('a SAD and its budget (§11.6, §11.7)', async (t) => {
  const person = await cast.enrol({ algorithm: 'P-256' })
  const { credentialID } = person
  const digests = ['một', 'hai', 'ba'].map(digestOf)
  const [one, two, three] = digests as [Buffer, Buffer, Buffer]
  const sign = (sad: unknown, some: readonly Uint8Array[]) =>
    portal.sign(credentialID, sad, some, ecdsaSha256Oid)

  await t.test('between two calls of signHash it is renewed; what was signed stays counted', async (t) => {
    const { sad } = await approved(person, digests)
    t.equal((await sign(sad, [two])).status, 200)
    t.match(await sign(sad, [one]), refused('Invalid parameter SAD'), 'not renewed')
    t.match(await portal.extend(credentialID, sad), refused('Missing (or invalid type) array parameter hash'))
    t.match(
      await portal.extend(credentialID, sad, [base64(two)]),
      refused('Hash is not authorized by the SAD.')
    )
    const renewed = await portal.extend(credentialID, sad, [base64(one)])
    t.equal(renewed.status, 200, JSON.stringify(renewed.body))
    t.not(renewed.body.SAD, sad)
    t.match(await sign(sad, [one]), refused('Invalid parameter SAD'), 'the one before is over')
    t.equal((await sign(renewed.body.SAD, [one])).status, 200)
    const again = await portal.extend(credentialID, renewed.body.SAD, base64(three))
    t.equal(again.status, 200, 'one hash as a string, as laverca sends it')
    t.equal((await sign(again.body.SAD, [three])).status, 200)
    t.match(
      await portal.extend(credentialID, again.body.SAD, [base64(three)]),
      refused('Invalid parameter SAD'),
      'all are signed'
    )
  })
  await t.test('all in one call need no renewal', async (t) => {
    const { sad } = await approved(person, digests)
    t.equal((await sign(sad, digests)).body.signatures?.length, 3)
  })
  await t.test('an expired one is neither used nor renewed', async (t) => {
    const { sad } = await approved(person, digests)
    world.clock.advance(301_000)
    t.match(await sign(sad, digests), refused('SAD expired'))
    t.match(await portal.extend(credentialID, sad, [base64(one)]), refused('SAD expired'))
  })
  await t.test('is for its relying party, credential and hashes alone', async (t) => {
    const { sad } = await approved(person, [one])
    const other = await cast.enrol({ algorithm: 'P-256' })
    t.match(
      await portal.sign(other.credentialID, sad, [one], ecdsaSha256Oid),
      refused('Invalid parameter SAD')
    )
    const made = await cast.operator.post('/relying-parties', { provider, name: 'Cổng khác' })
    const stranger = new PortalV1({
      url,
      provider,
      clientId: String(made.body.clientId),
      clientSecret: String(made.body.clientSecret)
    })
    t.match(await stranger.sign(credentialID, sad, [one], ecdsaSha256Oid), refused('Invalid parameter SAD'))
    t.match(await stranger.extend(credentialID, sad, [base64(one)]), refused('Invalid parameter SAD'))
    t.match(await sign(sad, [two]), refused('Hash is not authorized by the SAD.'))
    t.match(await sign(sad, [one, one]), refused('Hash is not authorized by the SAD.'))
    t.equal((await sign(sad, [one])).status, 200, 'and none of that spent it')
  })
  await t.test('SCAL 1: so many signatures, of whatever comes', async (t) => {
    const session = await cast.enrol({ algorithm: 'P-256', scal: '1' })
    const { sad, challenge } = await approved(session, [], { numSignatures: 2 })
    t.match(challenge, { kind: 'session', numSignatures: 2, validUntil: /Z$/, documents: [] })
    const signIn = (present: unknown, some: readonly Uint8Array[]) =>
      portal.sign(session.credentialID, present, some, ecdsaSha256Oid)
    t.equal((await signIn(sad, digests)).status, 400, 'three of two')
    t.equal((await signIn(sad, [one])).status, 200)
    const { body } = await portal.extend(session.credentialID, sad)
    t.equal((await signIn(body.SAD, [three])).status, 200)
    t.equal((await signIn(body.SAD, [two])).status, 400)
  })
  await t.test('a subscriber’s own token reaches no other’s credential', async (t) => {
    const { body } = await portal.login(demo, 'vnpt-demo')
    const token = String(body.access_token)
    const wrong = refused('Invalid parameter credentialID')
    t.match(await portal.authorize(credentialID, [one], {}, token), wrong)
    t.match(await portal.call('credentials/sendOTP', { credentialID }, token), wrong)
    t.match(await portal.sign(credentialID, 'x'.repeat(43), [one], ecdsaSha256Oid, {}, token), wrong)
    t.match(await portal.call('credentials/extendTransaction', { credentialID, SAD: 'x' }, token), wrong)
  })
})

/** Texts of the tables of v1 §11, in their order. `$` is a credential, `#` a hash. */
const tables: Record<string, { good: object; rows: [wrong: object, text: string][] }> = {
  'credentials/info': {
    good: { credentialID: '$' },
    rows: [
      [{ credentialID: undefined }, 'Missing (or invalid type) string parameter credentialID'],
      [{ credentialID: 5 }, 'Missing (or invalid type) string parameter credentialID'],
      [{ credentialID: absent }, 'Invalid parameter credentialID'],
      [{ certificates: 'all' }, 'Invalid parameter certificates'],
      [{ certificates: true }, 'Invalid parameter certificates']
    ]
  },
  'credentials/authorize': {
    good: { credentialID: '$', numSignatures: 1, hash: ['#'] },
    rows: [
      [{ credentialID: undefined }, 'Missing (or invalid type) string parameter credentialID'],
      [{ credentialID: ['$'] }, 'Missing (or invalid type) string parameter credentialID'],
      [{ credentialID: absent }, 'Invalid parameter credentialID'],
      [{ numSignatures: undefined }, 'Missing (or invalid type) integer parameter numSignatures'],
      [{ numSignatures: '1' }, 'Missing (or invalid type) integer parameter numSignatures'],
      [{ numSignatures: 1.5 }, 'Missing (or invalid type) integer parameter numSignatures'],
      [{ numSignatures: 0 }, 'Invalid value for parameter numSignatures'],
      [{ numSignatures: -3 }, 'Invalid value for parameter numSignatures'],
      [{ numSignatures: 101 }, 'Numbers of signatures is too high'],
      [{ hash: undefined }, 'Missing (or invalid type) array parameter hash'],
      [{ hash: 5 }, 'Missing (or invalid type) array parameter hash'],
      [{ hash: [] }, 'Empty hash array'],
      [{ hash: ['~'] }, 'Invalid Base64 hash string parameter'],
      [{ hash: [5] }, 'Invalid Base64 hash string parameter'],
      [{ hash: ['AAAA'] }, 'Invalid digest value length'],
      [{ hash: ['#', Buffer.alloc(48).toString('base64')], numSignatures: 2 }, 'Invalid digest value length'],
      [{ hash: ['#', '#'] }, 'Invalid value for parameter numSignatures'],
      [{ clientData: 5 }, 'Invalid parameter clientData']
    ]
  },
  'credentials/sendOTP': {
    good: { credentialID: '$' },
    rows: [
      [{ credentialID: undefined }, 'Missing (or invalid type) string parameter credentialID'],
      [{ credentialID: 5 }, 'Missing (or invalid type) string parameter credentialID'],
      [{ credentialID: absent }, 'Invalid parameter credentialID']
    ]
  },
  'credentials/extendTransaction': {
    good: { SAD: 'x', credentialID: '$', hash: ['#'] },
    rows: [
      [{ SAD: undefined }, 'Missing (or invalid type) string parameter SAD'],
      [{ SAD: 5 }, 'Missing (or invalid type) string parameter SAD'],
      [{}, 'Invalid parameter SAD'],
      [{ credentialID: undefined }, 'Missing (or invalid type) string parameter credentialID'],
      [{ hash: ['~'] }, 'Invalid Base64 hash string parameter']
    ]
  },
  'signatures/signHash': {
    good: { SAD: 'x', credentialID: '$', hash: ['#'], signAlgo: rsaSha256Oid },
    rows: [
      [{ SAD: undefined }, 'Missing (or invalid type) string parameter SAD'],
      [{ SAD: 5 }, 'Missing (or invalid type) string parameter SAD'],
      [{ SAD: '' }, 'Invalid parameter SAD'],
      [{}, 'Invalid parameter SAD'],
      [{ credentialID: undefined }, 'Missing (or invalid type) string parameter credentialID'],
      [{ credentialID: 5 }, 'Missing (or invalid type) string parameter credentialID'],
      [{ credentialID: '' }, 'Invalid parameter credentialID'],
      [{ hash: undefined }, 'Missing (or invalid type) array parameter hash'],
      [{ hash: { 0: '#' } }, 'Missing (or invalid type) array parameter hash'],
      [{ hash: [] }, 'Empty hash array'],
      [{ hash: ['~'] }, 'Invalid Base64 hash string parameter'],
      [{ hash: [true] }, 'Invalid Base64 hash string parameter'],
      [{ signAlgo: undefined }, 'Missing (or invalid type) string parameter signAlgo'],
      [{ signAlgo: 11 }, 'Missing (or invalid type) string parameter signAlgo'],
      [{ signAlgo: '1.2.840.113549.1.1.10' }, 'Missing (or invalid type) string parameter signAlgoParams'],
      [{ signAlgoParams: 5 }, 'Missing (or invalid type) string parameter signAlgoParams'],
      [{ signAlgo: '1.2.840.113549.1.1.1' }, 'Missing (or invalid type) string parameter hashAlgo'],
      [{ hashAlgo: 5 }, 'Missing (or invalid type) string parameter hashAlgo'],
      [{ hashAlgo: 'sha256' }, 'Invalid parameter hashAlgo'],
      [{ hashAlgo: '2.16.840.1.101.3.4.2.3' }, 'Invalid parameter hashAlgo'],
      [{ hashAlgo: '1.3.14.3.2.26', signAlgo: '1.2.840.113549.1.1.1' }, 'Invalid parameter hashAlgo'],
      [{ signAlgo: '1.2.840.113549.1.1.5' }, 'Invalid parameter signAlgo'],
      [{ clientData: ['x'] }, 'Invalid parameter clientData'],
      [{ hash: ['AAAA'] }, 'Invalid digest value length']
    ]
  }
}

t.test('the error tables (§11)', async (t) => {
  const { credentialID } = await cast.enrol({ algorithm: 'RSA-2048' })
  const filled = (body: object) =>
    JSON.parse(
      JSON.stringify(body)
        .replaceAll('"$"', `"${credentialID}"`)
        .replaceAll('"#"', `"${base64(digestOf('x'))}"`)
    ) as object
  for (const [method, { good, rows }] of Object.entries(tables)) {
    await t.test(method, async (t) => {
      // Side by side: refusals that follow each other are slowed down.
      const answers = await Promise.all(
        rows.map(([wrong]) => portal.call(method, filled({ ...good, ...wrong })))
      )
      for (const [index, [wrong, text]] of rows.entries())
        t.match(answers[index], refused(text), JSON.stringify(wrong))
    })
  }

  await t.test('a header without a bearer token: each table has its text', async (t) => {
    const long =
      'The request is missing a required parameter, includes an invalid parameter value, includes a parameter more than once, or is otherwise malformed.'
    const texts = {
      'credentials/list': long,
      'credentials/info': long,
      'credentials/authorize': long,
      'signatures/signHash': long,
      'signatures/timestamp': long,
      'auth/revoke': long.replace('required', 'REQUIRED'),
      'credentials/extendTransaction': long.replace('required', 'REQUIRED'),
      'credentials/sendOTP': 'Malformed authroization header.'
    }
    const headers: Record<string, string>[] = [
      {},
      { authorization: 'Basic eDp5' },
      { authorization: 'Bearer' }
    ]
    await Promise.all(
      Object.entries(texts).flatMap(([method, text]) =>
        headers.map(async (one) => t.match(await portal.raw(method, {}, one), refused(text), method))
      )
    )
  })
  await t.test('a token that is not good', async (t) => {
    const v2 = (await cast.portal.token()).toString()
    for (const token of ['x', v2])
      t.match(await portal.call('credentials/list', {}, token), {
        status: 401,
        body: { error: 'invalid_token' }
      })
  })
  await t.test('an expired certificate is named', async (t) => {
    const person = await cast.enrol({ algorithm: 'P-256', validDays: 1 })
    const digest = digestOf('cuối cùng')
    world.clock.advance(86_400_000 - 60_000)
    const late = new PortalV1({ url, provider })
    const asking = late.authorize(person.credentialID, [digest])
    await person.device.confirm(await nextChallenge(person.device))
    const { body } = await asking
    world.clock.advance(61_000)
    t.match(
      await late.sign(person.credentialID, body.SAD, [digest], ecdsaSha256Oid),
      refused("Signing certificate 'O=,CN=ĐỖ THỊ THỬ' is expired.")
    )
  })
})
