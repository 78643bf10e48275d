import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { auditVerify } from '../../src/commands/verification.js'
import { castAt, digestOf, type Person } from '../clients/journey.js'
import { MySignClient, MySignCscClient, signatureOf } from '../clients/viettel.js'
import { startWorld } from '../world.js'
import { verifies } from './openssl.js'
import { an, eventually, party, seen } from './viettel-stage.js'

const world = await startWorld(t)
const { url } = world
const stage = castAt({ url, provider: 'viettel', now: world.clock.now })
const { operator } = stage
const client = new MySignClient({ url })
const { Pool } = pg
const database = new Pool(world.connection)
// Its server is stopped once on the way.
database.on('error', () => undefined)
t.teardown(() => database.end())

const refused = (status: number, error: string) => ({ status, body: { error } })
let made = 0
/** Digests that nobody has had before. */
const digests = (count: number): Buffer[] => Array.from({ length: count }, () => digestOf(`csc ${made++}`))

/** A person with a device of their own, seen by a relying party that has logged in for them. */
interface Signer {
  person: Person
  csc: MySignCscClient
  credentialID: string
  leaf: Buffer
}
async function signer(of: MySignClient = client, person?: Person): Promise<Signer> {
  const who = person ?? (await stage.enrol({ algorithm: 'RSA-2048', multisign: 6 }))
  const token = await of.tokenFor(who.login)
  const { credential_id, cert } = await of.credential(token, who.login)
  return {
    person: who,
    csc: new MySignCscClient(of, token),
    credentialID: credential_id,
    leaf: Buffer.from(cert.certificates[0] ?? '', 'base64')
  }
}

const challengeOf = ({ device }: Person) => eventually(async () => (await device.challenges())[0])

/** What a call answers that waits for the phone, which confirms; and what the phone was shown. */
async function confirmedBy<T>({ device }: Person, call: Promise<T>) {
  const shown = await challengeOf({ device } as Person)
  const { status } = await device.confirm(shown)
  if (status !== 200) throw new Error(`confirming answered ${status}`)
  return { shown, answer: await call }
}

async function approved(
  { person, csc, credentialID }: Signer,
  asked: readonly Uint8Array[]
): Promise<string> {
  const { answer } = await confirmedBy(person, csc.authorize(credentialID, asked))
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
  return answer.body.SAD
}

/** A session that was confirmed, and the SAD that it was registered with. */
async function session(one: Signer, { durationS = 3600, numSignatures = 4 } = {}) {
  const sad = await approved(one, digests(1))
  const { shown, answer } = await confirmedBy(
    one.person,
    one.csc.register(one.credentialID, sad, durationS, { numSignatures })
  )
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
  return { sad, shown, answer }
}

/** The next SAD and what it signs. */
async function signsNext({ csc, credentialID }: Signer, sad: string, wanted: readonly Uint8Array[]) {
  const extended = await csc.extend(credentialID, sad, wanted)
  if (extended.status !== 200) return { extended, signed: null }
  return { extended, signed: await csc.signHash(credentialID, extended.body.SAD, wanted) }
}

t.test('credentials are listed and described', async (t) => {
  const token = await client.tokenFor(an)
  const csc = new MySignCscClient(client, token)
  const { credential_id } = await client.credential(token, an)
  t.same((await csc.call('credentials/list', {})).body, { credentialIDs: [credential_id] })
  t.same((await csc.call('credentials/list', { userID: an })).body, { credentialIDs: [credential_id] })

  const { body: ours } = await client.authenticate()
  const own = new MySignCscClient(client, ours.access_token)
  t.same((await own.call('credentials/list', { userID: an })).body, { credentialIDs: [credential_id] })
  t.match(seen(await own.call('credentials/list', {})), refused(400, '30000'))
  const unknown = await own.call('credentials/list', { userID: 'nobody' })
  t.match(seen(unknown), refused(401, '59033'))
  const { person } = await signer()
  t.same(seen(await csc.call('credentials/list', { userID: person.login })), seen(unknown), 'another user')

  const wanted = { credentialID: credential_id, certificates: 'chain', certInfo: true, authInfo: true }
  const { status, body } = await own.call('credentials/info', wanted)
  t.equal(status, 200)
  const [listed] = (await client.certificates(token, an)).body
  t.same(body, {
    description: 'Go>Sign mobile based implicit credential authorization',
    key: listed?.key,
    cert: listed?.cert,
    PIN: { presence: 'false' },
    OTP: { presence: 'false' },
    authMode: 'implicit',
    SCAL: '2',
    multisign: '100',
    lang: 'vi'
  })
  const bare = await csc.call('credentials/info', { credentialID: credential_id })
  t.same(Object.keys(bare.body.cert as object), ['status', 'certificates'])
  const foreign = await csc.call('credentials/info', { credentialID: person.credentialID })
  t.match(seen(foreign), refused(400, '60000'))
  for (const credentialID of ['nothing', '\u00e9_1_2', `${person.credentialID}_1_20200101000000`])
    t.same(seen(await csc.call('credentials/info', { credentialID })), seen(foreign))
  t.match(seen(await csc.call('credentials/info', {})), refused(400, '30000'))
})

