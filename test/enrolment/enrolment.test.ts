import { createHash, verify, X509Certificate } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { type Credential, type CredentialStatus, credentialStatus } from '../../src/enrolment/enrolment.js'
import { type TransitionName, transitions } from '../../src/enrolment/life-cycle.js'
import type { CredentialRecord } from '../../src/enrolment/needs.js'
import { credentialFields } from '../../src/enrolment/sealed-fields.js'
import { createPkiStore } from '../../src/store/pki.js'
import { by, failure, Phone, plain, startWorld, type World } from './world.js'

t.setTimeout(300_000)
const world = await startWorld(t, 'wrapped')
const { enrolment, directory } = world
const dayMs = 86_400_000

async function issued(publish = false, validDays = 30): Promise<Credential> {
  const { id } = await world.person()
  return enrolment.issueCredential(id, { algorithm: 'P-256', publish, validDays }, by)
}

const change: Record<TransitionName, (id: string) => Promise<Credential>> = {
  publish: (id) => enrolment.publishCredential(id, null, by),
  suspend: (id) => enrolment.suspendCredential(id, null, by),
  resume: (id) => enrolment.resumeCredential(id, null, by),
  revoke: (id) => enrolment.revokeCredential(id, 'keyCompromise', by)
}

t.test('a subscriber', async (t) => {
  const input = { provider: 'vnpt', login: 'binh', fullName: 'Trần Thị Bình', nationalId: '001088035895' }
  const made = await enrolment.createSubscriber({ ...input, password: 'vnpt-demo' }, by)
  t.same(await directory.subscriberByLogin('vnpt', 'binh'), made)
  t.equal(await directory.subscriberByLogin('viettel', 'binh'), null, 'is known at its provider alone')
  t.match((await directory.subscriberRecord(made.id))?.passwordHash, /^hash of /)
  t.notMatch(await directory.subscriber(made.id), { passwordHash: /./ }, 'which goes no further')

  await t.test('has a login nobody else has at the provider', async (t) => {
    t.equal((await failure(enrolment.createSubscriber(input, by))).code, 'login_taken')
    t.ok(await enrolment.createSubscriber({ ...input, provider: 'viettel' }, by))
  })
  await t.test('has no password where the provider asks none', async (t) => {
    world.pass(1)
    const { id } = await enrolment.createSubscriber(
      { ...input, provider: 'viettel', login: 'an', password: 'x' },
      by
    )
    await enrolment.setPassword(id, 'y', by)
    t.equal((await directory.subscriberRecord(id))?.passwordHash, null)
  })
  await t.test('is refused at a provider that is not served, with the reason', async (t) => {
    t.match(await failure(enrolment.createSubscriber({ ...input, provider: 'bcy' }, by)), {
      code: 'not_offered',
      says: 'Not served yet.'
    })
    t.match(await failure(enrolment.createSubscriber({ ...input, provider: 'nobody' }, by)), {
      code: 'request_invalid',
      field: 'provider'
    })
  })
  await t.test('changes, and is found by the new login at once', async (t) => {
    const changed = await enrolment.changeSubscriber(made.id, { login: 'binh2', title: 'Chủ tài khoản' }, by)
    t.match(changed, { login: 'binh2', title: 'Chủ tài khoản', fullName: 'Trần Thị Bình' })
    t.same(await directory.subscriberByLogin('vnpt', 'binh2'), changed)
    t.equal(await directory.subscriberByLogin('vnpt', 'binh'), null)
    t.equal((await enrolment.changeSubscriber(made.id, { title: null }, by)).title, null)
    t.equal((await failure(enrolment.changeSubscriber(made.id, { login: 'person-1' }, by))).code, 'none')
    await world.person('viettel')
    t.match(await world.events('subscriber.changed'), [{ about: { members: ['login', 'title'] } }])
  })
  await t.test('is listed by pages and found by a part of login, name or id in any case', async (t) => {
    const list = (query: string | null, after: string | null = null, limit = 200) =>
      enrolment.listSubscribers({ provider: 'viettel', query, after, limit })
    t.same(
      (await list('TRẦN THỊ')).subscribers.map(({ subscriber }) => subscriber.login),
      ['binh', 'an']
    )
    t.same((await list('%')).subscribers, [], 'a wildcard is a character like any other')
    const first = await list(null, null, 1)
    t.equal(first.more, true)
    const rest = await list(null, first.subscribers[0]?.subscriber.id ?? '')
    t.equal(rest.more, false)
    t.equal(rest.subscribers.length, 2)
  })
  await t.test('keeps every one of many changes at once', async (t) => {
    const changes = [{ title: 'Kế toán' }, { phone: '0912 345 678' }, { province: 'Huế' }]
    await Promise.all([
      ...changes.map((one) => enrolment.changeSubscriber(made.id, one, by)),
      enrolment.setPassword(made.id, 'another', by)
    ])
    const record = await directory.subscriberRecord(made.id)
    t.match(record, Object.assign({}, ...changes))
    t.match(record?.passwordHash, createHash('sha256').update('another').digest('hex'))
  })
  await t.test('is looked up by whatever a client sends', async (t) => {
    t.equal(await directory.subscriberByLogin('vnpt', 'a\0b'), null)
    t.equal(await directory.subscriberByLogin('vnpt', 'x'.repeat(10_000)), null)
    t.equal(await directory.credential('\0'), null)
  })
})

