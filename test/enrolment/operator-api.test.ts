import { X509Certificate } from 'node:crypto'
import pg from 'pg'
import t from 'tap'
import { Device } from '../clients/device.js'
import { Operator } from '../clients/operator.js'
import { Portal } from '../clients/portal.js'
import { startWorld } from '../world.js'

t.setTimeout(300_000)
const world = await startWorld(t)
const { url } = world
const admin = new Operator({ url })

interface CredentialReply {
  credentialID: string
  status: string
  serialNumber: string
  subject: string
  issuer: string
  notBefore: string
  notAfter: string
  certificatePem: string
  chainPem: string
}
interface CodeReply {
  id: string
  code?: string
  expiresAt: string
  consent: string
}
interface Listed {
  id: string
  login: string
  credentials: { credentialID: string; status: string }[]
  devices: { deviceId: string; virtual: boolean }[]
}

const hang = {
  provider: 'vnpt',
  login: '024087000123',
  password: 'correct horse',
  fullName: 'Đỗ Thị Hằng',
  nationalId: '024087000123',
  title: 'Kế toán trưởng',
  organisation: { name: 'Trường THCS Sông Lô', budgetUnitCode: '1001163' },
  email: 'hang.do@example.vn'
}

async function key(role: string): Promise<Operator> {
  const { body } = await admin.post<{ key: string }>('/keys', { name: `A ${role}`, role })
  return new Operator({ url, key: body.key })
}

async function person(login: string): Promise<string> {
  const { body } = await admin.post<{ id: string }>('/subscribers', { ...hang, login })
  return body.id
}

t.test('a subscriber is enrolled, found and changed', async (t) => {
  const made = await admin.post<Listed>('/subscribers', hang)
  t.equal(made.status, 201)
  const { password, ...known } = hang
  t.match(made.body, { ...known, phone: null, locality: null, demo: false, createdAt: /^\d{4}-.*Z$/ })
  t.notOk(JSON.stringify(made.body).includes(password))

  const again = await admin.post('/subscribers', hang)
  t.match(again, { status: 409, body: { code: 'login_taken', field: 'login' } })
  t.match(again.headers.get('content-type'), 'application/problem+json')

  const found = await admin.get<{ items: Listed[]; nextCursor: null }>(
    '/subscribers?provider=vnpt&query=đỗ%20thị'
  )
  t.match(found.body, { items: [{ id: made.body.id, credentials: [], devices: [] }], nextCursor: null })

  const changed = await admin.call('PATCH', `/subscribers/${made.body.id}`, {
    title: null,
    province: 'Hà Nội'
  })
  t.match(changed, { status: 200, body: { title: null, province: 'Hà Nội', fullName: hang.fullName } })
  t.match((await admin.get(`/subscribers/${made.body.id}`)).body, { province: 'Hà Nội', credentials: [] })
  t.equal((await admin.post(`/subscribers/${made.body.id}/password`, { password: 'x' })).status, 204)
})