t.test('authorize waits for the phone, and its SAD signs once', async (t) => {
  const one = await signer()
  const { csc, credentialID, person, leaf } = one
  const [first, second, third] = digests(3) as [Buffer, Buffer, Buffer]
  const { shown, answer } = await confirmedBy(person, csc.authorize(credentialID, [first, second]))
  t.match(shown, { kind: 'digests', numSignatures: 2, description: 'Hồ sơ thanh toán', validUntil: null })
  t.same(
    shown.documents.map(({ name }) => name),
    ['Uỷ nhiệm chi 1', 'Uỷ nhiệm chi 2']
  )
  t.match(seen(answer), { status: 200, body: { SAD: /^[A-Za-z0-9_-]{64}$/, expiresIn: '300' } })
  const { SAD } = answer.body

  t.match(seen(await csc.signHash(credentialID, SAD, [third])), refused(400, '30000'), 'not confirmed')
  const signed = await csc.signHash(credentialID, SAD, [first])
  t.equal(signed.status, 200)
  t.ok(await verifies(leaf, first, signatureOf(signed.body.signatures[0])))
  t.match(seen(await csc.signHash(credentialID, SAD, [second])), refused(400, '30000'), 'replayed')
  t.match(seen(await csc.extend(credentialID, SAD, [third])), refused(400, '30000'), 'no session')
  const next = await csc.extend(credentialID, SAD, [second])
  t.equal(next.status, 200)
  const rest = await csc.signHash(credentialID, next.body.SAD, [second])
  t.ok(await verifies(leaf, second, signatureOf(rest.body.signatures[0])))

  const rejecting = csc.authorize(credentialID, digests(1))
  await person.device.reject((await challengeOf(person)).id)
  t.match(seen(await rejecting), refused(400, '4002'))
  const silent = csc.authorize(credentialID, digests(1))
  await challengeOf(person)
  world.clock.advance(121_000)
  t.match(seen(await silent), refused(400, '4001'))

  const gone = new AbortController()
  const leaving = csc.authorize(credentialID, digests(1), {}, gone.signal).catch(() => 'left')
  const asked = await challengeOf(person)
  gone.abort()
  t.equal(await leaving, 'left')
  await eventually(async () => ((await person.device.challenges()).length === 0 ? true : undefined))
  t.equal((await person.device.confirm(asked)).status, 409, 'nobody is asked for who went away')

  t.match(seen(await csc.authorize(credentialID, digests(7))), refused(400, '30000'), 'over multisign')
  t.match(seen(await csc.authorize(credentialID, digests(2), { numSignatures: 1 })), refused(400, '30000'))
  t.match(
    seen(await csc.authorize(credentialID, digests(2), { documents: [], hash: ['AA=='] })),
    refused(400, '30000')
  )
})

