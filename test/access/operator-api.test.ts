import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pino } from 'pino'
import t from 'tap'
import { v7 } from 'uuid'
import { readConfig } from '../../src/config.js'
import { mayCall } from '../../src/operator/roles.js'
import { startServer } from '../../src/server.js'
import { createOutbox } from '../../src/simulation/outbox.js'
import { openCommandDatabase } from '../../src/store/command-database.js'
import { createIdempotencyKeys } from '../../src/store/idempotency.js'
import { createOutboxStore } from '../../src/store/outbox.js'

const log = pino({ level: 'silent' })
const command = join(import.meta.dirname, '../../src/commands/operator-create.js')

/** The command `operator:create`, as a process of its own. */
async function operatorCreate(place: string | NodeJS.ProcessEnv, ...args: string[]) {
  const settings = typeof place === 'string' ? { DATA_DIR: place } : place
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...settings }
  const run = promisify(execFile)(process.execPath, [command, ...args], { env, timeout: 60_000 })
  return run.then(
    ({ stdout, stderr }) => ({ status: 0, out: stdout.trim(), err: stderr.trim() }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      status: error.code,
      out: error.stdout.trim(),
      err: error.stderr.trim()
    })
  )
}

const folder = await mkdtemp(join(tmpdir(), 'kyso-operators-'))
t.teardown(() => rm(folder, { recursive: true, force: true }))
const dataDir = join(folder, 'data')
await mkdir(dataDir, { mode: 0o700 })

const beforeTheServer = await operatorCreate(dataDir, '--role', 'auditor', '--name', 'Early')

let at = new Date()
const config = readConfig({
  DATA_DIR: dataDir,
  PORT: '0',
  SEED: 'none',
  SIGNING_WORKERS: '1',
  LOG_LEVEL: 'silent'
})
const server = await startServer(config, { now: () => at, log })
t.teardown(() => server.close())
const store = await openCommandDatabase({ dataDir }, { log, now: () => at })
t.teardown(() => store.close())

const whileItRuns = await operatorCreate(dataDir, '--role', 'administrator', '--name', 'Lan')
const admin = whileItRuns.out

interface Reply {
  status: number
  headers: Headers
  body: Record<string, unknown>
}

async function call(
  key: string | null,
  method: string,
  path: string,
  body?: unknown,
  idempotencyKey?: string
): Promise<Reply> {
  const response = await fetch(`${server.url}/operator${path}`, {
    method,
    headers: {
      ...(key !== null && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey })
    },
    ...(body !== undefined && { body: JSON.stringify(body) })
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) }
}
const items = ({ body }: Reply) => body.items as Record<string, unknown>[]
const portal = { provider: 'vnpt', name: 'Kế toán Sao Mai', redirectUris: ['https://ketoan.example.vn/xong'] }

async function events(type: string): Promise<{ actor: string; about: Record<string, unknown> }[]> {
  const { rows } = await store.database.query<{ actor: string; about: Record<string, unknown> }>({
    text: 'select actor, about from audit_events where type = $1 order by at, chain, seq',
    values: [type]
  })
  return rows
}