t.test('a credential is key, certificate and row at once', async (t) => {
  const credential = await issued(false, 10)
  t.match(credential, {
    status: 'issued',
    publishedAt: null,
    auth: 'phone',
    scal: '2',
    multisign: 100,
    version: 1
  })
  const certificate = new X509Certificate(credential.certificate)
  t.equal(certificate.serialNumber, credential.serialNumber)
  t.equal(credential.notAfter.getTime() - credential.notBefore.getTime(), 10 * dayMs)
  t.same(certificate.publicKey.export({ format: 'der', type: 'spki' }), Buffer.from(credential.key.spki))
  t.same(
    plain(await directory.credential(credential.id)),
    plain(credential),
    'what is read is what was written'
  )

  const message = Buffer.from('digest me')
  const digest = createHash('sha256').update(message).digest()
  const read = await directory.freshCredential(credential.id)
  const [result] =
    read === null ? [] : await world.hsm.keys.sign(read.key, { type: 'ecdsa', hash: 'SHA-256' }, [digest])
  t.ok(result?.outcome === 'signed' && verify('sha256', message, certificate.publicKey, result.signature))
})

t.test('a credential is refused as a whole', async (t) => {
  const { id } = await world.person()
  const serialNumber = world.pki.stableSerialNumber('vnpt', 'somebody')
  t.equal(
    (await enrolment.issueCredential(id, { algorithm: 'P-256', serialNumber }, by)).serialNumber,
    serialNumber
  )
  const refusals: [object, string, string][] = [
    [{ auth: 'pin', pin: '123' }, 'request_invalid', 'pin'],
    [{ auth: 'pin', pin: '12 34' }, 'request_invalid', 'pin'],
    [{ pin: '1234' }, 'request_invalid', 'pin'],
    [{ validDays: 0 }, 'request_invalid', 'validDays'],
    [{ validDays: 1827 }, 'request_invalid', 'validDays'],
    [{ multisign: 1001 }, 'request_invalid', 'multisign'],
    [{ serialNumber: 'xyz' }, 'request_invalid', 'serialNumber'],
    [{ serialNumber }, 'state_conflict', 'serialNumber']
  ]
  for (const [terms, code, field] of refusals) {
    t.match(await failure(enrolment.issueCredential(id, { algorithm: 'P-256', ...terms }, by)), {
      code,
      field
    })
  }
  t.equal((await failure(enrolment.issueCredential('nobody', { algorithm: 'P-256' }, by))).code, 'not_found')
  t.equal((await directory.credentialsOf(id)).length, 1)
})

t.test('credentials are listed RSA first, then in order of issue', async (t) => {
  const { id } = await world.person()
  for (const algorithm of ['P-256', 'RSA-2048', 'P-384'] as const) {
    world.pass(1)
    await enrolment.issueCredential(id, { algorithm, publish: true }, by)
  }
  t.same(
    (await directory.credentialsOf(id)).map(({ algorithm }) => algorithm),
    ['RSA-2048', 'P-256', 'P-384']
  )
})

