import t from 'tap'
import { by, failure, Phone, plain, startWorld } from './world.js'

t.setTimeout(300_000)
const world = await startWorld(t, 'token')
const { enrolment, directory, activations } = world
/** An operator, made by `maker` or on the command line. */
async function newOperator(name: string, maker = 'server:command'): Promise<string> {
  const { operator } = await world.access.operators.create({ name, role: 'administrator' }, maker)
  return operator.id
}
const operatorId = await newOperator('Đỗ Thị Lan')
const second = await newOperator('Second')
const third = await newOperator('Third')
const underling = await newOperator('Underling', `operator:${operatorId}`)
const underlings = await newOperator('Underling’s', `operator:${underling}`)
world.pass(1)
const dayMs = 86_400_000
const newCode = (subscriberId: string) => enrolment.createActivationCode(subscriberId, { operatorId })

/** A person with one phone. */
async function withPhone() {
  const subscriber = await world.person()
  const { code } = await newCode(subscriber.id)
  const phone = new Phone()
  const device = await phone.enrol(world, 'vnpt', code)
  return { ...subscriber, phone, device }
}

/** What the registered devices are asked. */
async function question(subscriberId: string) {
  const [first] = (await activations.waitingFor(subscriberId)).filter(({ kind }) => kind === 'device')
  if (first === undefined) throw new Error('nothing is asked')
  return first
}

t.test('the first device of a subscriber is enrolled by a code, once', async (t) => {
  const subscriber = await world.person()
  const created = await newCode(subscriber.id)
  t.match(created, { code: /^[0-9A-HJKMNP-TV-Z]{16}$/, consent: 'not-needed' })
  t.equal(created.expiresAt.getTime() - world.now().getTime(), dayMs)
  const { rows } = await world.sql('select * from activation_codes where id = $1', [created.id])
  t.notMatch(JSON.stringify(rows), created.code, 'the code is not stored')

  const phone = new Phone()
  const device = await phone.enrol(world, 'vnpt', created.code.toLowerCase().replace(/(.{4})/g, '$1-'))
  t.match(device, {
    provider: 'vnpt',
    subscriberId: subscriber.id,
    name: 'Điện thoại',
    virtual: false,
    version: 1
  })
  t.same(plain(await directory.device(device.id)), plain(device))
  t.same(
    (await directory.devicesOf(subscriber.id)).map(({ id }) => id),
    [device.id]
  )
  t.match((await world.events('device.enrolled')).at(-1), {
    actor: `device:${device.id}`,
    about: { activationCodeId: created.id, further: false }
  })
  t.equal((await failure(new Phone().enrol(world, 'vnpt', created.code))).code, 'activation_code_invalid')
})

t.test('an unknown, used, expired or foreign code gets the same answer', async (t) => {
  const late = await newCode((await world.person()).id)
  world.pass(dayMs)
  const foreign = await newCode((await world.person('viettel')).id)
  const used = await newCode((await world.person()).id)
  await new Phone().enrol(world, 'vnpt', used.code)
  const answers = []
  for (const code of ['0000000000000000', 'no code', late.code, foreign.code, used.code]) {
    answers.push(await failure(new Phone().enrol(world, 'vnpt', code)))
  }
  t.equal(answers[0]?.code, 'activation_code_invalid')
  t.equal(new Set(answers.map((answer) => JSON.stringify(answer))).size, 1)
  t.ok((await world.events('device.refused')).length >= answers.length, 'audited')
})

t.test('of 20 devices with one code exactly one is enrolled', async (t) => {
  const { id } = await world.person()
  const { code } = await newCode(id)
  const results = await Promise.all(
    Array.from({ length: 20 }, () => failure(new Phone().enrol(world, 'vnpt', code)))
  )
  t.same(
    results.map((result) => result.code).sort(),
    [...Array(19).fill('activation_code_invalid'), 'none'].sort()
  )
  t.equal((await directory.devicesOf(id)).length, 1)
})

t.test('a subscriber has at most 5 open codes', async (t) => {
  const { id } = await world.person()
  const results = await Promise.all(Array.from({ length: 8 }, () => failure(newCode(id))))
  t.equal(results.filter(({ code }) => code === 'none').length, 5)
  t.equal(results.find(({ code }) => code !== 'none')?.code, 'too_many_requests')
  world.pass(dayMs)
  t.ok(await newCode(id), 'an expired one does not count')
})