t.test('operator:create', async (t) => {
  await t.test('prints the key alone, whether or not the server runs', async (t) => {
    for (const made of [beforeTheServer, whileItRuns]) {
      t.match(made, { status: 0, out: /^kyso_op_[A-Za-z0-9_-]{43}$/, err: /not shown again/ })
      t.equal((await call(made.out, 'GET', '/providers')).status, 200)
    }
  })
  await t.test('is audited on a chain that the server names', async (t) => {
    const { body } = await call(admin, 'GET', '/audit?limit=200')
    const all = body.items as { chain: string; type: string; actor: string; about: Record<string, unknown> }[]
    const made = all.filter(({ type }) => type === 'operator.created')
    t.same(
      made.map(({ about }) => [about.role, about.name]),
      [
        ['auditor', 'Early'],
        ['administrator', 'Lan']
      ]
    )
    const starts = all.filter(({ type }) => type === 'chain.started')
    const named = JSON.stringify(starts.find(({ about }) => about.command === undefined)?.about)
    t.match(named, made[0]?.chain, 'the chain of the command that ran before')
  })
  await t.test('leaves nobody in doubt that another HSM makes no operator of this server', async (t) => {
    const password = (await readFile(join(dataDir, 'postgres-password'), 'utf8')).trim()
    const elsewhere = {
      DATA_DIR: join(folder, 'elsewhere'),
      DATABASE_URL: `postgres://kyso:${password}@localhost/kyso?host=${encodeURIComponent(dataDir)}`
    }
    const made = await operatorCreate(elsewhere, '--role', 'administrator', '--name', 'Lost')
    t.match(made, { status: 0, err: /^Warning: no operator in this database carries a seal of this HSM/ })
    t.match(await call(made.out, 'GET', '/providers'), { status: 500, body: { code: 'integrity_broken' } })
    await store.database.query({ text: "delete from operators where name = 'Lost'" })
    const lent = { ...elsewhere, DATA_DIR: dataDir }
    const { out, err } = await operatorCreate(lent, '--role', 'auditor', '--name', 'Found')
    t.notMatch(err, /Warning/)
    t.equal((await call(out, 'GET', '/providers')).status, 200)
  })
  await t.test('says why the HSM cannot be used', async (t) => {
    const wrongPin = { DATA_DIR: dataDir, PKCS11_PIN: '00000000' }
    t.match(await operatorCreate(wrongPin, '--role', 'auditor', '--name', 'x'), {
      status: 2,
      out: '',
      err: 'The HSM does not answer: the token refuses the PIN.'
    })
  })
  await t.test('says what is wrong with its arguments', async (t) => {
    t.match(await operatorCreate(dataDir, '--role', 'king', '--name', 'x'), {
      status: 2,
      out: '',
      err: /--role must/
    })
    t.match(await operatorCreate(dataDir, '--role', 'auditor'), {
      status: 2,
      out: '',
      err: /--name is missing/
    })
    t.match(await operatorCreate(dataDir, '--help'), { status: 0, out: /operator:create/ })
  })
})

t.test('nobody passes without a key', async (t) => {
  const before = (await events('operator.refused')).length
  for (const key of [null, 'wrong', `${admin}x`]) {
    for (const path of ['/audit', '/providers', '/keys']) {
      const reply = await call(key, 'GET', path)
      t.equal(reply.status, 401, path)
      t.match(reply.headers.get('www-authenticate'), /^Bearer/)
      t.match(reply.headers.get('content-type'), /^application\/problem\+json/)
      t.equal(reply.body.code, key === null ? 'authentication_required' : 'authentication_failed')
    }
  }
  t.equal((await events('operator.refused')).length - before, 9)
})

t.test('roles', async (t) => {
  const keyOf = async (role: string) =>
    String((await call(admin, 'POST', '/keys', { name: role, role })).body.key)
  const registrar = await keyOf('registrar')
  const auditor = await keyOf('auditor')

  await t.test(
    'a registrar keeps subscribers, credentials, devices and codes; an auditor reads everything',
    (t) => {
      const registrars = ['subscribers', 'credentials', 'devices', 'activation-codes'] as const
      for (const area of registrars) {
        t.ok(mayCall('registrar', 'GET', area) && mayCall('registrar', 'POST', area))
        t.ok(mayCall('auditor', 'GET', area) && !mayCall('auditor', 'POST', area))
      }
      for (const area of ['relying-parties', 'operator-keys', 'activations', 'audit'] as const) {
        t.notOk(mayCall('registrar', 'GET', area))
        t.ok(mayCall('auditor', 'HEAD', area))
        for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
          t.notOk(mayCall('registrar', method, area) || mayCall('auditor', method, area))
          t.ok(mayCall('administrator', method, area))
        }
      }
      t.ok(mayCall('registrar', 'GET', 'providers'))
      t.end()
    }
  )
  await t.test('are held over HTTP, and every refusal is audited', async (t) => {
    const attempts: [string, string, string, unknown?][] = [
      [registrar, 'GET', '/audit'],
      [registrar, 'GET', '/keys'],
      [registrar, 'GET', '/relying-parties'],
      [registrar, 'GET', '/activations'],
      [registrar, 'POST', '/relying-parties', portal],
      [registrar, 'POST', '/keys', { name: 'me', role: 'administrator' }],
      [auditor, 'POST', '/keys', { name: 'me', role: 'administrator' }],
      [auditor, 'POST', '/relying-parties', portal],
      [auditor, 'POST', '/subscribers', { provider: 'vnpt' }],
      [auditor, 'DELETE', '/devices/x']
    ]
    const before = (await events('operator.refused')).length
    for (const [key, method, path, body] of attempts) {
      const reply = await call(key, method, path, body)
      t.match(reply, { status: 403, body: { code: 'permission_denied' } }, `${method} ${path}`)
    }
    const refused = (await events('operator.refused')).slice(before)
    t.equal(refused.length, attempts.length)
    t.match(refused[0], { actor: /^operator:/, about: { role: 'registrar', call: 'GET /operator/audit' } })
    for (const path of [
      '/audit',
      '/keys',
      '/relying-parties',
      '/activations',
      '/providers',
      '/subscribers'
    ]) {
      t.equal((await call(auditor, 'GET', path)).status, 200, path)
    }
  })
  await t.test('the last administrator stays', async (t) => {
    const { body } = await call(admin, 'GET', '/keys')
    const own = (body.items as { id: string; role: string }[]).find(({ role }) => role === 'administrator')
    t.match(await call(admin, 'DELETE', `/keys/${own?.id}`), {
      status: 409,
      body: { code: 'state_conflict' }
    })
  })
  await t.test('a removed operator is out', async (t) => {
    const { body } = await call(admin, 'GET', '/keys')
    const listed = body.items as { id: string; name: string }[]
    const id = listed.find(({ name }) => name === 'registrar')?.id
    t.equal((await call(registrar, 'GET', '/providers')).status, 200)
    t.equal((await call(admin, 'DELETE', `/keys/${id}`)).status, 204)
    t.equal((await call(registrar, 'GET', '/providers')).status, 401)
    t.notMatch(JSON.stringify(listed), /kyso_op_/, 'and no list shows a key')
  })
})