t.test('the life cycle: issued → active ⇄ suspended → revoked, expired by the clock', async (t) => {
  const ways: Record<CredentialStatus, TransitionName[]> = {
    issued: [],
    active: ['publish'],
    suspended: ['publish', 'suspend'],
    revoked: ['publish', 'revoke'],
    expired: ['publish']
  }
  const allowed = (from: CredentialStatus, name: TransitionName) =>
    (transitions[name].from as readonly string[]).includes(from)
  t.same(Object.fromEntries(Object.entries(transitions).map(([name, { from, to }]) => [name, [from, to]])), {
    publish: [['issued'], 'active'],
    suspend: [['active'], 'suspended'],
    resume: [['suspended'], 'active'],
    revoke: [['issued', 'active', 'suspended'], 'revoked']
  })
  for (const [from, way] of Object.entries(ways) as [CredentialStatus, TransitionName[]][]) {
    for (const name of Object.keys(transitions) as TransitionName[]) {
      const { id } = await issued(false, 1)
      for (const step of way) await change[step](id)
      if (from === 'expired') world.pass(dayMs + 1000)
      const before = await directory.freshCredential(id)
      if (allowed(from, name)) {
        const after = await change[name](id)
        t.equal(credentialStatus(after, world.now()), transitions[name].to, `${from} ${name}`)
        t.same(plain(await directory.credential(id)), plain(after))
      } else {
        const { code, says } = await failure(change[name](id))
        t.equal(code, 'state_conflict', `${from} ${name}`)
        t.match(says, from)
        t.match(says, transitions[name].to, 'both states are named')
        t.same(plain(await directory.freshCredential(id)), plain(before), 'and nothing changed')
      }
    }
  }
})

t.test('a suspension is certificateHold, and nothing else is', async (t) => {
  const { id } = await issued(true)
  t.match(await failure(enrolment.revokeCredential(id, 'certificateHold', by)), {
    code: 'request_invalid',
    field: 'reason'
  })
  t.equal((await enrolment.suspendCredential(id, 'keyCompromise', by)).revocationReason, 'certificateHold')
  t.match(await enrolment.resumeCredential(id, null, by), { revocationReason: null, suspendedAt: null })
  t.equal((await enrolment.revokeCredential(id, null, by)).revocationReason, 'unspecified')
  t.match((await world.events('credential.suspended')).at(-1)?.about, {
    credentialID: id,
    reason: 'keyCompromise'
  })
})

t.test('every change of a status tells the issuer’s list', async (t) => {
  const version = async () => createPkiStore(world.database).statusesVersion('vnpt')
  const { id } = await issued(false)
  for (const name of ['publish', 'suspend', 'resume', 'revoke'] as const) {
    const before = await version()
    await change[name](id)
    t.equal(await version(), before + 1n, name)
  }
})

t.test('of two revocations at once one wins and the other is told the state', async (t) => {
  const { id } = await issued(true)
  const results = await Promise.all(Array.from({ length: 10 }, () => failure(change.revoke(id))))
  t.same(results.map(({ code }) => code).sort(), ['none', ...Array(9).fill('state_conflict')])
  for (const { code, says } of results) if (code !== 'none') t.match(says, /is revoked/)
  const revoked = (await world.events('credential.revoked')).filter(({ about }) => about.credentialID === id)
  t.equal(revoked.length, 1)
})

t.test('once a revocation or suspension is answered, nothing that was asked can be used', async (t) => {
  const { relyingParty } = await world.access.relyingParties.create({ provider: 'vnpt', name: 'Portal' }, by)
  const { clientId } = relyingParty
  for (const name of ['revoke', 'suspend'] as const) {
    const { subscriberId, id } = await issued(true)
    const { code } = await enrolment.createActivationCode(subscriberId, { operatorId: 'registrar' })
    const phone = new Phone()
    await phone.enrol(world, 'vnpt', code)
    const ask = () =>
      world.activations.ask({
        provider: 'vnpt',
        clientId,
        credentialId: id,
        subscriberId,
        hash: 'SHA-256',
        digests: [Buffer.alloc(32, 7)],
        numSignatures: 1,
        documentNames: [],
        description: ''
      })
    const [waiting, confirmed] = [await ask(), await ask()]
    await phone.confirm(world, confirmed.id)
    const heard: string[] = []
    const stop = world.activations.watch(subscriberId, (one) => {
      if (one.kind === 'ended') heard.push(`${one.activationId} ${one.status}`)
    })
    // Askers that race with the change either get a challenge that ends with it, or a refusal.
    const [, ...racing] = await Promise.all([
      change[name](id),
      ...[1, 2, 3].map(() => ask().catch(() => null))
    ])
    const asked = [waiting, confirmed, ...racing.flatMap((one) => (one === null ? [] : [one]))].map(
      (one) => one.id
    )
    const { rows } = await world.sql('select id, status, ended_reason from activations where id = any($1)', [
      asked
    ])
    t.same(new Set(rows.map((row) => row.status)), new Set(['cancelled']))
    t.equal(rows[0]?.ended_reason, name === 'revoke' ? 'credential-revoked' : 'credential-suspended')
    t.same(
      new Set((await world.events('activation.cancelled')).map(({ about }) => about.activationId)).size,
      new Set((await world.sql(`select id from activations where status = 'cancelled'`)).rows).size,
      'each is audited'
    )
    t.equal((await failure(ask())).code, 'credential_unusable')
    const handle = { provider: 'vnpt', clientId, activationId: confirmed.id }
    t.equal((await failure(world.activations.issueSad(handle))).code, 'activation_cancelled')
    await until(() => asked.every((one) => heard.includes(`${one} cancelled`)))
    t.pass('and each is announced')
    stop()
  }
})

