import { createHash } from 'node:crypto'
import t from 'tap'
import { callbackFor, mayCallBack, mayRedirectTo } from '../../src/access/addresses.js'
import { decryptCallbackSecret } from '../../src/access/callback-secret.js'
import { createPasswords } from '../../src/access/passwords.js'
import { by, refusal, startWorld, until } from './world.js'

const world = await startWorld(t)
const { first, second, sql, events } = world
const sha256 = (text: string) => createHash('sha256').update(text).digest()

const register = (over: object = {}) =>
  first.relyingParties.create({ provider: 'vnpt', name: 'Cổng kế toán', ...over }, by)
const grantOf = (clientId: string) => ({
  provider: 'vnpt',
  audience: 'csc/v2',
  clientId,
  subscriberId: null,
  scope: 'service'
})

t.test('a relying party proves itself by its secret', async (t) => {
  const { relyingParty, clientSecret } = await register()
  const { clientId } = relyingParty

  await t.test('which has 256 bits and is kept as SHA-256 only', async (t) => {
    t.match(clientSecret, /^[A-Za-z0-9_-]{43}$/)
    const { rows } = await sql('select row_to_json(p)::text as text from relying_parties p')
    t.notMatch(JSON.stringify(rows), clientSecret)
    t.match(JSON.stringify(rows), sha256(clientSecret).toString('hex'))
  })
  await t.test('on every server', async (t) => {
    t.same(await first.authenticateClient('vnpt', clientId, clientSecret), relyingParty)
    t.same(await second.authenticateClient('vnpt', clientId, clientSecret), relyingParty)
  })
  await t.test('and an unknown client, a wrong secret and another provider are refused alike', async (t) => {
    const attempts = [
      first.authenticateClient('vnpt', clientId, 'wrong'),
      first.authenticateClient('vnpt', 'nobody', clientSecret),
      first.authenticateClient('vnpt', '\u0000 nobody', clientSecret),
      first.authenticateClient('viettel', clientId, clientSecret),
      first.authenticateClient('bcy', clientId, clientSecret)
    ]
    const says = await Promise.allSettled(attempts)
    t.same(
      new Set(says.map((one) => one.status === 'rejected' && `${one.reason.code}: ${one.reason.says}`)).size,
      1
    )
    t.equal(await refusal(attempts[0] as Promise<unknown>), 'authentication_failed')
  })
  await t.test('each refusal is audited, a flood as one event a second', async (t) => {
    const before = await counted('client.refused')
    const tries = Array.from({ length: 60 }, (_, index) =>
      refusal(second.authenticateClient('viettel', `made-up-${index}`, 'guess'))
    )
    t.same(new Set(await Promise.all(tries)), new Set(['authentication_failed']))
    const after = await counted('client.refused')
    t.equal(after.refusals - before.refusals, 60)
    t.equal(after.rows - before.rows, 21, 'the first 20 by themselves, the others of the second together')
    t.notMatch(JSON.stringify(await events()), /made-up|guess/, 'a stranger writes nothing into the audit')
  })
  await t.test('until the secret is replaced, from then on by the new one', async (t) => {
    const { clientSecret: next } = await first.relyingParties.replaceSecret('vnpt', clientId, by)
    t.equal((await second.authenticateClient('vnpt', clientId, next)).clientId, clientId, 'at once')
    t.equal(await refusal(first.authenticateClient('vnpt', clientId, clientSecret)), 'authentication_failed')
    t.ok(
      await until(
        async () =>
          (await refusal(second.authenticateClient('vnpt', clientId, clientSecret))) !== 'not refused'
      )
    )
  })
  await t.test('until it is removed, and its name is not given out again', async (t) => {
    const made = await register()
    const { accessToken } = await first.issueToken(grantOf(made.relyingParty.clientId))
    await second.verifyToken('vnpt', 'csc/v2', accessToken)
    await first.relyingParties.remove('vnpt', made.relyingParty.clientId, by)
    t.equal(await first.relyingParty('vnpt', made.relyingParty.clientId), null)
    t.equal(await refusal(first.verifyToken('vnpt', 'csc/v2', accessToken)), 'token_expired')
    t.ok(
      await until(
        async () => (await refusal(second.verifyToken('vnpt', 'csc/v2', accessToken))) === 'token_expired'
      )
    )
    t.equal(await refusal(first.relyingParties.get('vnpt', made.relyingParty.clientId)), 'not_found')
    const again = { clientId: made.relyingParty.clientId, clientSecret: 'x' }
    t.equal(
      await refusal(first.relyingParties.create({ provider: 'vnpt', name: 'Again' }, by, again)),
      'state_conflict'
    )
  })
})