t.test('whoever writes an operator with SQL gets nowhere, and is seen', async (t) => {
  const forged = `insert into operators (id, name, role, key_sha256, demo, created_at, created_by, version, seal)
                  select $1, name, role, sha256($2), demo, $3::timestamptz, created_by, version, seal
                    from operators where name = 'Lan' and id not like '%-forged'`
  for (const [id, at] of [
    ['1-forged', 'infinity'],
    ['2-forged', '-infinity'],
    ['3-forged', '294276-01-01'],
    ['4-forged', 'now']
  ]) {
    await store.database.query({ text: forged, values: [id, Buffer.from(`key-${id}`), at] })
    t.match(await call(`key-${id}`, 'GET', '/keys'), { status: 500, body: { code: 'integrity_broken' } })
    t.match((await events('integrity.broken')).at(-1), { about: { table: 'operators', id } })
    t.match(await call(admin, 'DELETE', `/keys/${id}`), { status: 500, body: { code: 'integrity_broken' } })
  }
  const keys = items(await call(admin, 'GET', '/keys?limit=200'))
  const broken = keys.filter(({ integrity }) => integrity === 'broken').map(({ id }) => id)
  t.same(broken, ['1-forged', '2-forged', '3-forged', '4-forged'])
  t.ok(keys.some(({ name, integrity }) => name === 'Lan' && integrity === 'intact'))
  await store.database.query({ text: "delete from operators where id like '%-forged'" })
})