t.test('with SQL alone nobody’s key, owner or phone can be exchanged', async (t) => {
  const table: [string, string][] = [
    ['the wrapped keys', 'wrapped_key'],
    ['the owners', 'subscriber_id'],
    ['the public keys', 'spki'],
    ['the certificates', 'certificate'],
    ['the status', 'status'],
    ['the limits', 'multisign'],
    ['the end of validity', 'not_after'],
    ['the seals', 'seal']
  ]
  for (const [name, column] of table) {
    const [mine, theirs] = [
      await issued(true),
      await enrolment.issueCredential(
        (await world.person()).id,
        { algorithm: 'P-256', multisign: 7, validDays: 9 },
        by
      )
    ]
    await world.sql(
      `update credentials c set ${column} = o.${column} from credentials o
        where (c.id = $1 and o.id = $2) or (c.id = $2 and o.id = $1)`,
      [mine.id, theirs.id]
    )
    for (const { id } of [mine, theirs]) {
      t.equal(
        (await failure(directory.freshCredential(id))).code,
        'integrity_broken',
        `${name} of two credentials`
      )
      t.equal((await failure(change.revoke(id))).code, 'integrity_broken')
      const reports = (await world.events('integrity.broken')).filter(({ about }) => about.id === id)
      t.match(reports, [{ about: { table: 'credentials', provider: 'vnpt' } }], 'audited once')
      t.equal(reports.length, 1)
    }
  }
  const [mine, theirs] = [await enrolled(world), await enrolled(world)]
  for (const column of ['spki', 'subscriber_id']) {
    await world.sql(
      `update devices c set ${column} = o.${column} from devices o
        where (c.id = $1 and o.id = $2) or (c.id = $2 and o.id = $1)`,
      [mine.id, theirs.id]
    )
    world.pass(11_000)
    t.equal((await failure(directory.device(mine.id))).code, 'integrity_broken', `${column} of two devices`)
  }
  const removed = await enrolled(world)
  await enrolment.removeDevice(removed.id, by)
  await world.sql('update devices set removed_at = null, version = 1 where id = $1', [removed.id])
  directory.forget('device', removed.id)
  t.equal((await failure(directory.device(removed.id))).code, 'integrity_broken', 'a removed device')

  const { id } = await world.person()
  await world.sql(
    `insert into devices (id, provider, subscriber_id, name, platform, spki, virtual, created_at, version, seal)
     select 'mine', provider, $2, name, platform, spki, virtual, created_at, version, seal from devices where id = $1`,
    [(await enrolled(world)).id, id]
  )
  t.equal((await failure(directory.devicesOf(id))).code, 'integrity_broken', 'a copied device')
  t.equal((await failure(directory.device('mine'))).code, 'integrity_broken')
})