t.test('a key that is not a public P-256 key does not use the code up', async (t) => {
  const { id } = await world.person()
  const { code } = await newCode(id)
  const phone = new Phone()
  const input = { provider: 'vnpt', activationCode: code, name: 'x', platform: 'y' }
  const sent = enrolment.enrolDevice({ ...input, publicKey: { ...phone.jwk, d: phone.jwk.x } })
  t.match(await failure(sent), { code: 'request_invalid', field: 'publicKey' })
  const named = enrolment.enrolDevice({ ...input, name: 'a\u202eb', publicKey: phone.jwk })
  t.match(await failure(named), { code: 'request_invalid', field: 'name' })
  t.ok(await phone.enrol(world, 'vnpt', code))
})

t.test('a further device', async (t) => {
  await t.test('is enrolled once a registered one confirms, and what waited is cancelled', async (t) => {
    const { id, phone, device } = await withPhone()
    const created = await newCode(id)
    t.equal(created.consent, 'waiting')
    const asked = await question(id)
    t.match(asked, { kind: 'device', credentialID: null, clientId: `operator:${operatorId}` })
    const another = await newCode(id)
    const further = new Phone()
    const enrolling = further.enrol(world, 'vnpt', created.code)
    await phone.confirm(world, asked.id)
    await enrolling
    t.same((await directory.devicesOf(id)).length, 2)
    t.match((await world.events('device.enrolled')).at(-1)?.about, {
      further: true,
      consentBy: `device:${device.id}`
    })
    t.same(await activations.waitingFor(id), [], 'the other question too')
    const { rows } = await world.sql(
      `select ended_reason from activations where subscriber_id = $1 and status = 'cancelled'`,
      [id]
    )
    t.ok(rows.length > 0 && rows.every((row) => row.ended_reason === 'further-device'))
    t.equal((await failure(new Phone().enrol(world, 'vnpt', another.code))).code, 'consent_required')
  })

  await t.test('is shown with who asks for it and what for', async (t) => {
    const { id } = await withPhone()
    const created = await newCode(id)
    const { relyingParty, description } = await question(id)
    const reference = `${created.id.slice(-8, -4)}-${created.id.slice(-4)}`.toUpperCase()
    t.equal(relyingParty, 'CA vnpt')
    t.equal(description.split('Đỗ Thị Lan').length, 3, 'in both languages')
    t.equal(description.split(reference).length, 3)
    t.notMatch(description, created.code)
  })

  await t.test('may come hours after the confirmation', async (t) => {
    const { id, phone } = await withPhone()
    const { code, id: codeId } = await newCode(id)
    await phone.confirm(world, (await question(id)).id)
    await until(async () => (await consentOf(codeId)) === 'given')
    world.pass(dayMs / 2)
    await activations.expire()
    t.ok(await new Phone().enrol(world, 'vnpt', code))
  })

  await t.test('is refused without an answer, and the refusal names the way', async (t) => {
    const { id } = await withPhone()
    const created = await newCode(id)
    const { code, says } = await failure(new Phone().enrol(world, 'vnpt', created.code))
    t.equal(code, 'consent_required')
    t.match(says, `/operator/activation-codes/${created.id}/approve`)
    t.equal(await consentOf(created.id), 'waiting', 'and may be tried again')
  })

  await t.test('is refused when the person says no, whatever an operator says', async (t) => {
    const { id, device } = await withPhone()
    const created = await newCode(id)
    await activations.reject({ deviceId: device.id, activationId: (await question(id)).id, reason: null })
    t.equal((await failure(new Phone().enrol(world, 'vnpt', created.code))).code, 'consent_required')
    const approval = enrolment.approveActivationCode(created.id, { operatorId: second })
    t.equal((await failure(approval)).code, 'state_conflict')
  })

  await t.test('is enrolled when a second operator approves, also after nobody answered', async (t) => {
    const { id } = await withPhone()
    const created = await newCode(id)
    const younger = await newOperator('Younger')
    for (const nobody of [operatorId, underling, underlings, younger, 'nobody']) {
      t.match(
        await failure(enrolment.approveActivationCode(created.id, { operatorId: nobody })),
        { code: 'permission_denied', says: /Another operator/ },
        nobody
      )
    }
    world.pass(600_000)
    t.equal((await failure(new Phone().enrol(world, 'vnpt', created.code))).code, 'consent_required')
    t.equal(await consentOf(created.id), 'refused')
    const approved = await enrolment.approveActivationCode(created.id, { operatorId: second })
    t.match(approved, { id: created.id, consent: 'given' })
    t.match((await world.events('activation-code.consented')).at(-1), {
      actor: `operator:${second}`,
      about: { activationCodeId: created.id }
    })
    const again = enrolment.approveActivationCode(created.id, { operatorId: third })
    t.equal((await failure(again)).code, 'state_conflict')
    t.ok(await new Phone().enrol(world, 'vnpt', created.code))
    const late = enrolment.approveActivationCode(created.id, { operatorId: third })
    t.equal((await failure(late)).code, 'not_found')
  })

  await t.test('needs consent also with a code that was made for the first', async (t) => {
    const { id } = await world.person()
    const codes = [await newCode(id), await newCode(id)]
    t.same(
      codes.map(({ consent }) => consent),
      ['not-needed', 'not-needed']
    )
    const phones = [new Phone(), new Phone()]
    const results = await Promise.all(
      phones.map((phone, index) => failure(phone.enrol(world, 'vnpt', codes[index]?.code ?? '')))
    )
    t.same(results.map(({ code }) => code).sort(), ['consent_required', 'none'])
    const first = phones[results.findIndex(({ code }) => code === 'none')]
    const second = codes[results.findIndex(({ code }) => code !== 'none')]
    await first?.confirm(world, (await question(id)).id)
    t.ok(await new Phone().enrol(world, 'vnpt', second?.code ?? ''))
  })

  await t.test('is refused when the device that confirmed was removed since', async (t) => {
    const { id, phone, device } = await withPhone()
    const created = await newCode(id)
    await phone.confirm(world, (await question(id)).id)
    await until(async () => (await consentOf(created.id)) === 'given')
    await enrolment.removeDevice(device.id, by)
    t.equal((await failure(new Phone().enrol(world, 'vnpt', created.code))).code, 'consent_required')
  })
})