t.test('relying parties', async (t) => {
  const created = await call(admin, 'POST', '/relying-parties', portal)
  const path = `/relying-parties/vnpt/${created.body.clientId}`

  await t.test('are registered with a secret that is shown once', async (t) => {
    t.match(created, {
      status: 201,
      body: { ...portal, mode: 'strict', callbackUrls: [], callbackAuthUrl: null, demo: false }
    })
    t.match(created.body.clientSecret, /^[A-Za-z0-9_-]{43}$/)
    const read = await call(admin, 'GET', path)
    const { clientSecret: _, ...rest } = created.body
    t.same(read.body, rest)
  })
  await t.test('are listed in pages', async (t) => {
    for (const provider of ['viettel', 'misa'])
      await call(admin, 'POST', '/relying-parties', { ...portal, provider })
    const seen: unknown[] = []
    let cursor: unknown = null
    do {
      const page = await call(
        admin,
        'GET',
        `/relying-parties?limit=1${cursor === null ? '' : `&cursor=${cursor}`}`
      )
      t.equal(items(page).length, 1)
      seen.push(...items(page).map(({ provider }) => provider))
      cursor = page.body.nextCursor
    } while (cursor !== null)
    t.same(seen, ['misa', 'viettel', 'vnpt'])
    t.equal(items(await call(admin, 'GET', '/relying-parties?provider=misa')).length, 1)
    for (const query of ['cursor=x', 'limit=0', 'limit=x', 'limit=201']) {
      t.equal((await call(admin, 'GET', `/relying-parties?${query}`)).status, 400, query)
    }
  })
  await t.test('are changed: absent stays, null clears', async (t) => {
    await call(admin, 'PATCH', path, { callbackAuthUrl: 'https://a.example/t' })
    const reply = await call(admin, 'PATCH', path, { callbackAuthUrl: null, name: 'Khác' })
    t.match(reply, {
      status: 200,
      body: { name: 'Khác', callbackAuthUrl: null, redirectUris: portal.redirectUris }
    })
    t.match(await call(admin, 'PATCH', path, { redirectUris: ['http://a.example/'] }), {
      status: 400,
      body: { code: 'request_invalid', field: 'redirectUris' }
    })
    t.match(await call(admin, 'PATCH', path, { mode: 'loose' }), { status: 400, body: { field: 'mode' } })
  })
  await t.test(
    'show a secret that was made for callbackAuthUrl once, and one that was given never',
    async (t) => {
      const callbackAuthUrl = 'https://a.example/token'
      const made = await call(
        admin,
        'POST',
        '/relying-parties',
        { ...portal, callbackAuthUrl },
        'auth-secret'
      )
      t.match(made.body.callbackAuthSecret, /^[A-Za-z0-9_-]{43}$/)
      const again = await call(
        admin,
        'POST',
        '/relying-parties',
        { ...portal, callbackAuthUrl },
        'auth-secret'
      )
      t.equal(again.status, 201)
      t.notMatch(again.body, { callbackAuthSecret: /./ })
      const own = `/relying-parties/vnpt/${made.body.clientId}`
      const given = await call(admin, 'PATCH', own, { callbackAuthSecret: 'của cổng' })
      t.equal(given.status, 200)
      const next = await call(admin, 'PATCH', own, { callbackAuthUrl: 'https://b.example/token' })
      t.match(next.body.callbackAuthSecret, /^[A-Za-z0-9_-]{43}$/)
      for (const { body } of [given, await call(admin, 'GET', own)]) t.notOk('callbackAuthSecret' in body)
      for (const callbackAuthSecret of ['', 'x'.repeat(257), 7]) {
        t.match(await call(admin, 'PATCH', own, { callbackAuthSecret }), {
          status: 400,
          body: { code: 'request_invalid', field: 'callbackAuthSecret' }
        })
      }
      t.equal((await call(admin, 'DELETE', own)).status, 204)
    }
  )
  await t.test('get a new secret, and can be removed', async (t) => {
    const fresh = await call(admin, 'POST', `${path}/secret`)
    t.equal(fresh.status, 201)
    t.not(fresh.body.clientSecret, created.body.clientSecret)
    t.equal((await call(admin, 'DELETE', path)).status, 204)
    for (const method of ['GET', 'DELETE']) t.equal((await call(admin, method, path)).status, 404)
    t.equal((await call(admin, 'POST', `${path}/secret`)).status, 404)
    t.match((await events('relying-party.removed')).at(-1), { actor: /^operator:/ })
  })
  await t.test('unknown providers and those that are not served are refused', async (t) => {
    for (const provider of ['bcy', 'nobody']) {
      const reply = await call(admin, 'POST', '/relying-parties', { ...portal, provider })
      t.match(reply, { status: 400, body: { code: 'request_invalid', field: 'provider' } })
    }
  })
})