t.test('a relying party is changed as a whole', async (t) => {
  const { relyingParty } = await register({ callbackAuthUrl: 'https://a.example/token' })
  const { clientId } = relyingParty

  await t.test('what is absent stays, null clears, and other servers see it', async (t) => {
    await second.relyingParty('vnpt', clientId)
    const { relyingParty: changed } = await first.relyingParties.change(
      'vnpt',
      clientId,
      { callbackAuthUrl: null, callbackUrls: ['https://a.example/back?token=hush'] },
      by
    )
    t.same(changed, {
      ...relyingParty,
      callbackAuthUrl: null,
      callbackUrls: ['https://a.example/back?token=hush'],
      version: 2
    })
    t.ok(await until(async () => (await second.relyingParty('vnpt', clientId))?.version === 2))
    const event = (await events('relying-party.changed')).at(-1)
    t.same(event?.about.changed, { callbackAuthUrl: null, callbackUrls: ['https://a.example/back'] })
  })
  await t.test('what changes nothing is no event', async (t) => {
    const before = (await events('relying-party.changed')).length
    const unchanged = await first.relyingParties.change('vnpt', clientId, { name: relyingParty.name }, by)
    t.equal(unchanged.relyingParty.version, 2)
    t.equal((await events('relying-party.changed')).length, before)
  })
  await t.test('two changes at once both hold', async (t) => {
    await Promise.all([
      first.relyingParties.change('vnpt', clientId, { name: 'Mới' }, by),
      second.relyingParties.change('vnpt', clientId, { mode: 'lenient' }, by)
    ])
    t.match(await first.relyingParties.get('vnpt', clientId), { name: 'Mới', mode: 'lenient', version: 4 })
  })
  await t.test('with names that a device can show and addresses that can be called', async (t) => {
    const bad: [string, object][] = [
      ['name', { name: '' }],
      ['name', { name: 'Ngân hàng\u202egnơhp' }],
      ['name', { name: 'a\nb' }],
      ['name', { name: '\u3164' }],
      ['name', { name: '\u2800\u2800' }],
      ['name', { name: 'a\u0378' }],
      ['name', { name: '...' }],
      ['name', { name: `Kho bạc${'\u0301'.repeat(40)}` }],
      ['name', { name: 'x'.repeat(129) }],
      ['provider', { provider: 'bcy' }],
      ['redirectUris', { redirectUris: ['http://ketoan.example/x'] }],
      ['redirectUris', { redirectUris: ['https://ketoan.example/x#y'] }],
      ['redirectUris', { redirectUris: ['https://u:p@ketoan.example/x'] }],
      ['redirectUris', { redirectUris: ['https:ketoan.example'] }],
      ['redirectUris', { redirectUris: ['https://ketoan.example\\@evil.example/'] }],
      ['redirectUris', { redirectUris: ['/x'] }],
      ['redirectUris', { redirectUris: ['javascript:alert(1)'] }],
      ['redirectUris', { redirectUris: ['https://a.example/', 'https://a.example/'] }],
      ['redirectUris', { redirectUris: [`https://a.example/${'x'.repeat(500)}`] }],
      ['redirectUris', { redirectUris: Array.from({ length: 21 }, (_, i) => `https://a.example/${i}`) }],
      ['callbackUrls', { callbackUrls: ['ftp://a.example/'] }],
      ['callbackAuthUrl', { callbackAuthUrl: 'loopback' }]
    ]
    for (const [field, over] of bad) {
      await t.rejects(register(over), { code: 'request_invalid', field }, JSON.stringify(over))
    }
    await t.resolves(
      register({ redirectUris: ['https://a.example/x?y=1', 'http://127.0.0.1:8000/', 'loopback'] })
    )
  })
})