t.test('subscribers are listed by pages, with what they have', async (t) => {
  const seen: Listed[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`
    const { status, body } = await admin.get<{ items: Listed[]; nextCursor: string | null }>(
      `/subscribers?limit=2${query}`
    )
    t.equal(status, 200)
    seen.push(...body.items)
    cursor = body.nextCursor
  }
  t.equal(seen.length, 5, 'four of the seed and one')
  t.equal(new Set(seen.map(({ id }) => id)).size, 5)
  const an = seen.find(({ login }) => login === 'CMT_0123456789')
  t.match(an, { credentials: [{ status: 'active' }, { status: 'active' }], devices: [{ virtual: true }] })
  t.equal((await admin.get('/subscribers?limit=0')).status, 400)
  t.equal((await admin.get('/subscribers?cursor=nonsense')).status, 400)
})

t.test('what is wrong with a subscriber is said', async (t) => {
  const wrong: [object, number, string][] = [
    [{ login: '' }, 400, 'login'],
    [{ login: 'x'.repeat(129) }, 400, 'login'],
    [{ login: 7 }, 400, 'login'],
    [{ fullName: 'Hằng\u202eA' }, 400, 'fullName'],
    [{ email: 'Hằng' }, 400, 'email'],
    [{ organisation: { name: 'A\u200b' } }, 400, 'organisation.name'],
    [{ provider: 'nobody' }, 400, 'provider'],
    [{ provider: 'bcy' }, 501, 'provider']
  ]
  for (const [change, status, field] of wrong) {
    t.match(await admin.post('/subscribers', { ...hang, login: 'other', ...change }), {
      status,
      body: { field }
    })
  }
  for (const id of ['nobody', 'x'.repeat(64)]) {
    t.equal((await admin.get(`/subscribers/${id}`)).status, 404)
    t.equal((await admin.call('PATCH', `/subscribers/${id}`, { title: 'x' })).status, 404)
    t.equal((await admin.post(`/subscribers/${id}/credentials`, { algorithm: 'P-256' })).status, 404)
    t.equal((await admin.post(`/subscribers/${id}/activation-codes`)).status, 404)
    t.equal((await admin.get(`/credentials/${id}`)).status, 404)
    t.equal((await admin.post(`/credentials/${id}/revoke`)).status, 404)
    t.equal((await admin.post(`/activation-codes/${id}/approve`)).status, 404)
    t.equal((await admin.call('DELETE', `/devices/${id}`)).status, 404)
  }
  t.equal((await admin.get('/subscribers/%00')).status, 400)
  const foreign = Buffer.from('["\\u0000"]').toString('base64url')
  for (const query of ['query=%00', 'provider=%00', `cursor=${foreign}`]) {
    t.equal((await admin.get(`/subscribers?${query}`)).status, 400, query)
  }
})

t.test('a credential goes through its life', async (t) => {
  const id = await person('life')
  const issued = await admin.post<CredentialReply>(`/subscribers/${id}/credentials`, {
    algorithm: 'RSA-2048'
  })
  t.equal(issued.status, 201)
  const { credentialID, certificatePem, chainPem, ...rest } = issued.body
  const leaf = new X509Certificate(certificatePem)
  const [issuer, root] = chainPem
    .split(/(?<=-----END CERTIFICATE-----\n)/)
    .map((pem) => new X509Certificate(pem))
  t.ok(issuer && root && leaf.verify(issuer.publicKey) && issuer.verify(root.publicKey))
  t.match(rest, {
    status: 'issued',
    serialNumber: leaf.serialNumber,
    subject: /CN=ĐỖ THỊ HẰNG/,
    issuer: /SIMULATED/,
    notBefore: new Date(leaf.validFrom).toISOString(),
    notAfter: /^\d{4}-.*Z$/
  })
  t.equal((Date.parse(rest.notAfter) - Date.parse(rest.notBefore)) / 86_400_000, 1095)

  const call = (name: string, body?: unknown) =>
    admin.call<CredentialReply & { detail: string }>('POST', `/credentials/${credentialID}/${name}`, body)
  const early = await call('suspend')
  t.equal(early.status, 409)
  t.match(early.body.detail, /issued.*suspended/)
  t.match(await call('publish'), { status: 200, body: { credentialID, status: 'active' } })
  t.match(await call('suspend', { reason: 'certificateHold' }), {
    status: 200,
    body: { status: 'suspended' }
  })
  t.match(await call('resume', {}), { status: 200, body: { status: 'active' } })
  t.match(await call('revoke', { reason: 'certificateHold' }), { status: 400, body: { field: 'reason' } })
  t.match(await call('revoke', { reason: 'lost' }), { status: 400, body: { field: 'reason' } })
  t.match(await call('revoke', { reason: 'superseded' }), {
    status: 200,
    body: { status: 'revoked', revocationReason: 'superseded' }
  })
  const late = await call('resume')
  t.equal(late.status, 409)
  t.match(late.body.detail, /revoked.*active/)
  t.match((await admin.get(`/credentials/${credentialID}`)).body, {
    credentialID,
    status: 'revoked',
    certificatePem
  })
})

t.test('a credential expires by the clock', async (t) => {
  const id = await person('brief')
  const terms = { algorithm: 'P-256', publish: true, validDays: 1, multisign: 7 }
  const { body } = await admin.post<CredentialReply>(`/subscribers/${id}/credentials`, terms)
  t.match(body, { status: 'active', multisign: 7 })
  world.clock.advance(86_400_000)
  t.equal((await admin.get<CredentialReply>(`/credentials/${body.credentialID}`)).body.status, 'expired')
  t.match(await admin.post(`/credentials/${body.credentialID}/suspend`), {
    status: 409,
    body: { detail: /expired/, state: 'expired' }
  })
})

t.test('what cannot be issued is said', async (t) => {
  const id = await person('modest')
  for (const [terms, status] of [
    [{ auth: 'none' }, 400],
    [{ auth: 'pin', pin: '123' }, 400],
    [{ auth: 'pin', pin: 'bốn số' }, 400],
    [{ auth: 'phone', pin: '1234' }, 400],
    [{ scal: '3' }, 400],
    [{ algorithm: 'RSA-1024' }, 400],
    [{ validDays: 1827 }, 400],
    [{ validDays: '30' }, 400],
    [{ multisign: 0 }, 400]
  ] as const) {
    t.equal(
      (await admin.post(`/subscribers/${id}/credentials`, { algorithm: 'P-256', ...terms })).status,
      status,
      JSON.stringify(terms)
    )
  }
})

t.test('a PIN that was made is shown once', async (t) => {
  const id = await person('pinned')
  const once = { 'idempotency-key': 'pin' }
  const terms = { algorithm: 'P-256', auth: 'pin', scal: '1' }
  const path = `/subscribers/${id}/credentials`
  const first = await admin.call<CredentialReply & { pin?: string }>('POST', path, terms, once)
  t.match(first, { status: 201, body: { auth: 'pin', scal: '1', pin: /^[0-9]{6}$/ } })
  const { pin: _, ...kept } = first.body
  t.same((await admin.call('POST', path, terms, once)).body, kept, 'not in a replay')
  t.notOk('pin' in (await admin.get(`/credentials/${first.body.credentialID}`)).body)
  t.notOk('pin' in (await admin.post(path, { ...terms, pin: '2468' })).body, 'nor where it was chosen')
})

t.test('a replay of a POST does it once and does not show the code again', async (t) => {
  const id = await person('twice')
  const again = { 'idempotency-key': 'one' }
  const path = `/subscribers/${id}/activation-codes`
  const first = await admin.call<CodeReply>('POST', path, {}, again)
  t.match(first, {
    status: 201,
    body: { code: /^[0-9A-HJKMNP-TV-Z]{16}$/, consent: 'not-needed', expiresAt: /Z$/ }
  })
  const second = await admin.call<CodeReply>('POST', path, {}, again)
  t.equal(second.status, 201)
  t.equal(second.body.id, first.body.id)
  t.equal(second.body.code, undefined)

  const issue = { algorithm: 'P-256' }
  const credentials = `/subscribers/${id}/credentials`
  const one = await admin.call<CredentialReply>('POST', credentials, issue, { 'idempotency-key': 'two' })
  const two = await admin.call<CredentialReply>('POST', credentials, issue, { 'idempotency-key': 'two' })
  t.same(two.body, one.body)
  t.equal((await admin.get<Listed>(`/subscribers/${id}`)).body.credentials.length, 1)
})

t.test('a device is enrolled, shown and removed; a further one needs a second operator', async (t) => {
  const id = await person('phones')
  const registrar = await key('registrar')
  const second = await key('registrar')
  const code = async () => (await registrar.post<CodeReply>(`/subscribers/${id}/activation-codes`)).body
  const device = new Device({ url, provider: 'vnpt', now: world.clock.now })
  t.match(await device.enrol((await code()).code ?? ''), { status: 201, body: { subscriber: { id } } })
  t.match(await admin.get(`/devices/${device.id}`), {
    status: 200,
    body: { deviceId: device.id, subscriberId: id, platform: 'test', publicKey: { x: device.publicJwk.x } }
  })

  const further = await code()
  t.equal(further.consent, 'waiting')
  const approve = (by: Operator) => by.post(`/activation-codes/${further.id}/approve`)
  t.match(await approve(registrar), { status: 403, body: { detail: /Another operator/ } })
  t.equal((await approve(await key('auditor'))).status, 403)
  t.equal((await approve(await key('registrar'))).status, 403, 'an operator who is younger than the code')
  t.match(await approve(second), { status: 200, body: { id: further.id, consent: 'given' } })
  const phone = new Device({ url, provider: 'vnpt', now: world.clock.now })
  t.equal((await phone.enrol(further.code ?? '')).status, 201)

  t.equal((await admin.call('DELETE', `/devices/${device.id}`)).status, 204)
  t.equal((await admin.call('DELETE', `/devices/${device.id}`)).status, 404)
  t.equal((await admin.get(`/devices/${device.id}`)).status, 404)
  t.match((await admin.get(`/subscribers/${id}`)).body, { devices: [{ deviceId: phone.id }] })
})

t.test('whoever exchanges two logins with SQL sends no portal to another person', async (t) => {
  const portal = new Portal({ url, provider: 'vnpt' })
  const people = await Promise.all(
    ['lan-1', 'lan-2'].map(async (login) => ({ login, id: await person(login) }))
  )
  for (const { login, id } of people) {
    await admin.post(`/subscribers/${id}/credentials`, { algorithm: 'P-256', publish: true })
    t.equal((await portal.credentials(login)).length, 1)
  }
  const sql = new pg.Client(world.connection)
  await sql.connect()
  t.teardown(() => sql.end())
  for (const [from, to] of [
    ['lan-1', 'aside'],
    ['lan-2', 'lan-1'],
    ['aside', 'lan-2']
  ])
    await sql.query('update subscribers set login = $2 where login = $1', [from, to])
  world.clock.advance(11_000)
  for (const { login, id } of people) {
    t.match(await portal.call('credentials/list', { userID: login }), {
      status: 500,
      body: { error: 'server_error', credentialIDs: undefined }
    })
    t.match(await admin.get(`/subscribers/${id}`), { status: 500, body: { code: 'integrity_broken' } })
  }
  const { body } = await admin.get<{ items: Listed[] }>('/subscribers?query=lan-')
  const shown = { integrity: 'broken', credentials: [], devices: [] }
  t.match(body.items, [shown, shown])
  const audited = await admin.get<{ items: { type: string; about: { id?: string } }[] }>('/audit?limit=200')
  for (const { id } of people) {
    t.ok(
      audited.body.items.some(({ type, about }) => type === 'integrity.broken' && about.id === id),
      'audited'
    )
  }
})

t.test('an auditor reads and changes nothing', async (t) => {
  const auditor = await key('auditor')
  const id = await person('audited')
  t.equal((await auditor.get(`/subscribers/${id}`)).status, 200)
  t.equal((await auditor.post('/subscribers', { ...hang, login: 'more' })).status, 403)
  t.equal((await auditor.post(`/subscribers/${id}/credentials`, { algorithm: 'P-256' })).status, 403)
  t.equal((await auditor.post(`/subscribers/${id}/activation-codes`)).status, 403)
})