t.test('Idempotency-Key', async (t) => {
  await t.test('the same request is done once and answered the same, without its secret', async (t) => {
    const first = await call(admin, 'POST', '/relying-parties', portal, 'a')
    const again = await call(admin, 'POST', '/relying-parties', portal, 'a')
    t.equal(again.status, 201)
    const { clientSecret, ...rest } = first.body
    t.type(clientSecret, 'string')
    t.same(again.body, rest)
    t.equal(again.headers.get('idempotent-replayed'), 'true')
    t.notMatch(JSON.stringify(await kept()), String(clientSecret))
  })
  await t.test('refusals are answered the same too', async (t) => {
    const path = '/relying-parties/vnpt/nobody/secret'
    const first = await call(admin, 'POST', path, undefined, 'b')
    const again = await call(admin, 'POST', path, undefined, 'b')
    t.match(again, { status: 404, body: { code: 'not_found' } })
    t.same(again.body, first.body)
    t.match(again.headers.get('content-type'), /^application\/problem\+json/)
  })
  await t.test('a refusal keeps its code where the answer would show a code once', async (t) => {
    const path = '/subscribers/nobody/activation-codes'
    const first = await call(admin, 'POST', path, undefined, 'refused code')
    t.match(first, { status: 404, body: { code: 'not_found' } })
    t.same((await call(admin, 'POST', path, undefined, 'refused code')).body, first.body)
  })
  await t.test('of a crowd with one key exactly one does the work', async (t) => {
    const name = 'Một lần'
    const replies = await Promise.all(
      Array.from({ length: 12 }, () => call(admin, 'POST', '/relying-parties', { ...portal, name }, 'c'))
    )
    t.ok(replies.every(({ status }) => status === 201 || status === 409))
    t.equal(replies.filter(({ body }) => body.clientSecret !== undefined).length, 1)
    const listed = items(await call(admin, 'GET', '/relying-parties?limit=200'))
    t.equal(listed.filter((one) => one.name === name).length, 1)
  })
  await t.test('another request with it is refused', async (t) => {
    const reply = await call(admin, 'POST', '/relying-parties', { ...portal, name: 'Khác' }, 'a')
    t.match(reply, { status: 409, body: { code: 'idempotency_conflict' } })
    t.equal((await call(admin, 'POST', '/keys', { name: 'x', role: 'auditor' }, 'a')).status, 409)
  })
  await t.test('of another operator is another key', async (t) => {
    const other = await call(admin, 'POST', '/keys', { name: 'Hoa', role: 'administrator' })
    const reply = await call(String(other.body.key), 'POST', '/relying-parties', portal, 'a')
    t.equal(reply.status, 201)
    t.type(reply.body.clientSecret, 'string')
  })
  await t.test('a malformed request does not use it up, a malformed one is refused', async (t) => {
    t.equal((await call(admin, 'POST', '/relying-parties', {}, 'd')).status, 400)
    t.equal((await call(admin, 'POST', '/relying-parties', portal, 'd')).status, 201)
    t.match(await call(admin, 'POST', '/relying-parties', portal, 'x'.repeat(256)), {
      status: 400,
      body: { field: 'idempotency-key' }
    })
  })
  await t.test('a first use that died is taken over after 60 s, an answer is kept for 24 h', async (t) => {
    const keys = createIdempotencyKeys(store.database)
    const use = { operatorId: 'o', key: 'k', requestMac: Buffer.from('request') }
    const start = await keys.start(use, at)
    t.match(start, { state: 'first' })
    at = new Date(at.getTime() + 59_999)
    t.match(await keys.start(use, at), { state: 'running' })
    at = new Date(at.getTime() + 1)
    t.match(await keys.start({ ...use, requestMac: Buffer.from('other') }, at), { state: 'other' })
    const takeovers = await Promise.all([keys.start(use, at), keys.start(use, at)])
    t.same(takeovers.map(({ state }) => state).sort(), ['first', 'running'])
    if (start.state === 'first') await keys.finish(use, start.startedAt, { status: 200, body: 'too late' })
    t.match(
      await keys.start(use, at),
      { state: 'running' },
      'the one that was given up says nothing any more'
    )
    await keys.finish(use, at, { status: 201, body: { ok: true } })
    t.same(await keys.start(use, at), { state: 'done', status: 201, body: { ok: true } })
    at = new Date(at.getTime() + 86_400_000)
    t.match(await keys.start({ ...use, requestMac: Buffer.from('other') }, at), { state: 'first' })
    at = new Date(at.getTime() + 86_400_000)
    t.ok((await keys.purge(at)) > 0)
    t.same(await kept(), [])
  })
})