t.test('a secret for callbackAuthUrl', async (t) => {
  const authUrl = 'https://a.example/token'
  const made = await register({ callbackAuthUrl: authUrl })
  const { clientId } = made.relyingParty
  const change = async (over: object) =>
    (await first.relyingParties.change('vnpt', clientId, over, by)).callbackAuthSecret
  const row = async () => {
    const { rows } = await world.database.query<{ secret: Buffer | null }>({
      text: 'select callback_auth_secret as secret from relying_parties where client_id = $1',
      values: [clientId]
    })
    return rows[0]?.secret ?? null
  }

  await t.test('is made for an address that comes without one, and read back on every server', async (t) => {
    t.match(made.callbackAuthSecret, /^[A-Za-z0-9_-]{43}$/)
    t.same(await second.callbackAuth('vnpt', clientId), {
      url: authUrl,
      clientSecret: made.callbackAuthSecret
    })
    t.equal(await first.callbackAuth('viettel', clientId), null)
    t.equal((await register()).callbackAuthSecret, null)
  })
  await t.test('is nowhere in clear', async (t) => {
    const stored = (await row())?.toString('latin1') ?? ''
    t.equal(stored.length, 12 + 43 + 16)
    t.notMatch(stored, made.callbackAuthSecret)
    t.notMatch(JSON.stringify(await events()), made.callbackAuthSecret)
    t.notMatch(
      JSON.stringify(await first.relyingParties.list({ provider: null, after: null, limit: 50 })),
      /Secret/
    )
  })
  await t.test('stays with its address, and is another one for another address', async (t) => {
    t.equal(await change({ name: 'Cổng khác', callbackAuthUrl: authUrl }), null)
    t.match(await first.callbackAuth('vnpt', clientId), { clientSecret: made.callbackAuthSecret })
    const other = await change({ callbackAuthUrl: 'https://b.example/token' })
    t.match(other, /^[A-Za-z0-9_-]{43}$/)
    t.not(other, made.callbackAuthSecret)
    const changes = (await events('relying-party.changed')).filter(({ about }) => about.clientId === clientId)
    t.same(changes.at(-1)?.about.changed, {
      callbackAuthUrl: 'https://b.example/token',
      callbackAuthSecret: 'replaced'
    })
  })
  await t.test('may be given, and is then not repeated', async (t) => {
    t.equal(await change({ callbackAuthSecret: 'bí mật của cổng' }), null)
    t.match(await first.callbackAuth('vnpt', clientId), { clientSecret: 'bí mật của cổng' })
    for (const callbackAuthSecret of ['', 'a\nb', 'x'.repeat(257)]) {
      await t.rejects(change({ callbackAuthSecret }), {
        code: 'request_invalid',
        field: 'callbackAuthSecret'
      })
    }
  })
  await t.test('of another row decrypts in no other', async (t) => {
    const other = await register({ callbackAuthUrl: authUrl, callbackAuthSecret: 'theirs' })
    const taken = await row()
    // Even one who could also make the seal: the secret is bound to its place.
    await t.rejects(
      decryptCallbackSecret(
        { ...other.relyingParty, callbackAuthSecret: taken },
        { decrypt: world.secrets.decrypt }
      ),
      { code: 'integrity_broken' }
    )
    await sql(`update relying_parties set callback_auth_secret = $2 where client_id = $1`, [
      other.relyingParty.clientId,
      taken
    ])
    await t.rejects(second.callbackAuth('vnpt', other.relyingParty.clientId), { code: 'integrity_broken' })
  })
  await t.test('goes with its address', async (t) => {
    await change({ callbackAuthUrl: null })
    t.equal(await row(), null)
    t.equal(await first.callbackAuth('vnpt', clientId), null)
    await t.rejects(change({ callbackAuthSecret: 'x' }), { code: 'request_invalid' })
  })
})

t.test('a redirect address is one of those registered, to the character', async (t) => {
  const party = { redirectUris: ['https://a.example/done'], callbackUrls: ['loopback'] }
  t.ok(mayRedirectTo(party, 'https://a.example/done'))
  for (const other of [
    'https://a.example/done/',
    'https://A.example/done',
    'https://a.example/done?x',
    'loopback'
  ]) {
    t.notOk(mayRedirectTo(party, other), other)
  }
  for (const local of ['http://127.0.0.1:3000/cb', 'http://[::1]/x', 'https://localhost:1/?q=1']) {
    t.ok(mayCallBack(party, local), local)
  }
  for (const other of [
    'loopback',
    'http://127.0.0.1.evil.example/',
    'http://a@127.0.0.1/',
    'http://10.0.0.1/',
    'x'
  ]) {
    t.notOk(mayCallBack(party, other), other)
  }
})