t.test('a device in the place of one that an operator removed', async (t) => {
  await t.test('needs a second operator', async (t) => {
    const { id, device } = await withPhone()
    await enrolment.removeDevice(device.id, `operator:${operatorId}`)
    const created = await newCode(id)
    t.equal(created.consent, 'waiting')
    t.same(await activations.waitingFor(id), [], 'no device is asked')
    const { code, says } = await failure(new Phone().enrol(world, 'vnpt', created.code))
    t.equal(code, 'consent_required')
    t.match(says, `/operator/activation-codes/${created.id}/approve`)
    await enrolment.approveActivationCode(created.id, { operatorId: second })
    t.ok(await new Phone().enrol(world, 'vnpt', created.code))
  })

  await t.test('needs one also with a code that was left over', async (t) => {
    const { id } = await world.person()
    const [first, spare] = [await newCode(id), await newCode(id)]
    const { id: deviceId } = await new Phone().enrol(world, 'vnpt', first.code)
    await enrolment.removeDevice(deviceId, `operator:${operatorId}`)
    t.equal((await failure(new Phone().enrol(world, 'vnpt', spare.code))).code, 'consent_required')
    t.equal(await consentOf(spare.id), 'waiting')
    await enrolment.approveActivationCode(spare.id, { operatorId: second })
    t.ok(await new Phone().enrol(world, 'vnpt', spare.code))
  })

  await t.test('needs none where its owner removed it, or it was a virtual phone', async (t) => {
    const { id, device } = await withPhone()
    await enrolment.removeDevice(device.id, `device:${device.id}`)
    const virtual = await enrolment.enrolVirtualDevice(id)
    await enrolment.removeDevice(virtual.id, `operator:${operatorId}`)
    const created = await newCode(id)
    t.equal(created.consent, 'not-needed')
    t.ok(await new Phone().enrol(world, 'vnpt', created.code))
  })

  await t.test('and SQL does not say that its owner removed it', async (t) => {
    const { id, device } = await withPhone()
    await enrolment.removeDevice(device.id, `operator:${operatorId}`)
    await world.sql(`update devices set removed_by = 'device:' || id where id = $1`, [device.id])
    t.equal((await failure(newCode(id))).code, 'integrity_broken')
  })
})