t.test('the audit is listed so that it can be checked elsewhere', async (t) => {
  const all: Record<string, unknown>[] = []
  let cursor = ''
  for (;;) {
    const page = await call(admin, 'GET', `/audit?limit=7${cursor}`)
    all.push(...items(page))
    if (page.body.nextCursor === null) break
    cursor = `&cursor=${page.body.nextCursor}`
  }
  const { rows } = await store.database.query<{ count: number }>({
    text: 'select count(*)::integer as count from audit_events'
  })
  t.equal(all.length, rows[0]?.count)
  t.same(Object.keys(all[0] ?? {}), ['chain', 'seq', 'at', 'type', 'actor', 'about', 'previousHash', 'hash'])
  for (const event of all) {
    const previous = all.find(({ chain, seq }) => chain === event.chain && seq === Number(event.seq) - 1)
    if (event.seq !== 1) t.equal(event.previousHash, previous?.hash)
  }
  const forgeries = [
    ['yesterday', 'x', '1; drop'],
    ['2026-99-99T00:00:00.000Z', 'x', '1'],
    ['2026-02-30T00:00:00.000Z', 'x', '1'],
    ['0000-01-01T00:00:00.000Z', 'x', '1'],
    ['2026-01-01T00:00:00.000Z', 'x\0', '1']
  ]
  for (const forgery of forgeries) {
    const cursor = Buffer.from(JSON.stringify(forgery)).toString('base64url')
    t.match(
      await call(admin, 'GET', `/audit?cursor=${cursor}`),
      { status: 400, body: { code: 'request_invalid', field: 'cursor' } },
      forgery.join(' ')
    )
  }
})

t.test('activations are listed with what came of them, latest first', async (t) => {
  const base = Date.parse('2026-03-01T08:00:00Z')
  const insert = (id: string, provider: string, status: string, occurrences: string) =>
    store.database.query({
      text: `
        insert into activations (id, provider, client_id, subscriber_id, credential_id, kind, status,
          relying_party_name, hash_algorithm_oid, num_signatures, digests, document_names, description, nonce,
          created_at, expires_at, ended_at, ended_reason, occurrences)
        values ($1, $2, 'client', 'person', 'credential', 'digests', $3, 'Cổng', '2.16.840.1.101.3.4.2.1', 2, $4,
          '{to-khai.pdf,phu-luc.pdf}', 'Ký tờ khai', 'n', $5, $6, $6, null, $7)`,
      values: [
        id,
        provider,
        status,
        Buffer.alloc(64, 7),
        new Date(base),
        new Date(base + 60_000),
        occurrences
      ]
    })
  const made = [1, 2, 3, 4].map((seq) => v7({ msecs: base, seq, random: Buffer.alloc(16, 7) }))
  const [first = '', second = '', third = '', fourth = ''] = made
  const reservation = v7({ msecs: base + 5_000 })
  for (const id of [first, second, third]) await insert(id, 'vnpt', 'spent', '11')
  await insert(fourth, 'misa', 'rejected', '00')
  await store.database.query({
    text: `insert into reservations (id, activation_id, credential_id, credential_version, server_id, positions, scheme, reserved_at,
             outcome, finished_at, signatures, detail)
           values ($3, $4, 'credential', 1, 's', '{0,1}', 'pkcs1/SHA-256', $1, 'partly', $1, $2, 'busy')`,
    values: [new Date(base + 5_000), [Buffer.from('sig'), null], reservation, third]
  })
  await store.database.query({
    text: `insert into confirmations (activation_id, device_id, token, confirmed_at) values ($2, 'd-1', 'x.y.z', $1)`,
    values: [new Date(base + 4_000), third]
  })
  const page = await call(admin, 'GET', '/activations?provider=vnpt&limit=2')
  t.same(
    items(page).map(({ id }) => id),
    [third, second]
  )
  const next = await call(admin, 'GET', `/activations?provider=vnpt&cursor=${page.body.nextCursor}`)
  t.same([items(next).map(({ id }) => id), next.body.nextCursor], [[first], null])
  t.match(items(page)[0], {
    provider: 'vnpt',
    clientId: 'client',
    relyingParty: 'Cổng',
    credentialID: 'credential',
    status: 'spent',
    documents: [
      { name: 'to-khai.pdf', digest: Buffer.alloc(32, 7).toString('base64'), reserved: true },
      { name: 'phu-luc.pdf', reserved: true }
    ],
    createdAt: '2026-03-01T08:00:00.000Z',
    confirmedBy: 'd-1',
    reservations: [{ id: reservation, positions: [0, 1], outcome: 'partly', signatures: 1, detail: 'busy' }]
  })
  t.same(
    items(await call(admin, 'GET', '/activations?status=rejected')).map(({ id }) => id),
    [fourth]
  )
  t.same(items(await call(admin, 'GET', '/activations?subscriberId=nobody')), [])
  t.equal((await call(admin, 'GET', '/activations?status=lost')).status, 400)
})