t.test('a callback address is registered, or lies below one that is', (t) => {
  const party = {
    callbackUrls: ['loopback', 'https://a.example/hooks', 'https://b.example', 'https://c.example/x?key=1']
  }
  for (const address of [
    'https://a.example/hooks',
    'https://a.example/hooks/',
    'https://a.example/hooks/42?id=7',
    'https://A.example:443/hooks/42',
    'https://b.example/anything/at',
    'https://b.example?x=1',
    'https://c.example/x?key=1',
    'https://c.example/x/y?key=1',
    'http://localhost:9/any'
  ]) {
    t.ok(mayCallBack(party, address), address)
  }
  for (const address of [
    'https://a.example/',
    'https://a.example/hooksome',
    'https://a.example/Hooks/1',
    'https://a.example/hooks/../admin',
    'https://a.example/hooks/./x',
    'https://a.example/hooks/%2e%2E/admin',
    'https://a.example/hooks/%2E./admin',
    'https://a.example/hooks/..%2fadmin',
    'https://a.example/hooks/x%5C..%5cadmin',
    'https://a.example/x/../hooks',
    'https://a.example:8443/hooks',
    'http://a.example/hooks',
    'https://a.example.evil.example/hooks',
    'https://a.example@evil.example/hooks',
    'https://a.example/hooks#x',
    'https://a.example/hooks\\..\\x',
    'https://c.example/x',
    'https://c.example/x?key=2',
    'https://c.example/x?key=1&more',
    'https://evil.example/https://a.example/hooks',
    ''
  ]) {
    t.notOk(mayCallBack(party, address), address)
  }
  t.equal(callbackFor(party), 'https://a.example/hooks')
  t.equal(callbackFor({ callbackUrls: ['loopback'] }), null)
  t.end()
})

t.test('a row that somebody changed by SQL is refused, and audited', async (t) => {
  const rows: [string, string][] = [
    ['its secret', "update relying_parties set secret_sha256 = sha256('mine') where client_id = $1"],
    ['its name', "update relying_parties set name = 'Kho bạc Nhà nước' where client_id = $1"],
    [
      'an address',
      "update relying_parties set redirect_uris = '{https://evil.example/}' where client_id = $1"
    ],
    ['its removal', 'update relying_parties set removed_at = null where client_id = $1'],
    ['its provider', "update relying_parties set provider = 'viettel' where client_id = $1"],
    [
      'all of another row, seal included',
      `update relying_parties p set secret_sha256 = o.secret_sha256, seal = o.seal, name = o.name
         from relying_parties o where p.client_id = $1 and o.client_id <> $1`
    ]
  ]
  for (const [what, statement] of rows) {
    await t.test(what, async (t) => {
      const { relyingParty, clientSecret } = await register()
      const { clientId } = relyingParty
      const { accessToken } = await first.issueToken(grantOf(clientId))
      await second.verifyToken('vnpt', 'csc/v2', accessToken)
      if (what === 'its removal') await first.relyingParties.remove('vnpt', clientId, by)
      await sql(statement, [clientId])
      world.later(10_001) // past every cache: SQL announces nothing
      const provider = what === 'its provider' ? 'viettel' : 'vnpt'
      for (const secret of [clientSecret, 'mine']) {
        t.equal(await refusal(second.authenticateClient(provider, clientId, secret)), 'integrity_broken')
      }
      t.equal(await refusal(second.relyingParty(provider, clientId)), 'integrity_broken')
      t.equal(
        await refusal(first.relyingParties.change(provider, clientId, { name: 'x' }, by)),
        'integrity_broken'
      )
      t.equal(await refusal(first.relyingParties.remove(provider, clientId, by)), 'integrity_broken')
      const uses = refusal(second.verifyToken('vnpt', 'csc/v2', accessToken))
      t.equal(await uses, what === 'its provider' ? 'token_expired' : 'integrity_broken')
      t.match((await events('integrity.broken')).at(-1)?.about, {
        table: 'relying_parties',
        provider,
        clientId
      })
      const listed = await first.relyingParties.list({ provider, after: null, limit: 100 })
      t.equal(
        listed.find((one) => one.relyingParty.clientId === clientId)?.intact,
        false,
        'operators can see it'
      )
      await sql('delete from relying_parties where client_id = $1', [clientId])
    })
  }
})