t.test('a flood of refused enrolments is a few events that count them', async (t) => {
  const before = (await world.events('device.refused')).length
  const attempts = Array.from({ length: 60 }, () =>
    failure(new Phone().enrol(world, 'vnpt', '0000000000000000'))
  )
  await Promise.all(attempts)
  const told = (await world.events('device.refused')).slice(before)
  t.ok(told.length <= 21, `${told.length} events`)
  t.equal(
    told.reduce((sum, { about }) => sum + Number(about.count), 0),
    60
  )
})

t.test('a removed device is gone for good, with what it confirmed', async (t) => {
  const { id, phone, device } = await withPhone()
  const credential = await enrolment.issueCredential(id, { algorithm: 'P-256', publish: true }, by)
  const { relyingParty } = await world.access.relyingParties.create({ provider: 'vnpt', name: 'Portal' }, by)
  const asked = await activations.ask({
    provider: 'vnpt',
    clientId: relyingParty.clientId,
    credentialId: credential.id,
    subscriberId: id,
    hash: 'SHA-256',
    digests: [Buffer.alloc(32)],
    numSignatures: 1,
    documentNames: [],
    description: ''
  })
  await phone.confirm(world, asked.id)
  const results = await Promise.all([1, 2, 3].map(() => failure(enrolment.removeDevice(device.id, by))))
  t.same(results.map(({ code }) => code).sort(), ['none', 'not_found', 'not_found'])
  t.equal(await directory.device(device.id), null)
  t.same(await directory.devicesOf(id), [])
  const { rows } = await world.sql('select status, ended_reason from activations where id = $1', [asked.id])
  t.match(rows, [{ status: 'cancelled', ended_reason: 'device-removed' }])
  t.equal(
    (await world.sql('select id from devices where id = $1', [device.id])).rows.length,
    1,
    'its row stays'
  )
  t.match((await world.events('device.removed')).at(-1), { actor: by, about: { deviceId: device.id } })
})

t.test('a virtual device has a key in the HSM, and goes with it', async (t) => {
  const { id } = await world.person()
  const before = (await world.hsm.storedTokenKeyIds()).length
  const device = await enrolment.enrolVirtualDevice(id)
  t.match(device, { virtual: true, virtualKey: { algorithm: 'P-256' } })
  t.same(plain(await directory.device(device.id)), plain(device))
  t.equal((await world.hsm.storedTokenKeyIds()).length, before + 1)
  await enrolment.removeDevice(device.id, by)
  t.equal((await world.hsm.storedTokenKeyIds()).length, before)
  t.same((await world.sql('select id from pending_keys')).rows, [])
})

t.test('with SQL alone nobody makes a code that enrols a phone', async (t) => {
  const { id: victim } = await withPhone()
  const attacker = await world.person()
  const attempts: [string, (codeId: string) => [string, unknown[]]][] = [
    [
      'a code of one’s own for another person',
      (codeId) => ['update activation_codes set subscriber_id = $2 where id = $1', [codeId, victim]]
    ],
    [
      'more time',
      (codeId) => [`update activation_codes set expires_at = expires_at + '1 day' where id = $1`, [codeId]]
    ],
    ['consent', (codeId) => [`update activation_codes set consent = 'given' where id = $1`, [codeId]]]
  ]
  for (const [name, change] of attempts) {
    const { id, code } = await newCode(attacker.id)
    await world.sql(...change(id))
    t.equal((await failure(new Phone().enrol(world, 'vnpt', code))).code, 'integrity_broken', name)
    t.match((await world.events('integrity.broken')).at(-1)?.about, { table: 'activation_codes', id })
  }
  const { id, code } = await newCode(attacker.id)
  await new Phone().enrol(world, 'vnpt', code)
  await world.sql('update activation_codes set used_at = null, used_by_device_id = null where id = $1', [id])
  t.equal((await failure(new Phone().enrol(world, 'vnpt', code))).code, 'integrity_broken', 'a used code')

  const created = await newCode(victim)
  const asked = await question(victim)
  await world.sql(`update activations set status = 'confirmed', confirmed_at = created_at where id = $1`, [
    asked.id
  ])
  t.equal(
    (await failure(new Phone().enrol(world, 'vnpt', created.code))).code,
    'integrity_broken',
    'a consent that no device signed'
  )
})

async function consentOf(codeId: string): Promise<unknown> {
  const { rows } = await world.sql('select consent from activation_codes where id = $1', [codeId])
  return rows[0]?.consent
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error('it did not become so')
}