t.test('a value with U+0000 is refused wherever it stands', async (t) => {
  const attempts = [
    call(admin, 'GET', '/activations?clientId=%00'),
    ...['/keys', '/activations'].map((path) =>
      call(admin, 'GET', `${path}?cursor=${Buffer.from('["a\\u0000"]').toString('base64url')}`)
    ),
    call(admin, 'DELETE', '/keys/a%00b'),
    call(admin, 'POST', '/keys', { name: 'a\u0000b', role: 'auditor' })
  ]
  for (const reply of await Promise.all(attempts)) {
    t.match(reply, { status: 400, body: { code: 'request_invalid' } })
  }
})

t.test('providers are listed with those that are not served', async (t) => {
  const listed = items(await call(admin, 'GET', '/providers'))
  t.same(
    listed.map(({ id, served }) => [id, served]),
    [
      ['viettel', true],
      ['vnpt', true],
      ['misa', true],
      ['nacencomm', true],
      ['bcy', false]
    ]
  )
  t.match(listed.at(-1)?.reason, { vi: /Ban Cơ yếu/, en: /not served/ })
})

t.test('subscribers who log in', async (t) => {
  const key = async (role: string) =>
    String((await call(admin, 'POST', '/keys', { name: `A ${role}`, role })).body.key)
  const [registrar, auditor] = [await key('registrar'), await key('auditor')]
  const person = { provider: 'misa', login: 'lan', fullName: 'Lê Lan', nationalId: '051079004321' }
  const made = await call(registrar, 'POST', '/subscribers', person)
  t.match(made, { status: 201, body: { secondFactor: 'none' } })
  const path = `/subscribers/${made.body.id}`

  await t.test('may be asked for a code as well', async (t) => {
    t.equal((await call(registrar, 'PATCH', path, { secondFactor: 'sms' })).status, 400)
    t.equal((await call(registrar, 'PATCH', path, { secondFactor: null })).status, 400)
    t.match(await call(registrar, 'PATCH', path, { secondFactor: 'code' }), {
      status: 200,
      body: { secondFactor: 'code' }
    })
    t.match(await call(registrar, 'PATCH', path, { title: 'Kế toán' }), { body: { secondFactor: 'code' } })
    const another = { ...person, login: 'mai', secondFactor: 'code' }
    t.match(await call(registrar, 'POST', '/subscribers', another), {
      status: 201,
      body: { secondFactor: 'code' }
    })
  })

  await t.test('are unlocked by those who keep them', async (t) => {
    t.equal((await call(auditor, 'POST', `${path}/unlock`)).status, 403)
    t.equal((await call(registrar, 'POST', '/subscribers/nobody/unlock')).status, 404)
    t.equal((await call(registrar, 'POST', `${path}/unlock`)).status, 204)
    t.match(await events('subscriber.unlocked'), [
      {
        actor: /^operator:/,
        about: { subscriberId: made.body.id, provider: 'misa', login: 'lan', locked: 0 }
      }
    ])
  })

  await t.test('have their messages kept for a day, latest first', async (t) => {
    const outbox = createOutbox({ store: createOutboxStore(store.database), now: () => at })
    const to = { provider: 'misa', subscriberId: String(made.body.id), address: '0912 345 678' }
    for (const text of ['111111 là mã', '222222 là mã', '333333 là mã']) {
      at = new Date(at.getTime() + 1)
      await outbox.send({ ...to, channel: 'sms', text })
    }
    const first = await call(auditor, 'GET', `${path}/messages?limit=2`)
    t.match(items(first), [
      { text: '333333 là mã', channel: 'sms', address: '0912 345 678', sentAt: at.toISOString() },
      { text: '222222 là mã' }
    ])
    const next = await call(auditor, 'GET', `${path}/messages?limit=2&cursor=${first.body.nextCursor}`)
    t.match(next, { body: { items: [{ text: '111111 là mã' }], nextCursor: null } })
    t.equal((await call(auditor, 'GET', '/subscribers/nobody/messages')).status, 404)
    at = new Date(at.getTime() + 24 * 3_600_000)
    t.same(items(await call(auditor, 'GET', `${path}/messages`)), [])
    await outbox.purge()
    const left = await store.database.query({ text: 'select id from outbox' })
    t.equal(left.rows.length, 0)
  })
})

async function kept(): Promise<unknown[]> {
  const { rows } = await store.database.query({ text: 'select key, status, body from idempotency_keys' })
  return rows
}