t.test('an access token', async (t) => {
  const { relyingParty } = await register()
  const { clientId } = relyingParty
  const grant = grantOf(clientId)

  await t.test('is 256 random bits, kept as SHA-256, and stands for what it was issued for', async (t) => {
    const { accessToken, expiresInS } = await first.issueToken({ ...grant, subscriberId: 's1' })
    t.match(accessToken, /^[A-Za-z0-9_-]{43}$/)
    t.equal(expiresInS, 3600)
    const { rows } = await sql('select token_sha256 from access_tokens where client_id = $1', [clientId])
    t.same(rows, [{ token_sha256: sha256(accessToken) }])
    t.same(await second.verifyToken('vnpt', 'csc/v2', accessToken), {
      ...grant,
      subscriberId: 's1',
      expiresAt: new Date(world.now().getTime() + 3_600_000)
    })
    t.notMatch(JSON.stringify(await events()), accessToken)
  })
  await t.test('is good for its provider and audience only', async (t) => {
    const { accessToken } = await first.issueToken(grant)
    for (const room of [first, second]) {
      t.equal(await refusal(room.verifyToken('viettel', 'csc/v2', accessToken)), 'authentication_failed')
      t.equal(await refusal(room.verifyToken('vnpt', 'csc/v1', accessToken)), 'authentication_failed')
      for (const other of ['', 'x', `${accessToken}x`, accessToken.replace(/.$/, '%'), 'A'.repeat(43)]) {
        t.equal(await refusal(room.verifyToken('vnpt', 'csc/v2', other)), 'authentication_failed')
      }
      t.equal((await room.verifyToken('vnpt', 'csc/v2', accessToken)).clientId, clientId)
    }
  })
  await t.test('ends by the clock, also from memory', async (t) => {
    const { accessToken } = await first.issueToken(grant)
    world.later(3_599_999)
    await t.resolves(first.verifyToken('vnpt', 'csc/v2', accessToken))
    world.later(1)
    t.equal(await refusal(first.verifyToken('vnpt', 'csc/v2', accessToken)), 'token_expired')
    t.equal(await refusal(second.verifyToken('vnpt', 'csc/v2', accessToken)), 'token_expired')
    world.later(23 * 3_600_000)
    await first.purge()
    t.equal(await refusal(first.verifyToken('vnpt', 'csc/v2', accessToken)), 'token_expired')
    world.later(2 * 3_600_000)
    t.ok((await first.purge()) > 0, 'and is forgotten a day later')
    t.equal(await refusal(second.verifyToken('vnpt', 'csc/v2', accessToken)), 'authentication_failed')
  })
  await t.test('is useless on every server once revoked', async (t) => {
    const { accessToken } = await first.issueToken(grant)
    await second.verifyToken('vnpt', 'csc/v2', accessToken)
    const of = { provider: 'vnpt', audience: 'csc/v2', clientId, accessToken }
    for (const foreign of [{ clientId: 'other' }, { audience: 'csc/v1' }, { provider: 'viettel' }]) {
      await first.revokeToken({ ...of, ...foreign })
    }
    await t.resolves(second.verifyToken('vnpt', 'csc/v2', accessToken), 'not by anybody else')
    await first.revokeToken(of)
    t.equal(await refusal(first.verifyToken('vnpt', 'csc/v2', accessToken)), 'token_expired')
    t.ok(
      await until(
        async () => (await refusal(second.verifyToken('vnpt', 'csc/v2', accessToken))) === 'token_expired'
      )
    )
    t.equal((await events('token.revoked')).length, 1)
  })
  await t.test('that was revoked without a word is noticed after 10 s at the latest', async (t) => {
    const { accessToken } = await first.issueToken(grant)
    await second.verifyToken('vnpt', 'csc/v2', accessToken)
    await sql('update access_tokens set revoked_at = now() where token_sha256 = $1', [sha256(accessToken)])
    world.later(10_000)
    t.equal(await refusal(second.verifyToken('vnpt', 'csc/v2', accessToken)), 'token_expired')
  })
  await t.test('of a crowd is its own, though the crowd shares statements', async (t) => {
    const made = await Promise.all(
      Array.from({ length: 300 }, (_, index) => first.issueToken({ ...grant, scope: `scope-${index}` }))
    )
    const read = await Promise.all(
      made.map(({ accessToken }) => second.verifyToken('vnpt', 'csc/v2', accessToken))
    )
    t.same(
      read.map(({ scope }) => scope),
      made.map((_, index) => `scope-${index}`)
    )
  })
})