t.test('the oldest paths lead to the same calls', async (t) => {
  const base = await fetch(`${url}/viettel/adss/service/ras/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_id: 'dvctt',
      client_secret: 'dvctt-secret',
      user_id: an,
      profile_id: 'adss:ras:profile:001'
    })
  })
  t.equal(base.status, 200)
  const { access_token } = (await base.json()) as { access_token: string }
  const oldest = new MySignCscClient(client, access_token, { root: '../../adss/service/ras' })
  const { body } = await oldest.call('credentials/list', {})
  const [credentialID = ''] = body.credentialIDs
  const [digest] = digests(1) as [Buffer]
  const { SAD } = (await oldest.authorize(credentialID, [digest])).body
  const signed = await oldest.signHash(credentialID, SAD, [digest])
  const [leaf = ''] = (await client.credential(access_token, an)).cert.certificates
  t.ok(await verifies(Buffer.from(leaf, 'base64'), digest, signatureOf(signed.body.signatures[0])))
})

t.test('a session signs other digests, as many as the device showed', async (t) => {
  const one = await signer()
  const { csc, credentialID, leaf, person } = one
  const { sad, shown, answer } = await session(one)
  t.match(shown, { kind: 'session', numSignatures: 4, documents: [], hashAlgorithmOID: null })
  t.same(answer.body, {
    user_id: person.login,
    app_id: 'dvctt',
    expire_date: `${String(shown.validUntil).slice(0, 19).replaceAll(/[-:T]/g, '')}+0000`
  })
  const leftMs = Date.parse(String(shown.validUntil)) - world.clock.now().getTime()
  t.ok(leftMs > 3_500_000 && leftMs <= 3_600_000)

  const [a, b] = digests(2) as [Buffer, Buffer]
  const first = await signsNext(one, sad, [a])
  t.ok(await verifies(leaf, a, signatureOf(first.signed?.body.signatures[0])), 'nobody was asked again')
  t.same(await person.device.challenges(), [])
  t.match(
    seen(await csc.signHash(credentialID, first.extended.body.SAD, [b])),
    refused(400, '30000'),
    'a SAD is not replayed'
  )
  const second = await signsNext(one, first.extended.body.SAD, [b])
  t.ok(await verifies(leaf, b, signatureOf(second.signed?.body.signatures[0])), 'by its own last SAD')
  t.match(seen(await csc.extend(credentialID, first.extended.body.SAD, digests(1))), refused(400, '30000'))
  t.match(seen(await csc.extend(credentialID, sad, digests(3))), refused(400, '30000'), 'two are left')
  t.match(seen(await csc.extend(credentialID, sad, digests(2), { numSignatures: 1 })), refused(400, '30000'))

  const again = await csc.register(credentialID, sad, 60)
  t.match(seen(again), refused(400, '60110'), 'registered already')
  // Long after a SAD would have ended, and what may be turned into one has been marked so.
  const forgotten = await signer()
  await approved(forgotten, digests(1))
  world.clock.advance(1_500_000)
  await eventually(async () => {
    const { rowCount } = await database.query(
      "select from activations where subscriber_id = $1 and status = 'expired'",
      [forgotten.person.id]
    )
    return rowCount === 1 ? true : undefined
  })
  const third = await signsNext(one, sad, digests(2))
  t.equal(third.signed?.body.signatures.length, 2)
  t.match(seen(await csc.extend(credentialID, sad, digests(1))), refused(400, '30000'), 'used up')
})

t.test('a session gives no more than was shown, however many ask at once', async (t) => {
  const one = await signer()
  const { csc, credentialID } = one
  const { sad } = await session(one)
  const all = await Promise.all(digests(12).map((digest) => signsNext(one, sad, [digest])))
  let count = all.filter(({ signed }) => signed?.status === 200).length
  t.ok(count <= 4)
  for (let tries = 0; tries < 8; tries += 1) {
    const { signed } = await signsNext(one, sad, digests(1))
    if (signed?.status === 200) count += 1
  }
  t.equal(count, 4)
  const { rows } = await database.query<{ made: number }>(
    `select sum(cardinality(r.signatures))::integer as made from reservations r
       join activations a on a.id = r.activation_id
      where a.kind = 'session' and a.subscriber_id = $1`,
    [one.person.id]
  )
  t.same(rows, [{ made: 4 }])
  t.match(seen(await csc.extend(credentialID, sad, digests(1))), refused(400, '30000'))
  const next = await session(one, { numSignatures: 1 })
  t.equal((await signsNext(one, next.sad, digests(1))).signed?.status, 200, 'after it there may be another')
})

t.test('a session has bounds, and is registered by a good SAD alone', async (t) => {
  const one = await signer()
  const { csc, credentialID, person } = one
  const sad = await approved(one, digests(1))
  const asks = (name: string, by: string, durationS: number, more = {}) =>
    csc.register(name, by, durationS, more).then(seen)
  t.match(await asks(credentialID, sad, 28_801), refused(400, '30000'), 'longer than 8 h')
  t.match(await asks(credentialID, sad, 0), refused(400, '30000'))
  t.match(await asks(credentialID, sad, 60, { numSignatures: 7 }), refused(400, '30000'), 'over multisign')
  t.match(await asks(credentialID, sad, 60, { numSignatures: 1001 }), refused(400, '30000'))
  t.match(await asks(credentialID, 'x'.repeat(64), 60), refused(400, '30000'))
  const other = await signer()
  const theirs = await approved(other, digests(1))
  t.match(await asks(credentialID, theirs, 60), refused(400, '30000'), 'a SAD of another credential')
  t.match(await asks(other.credentialID, theirs, 60), refused(400, '60000'), 'another user’s')
  const stranger = await party(stage, url)
  const { csc: strange } = await signer(stranger.client, person)
  t.match(
    seen(await strange.register(credentialID, sad, 60)),
    refused(400, '30000'),
    'another relying party’s SAD'
  )
  t.same(await person.device.challenges(), [], 'nobody was asked')

  const rejecting = csc.register(credentialID, sad, 60)
  const asked = await challengeOf(person)
  t.match(asked, { kind: 'session', numSignatures: 6 }, 'as many as the credential allows')
  t.match(await asks(credentialID, sad, 60), refused(400, '60110'), 'while the first one waits')
  t.match(seen(await csc.extend(credentialID, sad, digests(1))), refused(400, '4000'))
  await person.device.reject(asked.id)
  t.match(seen(await rejecting), refused(400, '4002'))
  t.match(seen(await csc.extend(credentialID, sad, digests(1))), refused(400, '30000'), 'it was refused')

  world.clock.advance(301_000)
  t.match(await asks(credentialID, sad, 60), refused(400, '30000'), 'the SAD has expired')
})

/** What the offline verifier says of the database as it is. */
async function audited(): Promise<{ code: number; said: string }> {
  await sleep(50)
  const { host, user, password, database: name } = world.connection
  const address = `postgres://${user}:${encodeURIComponent(String(password))}@localhost/${name}?host=${host}`
  const lines: string[] = []
  const say = (line: string) => void lines.push(line)
  const code = await auditVerify(['--database', address, '--data-dir', world.dataDir], { out: say, err: say })
  return { code, said: lines.join('\n') }
}

t.test('the audit verifies what was signed in sessions (I8)', async (t) => {
  const { code, said } = await audited()
  t.equal(code, 0, said)
})

t.test('a session is one relying party’s, with one credential, until its end', async (t) => {
  const one = await signer()
  const { csc, credentialID, person } = one
  const { sad } = await session(one, { durationS: 600 })
  const present = (await csc.extend(credentialID, sad, digests(1))).body.SAD

  const stranger = await party(stage, url)
  const { csc: strange } = await signer(stranger.client, person)
  for (const stolen of [sad, present]) {
    t.match(seen(await strange.extend(credentialID, stolen, digests(1))), refused(400, '30000'))
    t.match(seen(await strange.signHash(credentialID, stolen, digests(1))), refused(400, '30000'))
  }
  const issued = await operator.post(`/subscribers/${person.id}/credentials`, {
    algorithm: 'RSA-2048',
    publish: true
  })
  const second = String(issued.body.credentialID)
  for (const stolen of [sad, present]) {
    t.match(seen(await csc.extend(second, stolen, digests(1))), refused(400, '30000'), 'another credential')
    t.match(seen(await csc.signHash(second, stolen, digests(1))), refused(400, '30000'))
  }
  t.equal((await csc.signHash(credentialID, present, digests(1))).status, 200)

  const late = (await csc.extend(credentialID, sad, digests(1))).body.SAD
  world.clock.advance(601_000)
  t.match(seen(await csc.signHash(credentialID, late, digests(1))), refused(400, '30000'), 'after the end')
  for (const ended of [sad, late])
    t.match(seen(await csc.extend(credentialID, ended, digests(1))), refused(400, '30000'))
  await database.query(
    `update activations set valid_until = $2, sad_expires_at = $2
      where kind = 'session' and subscriber_id = $1`,
    [person.id, new Date(world.clock.now().getTime() + 3_600_000)]
  )
  t.notOk((await csc.extend(credentialID, late, digests(1))).status === 200, 'nor with SQL (I2)')
  t.notOk((await csc.signHash(credentialID, late, digests(1))).status === 200)
})

t.test('a session ends with its device and its credential', async (t) => {
  for (const end of [
    async ({ person }: Signer) => operator.call('DELETE', `/devices/${person.device.id}`),
    async ({ person }: Signer) => operator.post(`/credentials/${person.credentialID}/suspend`),
    async ({ person }: Signer) => operator.post(`/credentials/${person.credentialID}/revoke`, {})
  ]) {
    const one = await signer()
    const { csc, credentialID } = one
    const { sad } = await session(one)
    const present = (await csc.extend(credentialID, sad, digests(1))).body.SAD
    const { status } = await end(one)
    t.ok(status < 300, `the operator hears ${status}`)
    t.not((await csc.signHash(credentialID, present, digests(1))).status, 200)
    for (const one of [sad, present]) t.not((await csc.extend(credentialID, one, digests(1))).status, 200)
    if ((await operator.post(`/credentials/${one.person.credentialID}/resume`)).status < 300)
      t.not((await csc.extend(credentialID, sad, digests(1))).status, 200, 'resuming does not bring it back')
  }
})

t.test('whoever can write SQL makes no session', async (t) => {
  const one = await signer()
  const { csc, credentialID, person } = one
  // Another session's pointer, and more signatures than were confirmed.
  const victim = await signer()
  const theirs = await session(victim)
  const { sad } = await session(one, { numSignatures: 1 })
  await database.query(
    `update signing_sessions s set activation_id = v.activation_id from signing_sessions v
      where s.credential_id = $1 and v.credential_id = $2`,
    [person.credentialID, victim.person.credentialID]
  )
  t.match(seen(await csc.extend(credentialID, sad, digests(1))), refused(400, '30000'), 'another’s session')
  t.equal((await signsNext(victim, theirs.sad, digests(1))).signed?.status, 200)

  const unasked = await signer()
  const forged = await approved(unasked, digests(1))
  const asking = unasked.csc.register(unasked.credentialID, forged, 3600)
  await challengeOf(unasked.person)
  await database.query(
    "update activations set status = 'confirmed', confirmed_at = $2 where kind = 'session' and subscriber_id = $1",
    [unasked.person.id, world.clock.now()]
  )
  t.match(seen(await asking), refused(500, '50000'), 'confirmed by nobody')
  t.match(seen(await unasked.csc.extend(unasked.credentialID, forged, digests(1))), refused(500, '50000'))

  const fresh = await signer()
  const own = await session(fresh, { numSignatures: 1 })
  const present = (await fresh.csc.extend(fresh.credentialID, own.sad, digests(1))).body.SAD
  await database.query(
    `update activations set num_signatures = 3, occurrences = b'000'
      where kind = 'session' and subscriber_id = $1`,
    [fresh.person.id]
  )
  t.match(seen(await fresh.csc.signHash(fresh.credentialID, present, digests(2))), refused(500, '50000'))
  t.match(seen(await fresh.csc.extend(fresh.credentialID, own.sad, digests(2))), refused(500, '50000'))
  await world.restart()
  t.match(
    seen(await fresh.csc.extend(fresh.credentialID, own.sad, digests(2))),
    refused(500, '50000'),
    'nor after a start'
  )
  await database.query(
    `update activations set num_signatures = 1, occurrences = b'0'
      where kind = 'session' and subscriber_id = $1`,
    [fresh.person.id]
  )
  t.equal((await signsNext(fresh, own.sad, digests(1))).signed?.status, 200, 'as it was confirmed it signs')
  const before = await audited()
  t.notMatch(before.said, /only 1 signatures were confirmed/)
  await database.query(
    `update activations set status = 'confirmed', ended_at = null, occurrences = b'0'
      where kind = 'session' and subscriber_id = $1`,
    [fresh.person.id]
  )
  t.equal((await signsNext(fresh, own.sad, digests(1))).signed?.status, 200, 'a row that was put back')
  const after = await audited()
  t.equal(after.code, 1)
  t.match(after.said, /only 1 signatures were confirmed/, 'is found in the audit')
})