t.test('with SQL alone nobody passes for another person', async (t) => {
  const person = (provider: string, login: string) =>
    enrolment.createSubscriber(
      {
        provider,
        login,
        fullName: `Nguyễn Văn ${login}`,
        nationalId: `0010880358${login.slice(-2)}`,
        organisation: { name: `Trường ${login}`, budgetUnitCode: '1001163' },
        title: login,
        password: login
      },
      by
    )
  const columns = ['full_name', 'national_id', 'password_hash', 'title', 'organisation', 'provider', 'seal']
  const content = 'login, password_hash, full_name, national_id, title, organisation, created_at, seal'
  /** What is done to the subscribers A and B. Their logins are moved aside first where they must not meet. */
  const attacks: [string, string][] = [
    ...columns.map((column): [string, string] => [
      `the ${column} of two`,
      `update subscribers s set ${column} = o.${column} from subscribers o
        where (s.id = A and o.id = B) or (s.id = B and o.id = A)`
    ]),
    [
      'the id of two',
      `update subscribers set id = 'aside' where id = A; update subscribers set id = A where id = B;
       update subscribers set id = B where id = 'aside'`
    ],
    [
      'the login of two',
      `create temporary table kept on commit drop as select id, login from subscribers where id in (A, B);
       update subscribers set login = id where id in (A, B);
       update subscribers s set login = (select login from kept where id <> s.id) where id in (A, B)`
    ],
    [
      'all of two but the id',
      `create temporary table kept on commit drop as select * from subscribers where id in (A, B);
       update subscribers set login = id where id in (A, B);
       update subscribers s set (${content}) = (select ${content} from kept where id <> s.id) where id in (A, B)`
    ]
  ]
  let people = 10
  for (const [what, statements] of attacks) {
    await t.test(what, async (t) => {
      people += 2
      const mine = await person('vnpt', `swapped-${people}`)
      const theirs = await person(what.includes('provider') ? 'viettel' : 'vnpt', `swapped-${people + 1}`)
      // One of them is in memory; the other one's login was never asked for.
      t.same(await directory.subscriber(mine.id), mine)
      await world.sql(statements.replaceAll(/\bA\b/g, `'${mine.id}'`).replaceAll(/\bB\b/g, `'${theirs.id}'`))

      for (const one of [theirs, mine]) {
        const reached = await directory.subscriberByLogin(one.provider, one.login).catch(codeOf)
        // What was in memory may still be the truth of a moment ago.
        t.ok(reached === 'integrity_broken' || reached === null || isDeepStrictEqual(reached, one))
      }
      world.pass(11_000)
      for (const { provider, login } of [mine, theirs]) {
        for (const at of [provider, 'viettel']) {
          const reached = await directory.subscriberByLogin(at, login).catch(codeOf)
          t.ok(reached === 'integrity_broken' || reached === null, 'neither login reaches anybody')
        }
      }
      for (const { id } of [mine, theirs]) {
        const uses: [string, () => Promise<unknown>][] = [
          ['looking up', () => directory.subscriber(id)],
          ['checking the password', () => directory.subscriberRecord(id)],
          ['changing', () => enrolment.changeSubscriber(id, { title: null }, by)],
          ['setting the password', () => enrolment.setPassword(id, 'x', by)],
          ['issuing', () => enrolment.issueCredential(id, { algorithm: 'P-256' }, by)],
          ['making a code', () => enrolment.createActivationCode(id, { operatorId: 'registrar' })],
          ['giving a phone', () => enrolment.enrolVirtualDevice(id, by)]
        ]
        for (const [use, call] of uses) t.equal((await failure(call())).code, 'integrity_broken', use)
        const reports = (await world.events('integrity.broken')).filter(({ about }) => about.id === id)
        t.match(reports[0], { about: { table: 'subscribers' } })
      }
      const { subscribers } = await enrolment.listSubscribers({
        provider: null,
        query: 'swapped-',
        after: null,
        limit: 200
      })
      t.same(
        subscribers.filter(({ intact }) => !intact).map(({ subscriber }) => subscriber.id),
        [mine.id, theirs.id].sort(),
        'operators can see it'
      )
      await world.sql('delete from subscribers where id in ($1, $2)', [mine.id, theirs.id])
    })
  }
})

t.test('a change by another server is seen at once, and a lost announcement within 10 s', async (t) => {
  const { id } = await issued(true)
  t.equal((await directory.credential(id))?.status, 'active')
  const there = await directory.credentialRecord(id)
  if (there === null) throw new Error('gone')
  // As another server does it: past this process's caches, by the repository.
  const row: CredentialRecord = { ...there, status: 'suspended', version: 2, suspendedAt: world.now() }
  const seal = await world.seals.seal('credentials', credentialFields(row))
  await world.stores.credentials.change({ row, seal }, null, async () => undefined)
  await until(async () => (await directory.credential(id))?.status === 'suspended')
  t.pass('announced')

  const silent: CredentialRecord = { ...row, status: 'active', version: 3, suspendedAt: null }
  const silentSeal = await world.seals.seal('credentials', credentialFields(silent))
  await world.sql(
    `update credentials set status = 'active', suspended_at = null, version = 3, seal = $2 where id = $1`,
    [id, silentSeal]
  )
  t.equal((await directory.credential(id))?.status, 'suspended', 'remembered')
  world.pass(10_000)
  t.equal((await directory.credential(id))?.status, 'active', 'and forgotten')
})

const codeOf = (error: { code?: string }) => error.code

async function enrolled({ person }: World) {
  const { id, provider } = await person()
  const { code } = await enrolment.createActivationCode(id, { operatorId: 'registrar' })
  return new Phone().enrol(world, provider, code)
}

/** Waits for what other processes or connections do. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error('it did not become so')
}