t.test('operators', async (t) => {
  const admin = await first.operators.create({ name: 'Lan', role: 'administrator' }, by)

  await t.test('have a key that is recognised as one and kept as SHA-256 only', async (t) => {
    t.match(admin.key, /^kyso_op_[A-Za-z0-9_-]{43}$/)
    t.same(await second.authenticateOperator(admin.key), {
      id: admin.operator.id,
      name: 'Lan',
      role: 'administrator'
    })
    const { rows } = await sql('select key_sha256 from operators')
    t.same(rows, [{ key_sha256: sha256(admin.key) }])
    t.notMatch(JSON.stringify(await events()), admin.key)
  })
  await t.test('are refused with any other key, audited', async (t) => {
    const before = await counted('operator.refused')
    for (const key of ['', 'operator-demo', `${admin.key}x`]) {
      t.equal(await refusal(first.authenticateOperator(key)), 'authentication_failed')
    }
    t.equal((await counted('operator.refused')).refusals - before.refusals, 3)
  })
  await t.test('are refused on the next call after their removal', async (t) => {
    const { operator, key } = await first.operators.create({ name: 'Mai', role: 'registrar' }, by)
    await second.authenticateOperator(key)
    await first.operators.remove(operator.id, by)
    t.equal(await refusal(second.authenticateOperator(key)), 'authentication_failed')
    t.equal(await refusal(first.operators.remove(operator.id, by)), 'not_found')
    t.same((await events('operator.removed')).at(-1)?.about, { operatorId: operator.id })
  })
  await t.test('keep one administrator, also when two remove each other at once', async (t) => {
    t.equal(await refusal(first.operators.remove(admin.operator.id, by)), 'state_conflict')
    const other = await first.operators.create({ name: 'Hoa', role: 'administrator' }, by)
    const ends = await Promise.all([
      refusal(first.operators.remove(other.operator.id, by)),
      refusal(second.operators.remove(admin.operator.id, by))
    ])
    t.same(ends.sort(), ['not refused', 'state_conflict'])
    t.match(await first.operators.list({ after: null, limit: 10 }), [{ intact: true }])
  })
})

t.test('an operator that somebody wrote or changed by SQL is refused, and audited', async (t) => {
  const forged = `insert into operators (id, name, role, key_sha256, demo, created_at, created_by, version, seal)
                  select id || '-forged', name, 'administrator', sha256((id || 'mine')::bytea), demo, created_at, created_by, version, `
  /** What is done to the operator $1. */
  const attacks: [string, string][] = [
    ['a row of their own making', `${forged} decode(repeat('00', 32), 'hex') from operators where id = $1`],
    ['a copy with a key of their own', `${forged} seal from operators where id = $1`],
    ['another maker', "update operators set created_by = 'server:other' where id = $1"],
    ['another role', "update operators set role = 'administrator' where id = $1"],
    ['another key', "update operators set key_sha256 = sha256((id || 'mine')::bytea) where id = $1"],
    ['no removal', 'update operators set removed_at = null where id = $1'],
    ['no removal, and its version', 'update operators set removed_at = null, version = 1 where id = $1'],
    ['a removal', 'update operators set removed_at = now() where id = $1'],
    ['another name', "update operators set name = 'Lan' where id = $1"],
    ['another id', "update operators set id = id || '-other' where id = $1"],
    ['a time that no calendar has', "update operators set created_at = 'infinity' where id = $1"],
    ['not being of the demo seed', 'update operators set demo = not demo where id = $1'],
    [
      'the seal and all else of another one',
      `update operators p set seal = o.seal, version = o.version, role = o.role, name = o.name, demo = o.demo,
              created_at = o.created_at
         from operators o where p.id = $1 and o.name = 'Hoa'`
    ]
  ]
  const administrators = await listed()
  const attacked: { what: string; id: string; key: string }[] = []
  for (const [what, statement] of attacks) {
    const { operator, key } = await first.operators.create({ name: 'Mai', role: 'registrar' }, by)
    t.equal((await second.authenticateOperator(key)).role, 'registrar')
    if (what.startsWith('no removal')) await first.operators.remove(operator.id, by)
    await sql(statement, [operator.id])
    const suffix = statement.startsWith(forged) ? '-forged' : what === 'another id' ? '-other' : ''
    const known = statement.includes('mine') ? `${operator.id}mine` : key
    attacked.push({ what, id: `${operator.id}${suffix}`, key: known })
    if (suffix === '-forged') await first.operators.remove(operator.id, by)
  }
  const before = (await events('integrity.broken')).length

  for (const [name, { authenticateOperator }] of Object.entries({ first, second })) {
    const ends = await Promise.all(attacked.map(({ key }) => refusal(authenticateOperator(key))))
    for (const [index, { what }] of attacked.entries()) {
      t.equal(ends[index], 'integrity_broken', `${what}, on the ${name} server`)
    }
  }
  const reported = (await events('integrity.broken')).slice(before).map(({ about }) => about.id)
  for (const { what, id } of attacked) t.ok(reported.includes(id), `${what} is audited`)

  const ends = await Promise.all(attacked.map(({ id }) => refusal(first.operators.remove(id, by))))
  t.same(new Set(ends), new Set(['integrity_broken']), 'none can be removed')
  const shown = attacked.filter(({ what }) => what !== 'a removal').map(({ id }) => id)
  t.same(await listed({ intact: false }), shown.sort(), 'all are listed as what they are')
  for (const id of administrators) {
    t.equal(await refusal(first.operators.remove(id, by)), 'state_conflict', 'none is another administrator')
  }
})

/** Ids of operators who are not removed. */
async function listed(of = { intact: true }): Promise<string[]> {
  const found = await first.operators.list({ after: null, limit: 100 })
  return found.filter(({ intact }) => intact === of.intact).map(({ operator }) => operator.id)
}

t.test('passwords', async (t) => {
  const passwords = createPasswords()
  const stored = await passwords.hash('mật khẩu')

  await t.test('are kept as scrypt with its parameters, each with its own salt', async (t) => {
    t.match(stored, /^\$scrypt\$ln=15,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    t.not(await passwords.hash('mật khẩu'), stored)
  })
  await t.test('are the same however the keyboard composes them', async (t) => {
    t.equal(await passwords.verify('mật khẩu'.normalize('NFD'), stored), true)
    t.equal(await passwords.verify('mat khau', stored), false)
  })
  await t.test('of an unknown login take the same work and are false', async (t) => {
    const timed = async (hash: string | null) => {
      const startedAt = performance.now()
      t.equal(await passwords.verify('x', hash), false)
      return performance.now() - startedAt
    }
    const known = await timed(stored)
    t.ok((await timed(null)) > known / 4)
  })
  await t.test('are refused rather than queued without end', async (t) => {
    const few = createPasswords({ running: 1, waiting: 2 })
    const ends = await Promise.allSettled(Array.from({ length: 5 }, () => few.verify('x', null)))
    const refused = ends.filter((one) => one.status === 'rejected')
    t.equal(refused.length, 2, 'one ran and two waited')
    t.match(refused[0], { reason: { code: 'too_many_requests', retryAfterS: 5 } })
  })
  await t.test('of a row that asks for too much memory are not checked at all', async (t) => {
    for (const other of [stored.replace('ln=15', 'ln=31'), stored.replace('r=8', 'r=99'), 'plain', '']) {
      t.equal(await refusal(passwords.verify('x', other)), 'integrity_broken')
    }
  })
})

async function counted(type: string): Promise<{ rows: number; refusals: number }> {
  const found = await events(type)
  return { rows: found.length, refusals: found.reduce((sum, { about }) => sum + Number(about.count), 0) }
}
