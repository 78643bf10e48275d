import t, { type Test } from 'tap'
import { openLogins } from '../../src/access/logins.js'
import type { LockoutKey, Message } from '../../src/access/needs.js'
import { createPasswords, type Passwords } from '../../src/access/passwords.js'
import { createRefusals } from '../../src/access/refusals.js'
import { createDirectory } from '../../src/enrolment/directory.js'
import { createIntegrity } from '../../src/enrolment/integrity.js'
import { createSubscribers } from '../../src/enrolment/subscribers.js'
import { ServiceError } from '../../src/errors.js'
import { createCredentialStore } from '../../src/store/credentials.js'
import { createDeviceStore } from '../../src/store/devices.js'
import { createLockoutStore } from '../../src/store/lockouts.js'
import { createLoginCodeStore } from '../../src/store/login-codes.js'
import { createSubscriberStore } from '../../src/store/subscribers.js'
import { by, refusal, startWorld } from './world.js'

t.setTimeout(300_000)
const world = await startWorld(t)
const { now, later, sql, events } = world
const minuteMs = 60_000
const provider = 'vnpt'
const clientId = 'portal'
const password = 'mật khẩu đúng'
const lockout = { attempts: 5, lockoutS: 300 }

/** The logins of a server process, counting what is judged by scrypt. */
async function openServer(index: 0 | 1, { sends = true, limits = lockout } = {}) {
  const { database, seals, audit, access } = world.servers[index]
  const passwords = createPasswords()
  const judged: (string | null)[] = []
  const counting: Passwords = {
    hash: passwords.hash,
    verify(given, stored) {
      judged.push(stored)
      return passwords.verify(given, stored)
    }
  }
  const sent: Message[] = []
  const subscriberStore = createSubscriberStore(database)
  const integrity = createIntegrity({ seals, audit, now, actor: `server:${index}` })
  const directory = await createDirectory({
    subscribers: subscriberStore,
    credentials: createCredentialStore(database),
    devices: createDeviceStore(database),
    integrity,
    listen: (on) => database.listen('directory', on),
    now
  })
  const refusals = createRefusals({ audit })
  const lockoutStore = createLockoutStore(database)
  const logins = openLogins({
    lockoutStore,
    codeStore: createLoginCodeStore(database),
    codeSender: sends ? { send: async (message) => void sent.push(message) } : null,
    directory,
    relyingParty: access.relyingParty,
    passwords: counting,
    mac: world.mac,
    audit,
    refusals,
    now,
    lockout: limits
  })
  const subscribers = createSubscribers({
    subscribers: subscriberStore,
    directory,
    integrity,
    seals,
    audit,
    now,
    providers: () => ({ label: 'CA', asksPassword: true, unsupported: null }),
    sendsCodes: sends,
    hashPassword: passwords.hash
  })
  t.teardown(async () => {
    await refusals.close()
    directory.close()
  })
  return { logins, subscribers, judged, sent, lockoutStore }
}
const first = await openServer(0)
const second = await openServer(1)
let people = 0

async function person(more: { secondFactor?: 'code'; email?: string; phone?: string } = {}) {
  people += 1
  const login = `0010880${String(people).padStart(5, '0')}`
  const input = { provider, login, password, fullName: 'Trần Thị Bình', nationalId: login, ...more }
  return first.subscribers.createSubscriber(input, by)
}
const right = (login: string, at = clientId) => ({ provider, clientId: at, login, password })
const wrong = (login: string, at = clientId) => ({ ...right(login, at), password: 'mật khẩu sai' })

/** What each of many calls ended with, counted. */
async function outcomes(calls: Promise<unknown>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const code of await Promise.all(calls.map(refusal))) counts[code] = (counts[code] ?? 0) + 1
  return counts
}
async function lockedFor(call: Promise<unknown>): Promise<number | undefined> {
  const error = await call.catch((error: unknown) => error)
  return error instanceof ServiceError && error.code === 'login_locked' ? error.retryAfterS : undefined
}
const codeIn = (message: Message | undefined) => message?.text.slice(0, 6) ?? ''
const otherThan = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0')

t.test('a password', async (t) => {
  await t.test('that is right tells who it is, and nothing of the password', async (t) => {
    const { id, login } = await person()
    const subscriber = await first.logins.verify(right(login))
    t.match(subscriber, { id, login, provider, secondFactor: 'none' })
    t.notOk('passwordHash' in subscriber)
  })

  await t.test('that is wrong is refused like a login nobody has, for the same work', async (t) => {
    const { id, login } = await person()
    first.judged.length = 0
    const refused = await Promise.all(
      [wrong(login), right('nobody-has-this'), { ...right(login), provider: 'viettel' }].map((one) =>
        first.logins.verify(one).catch((error: ServiceError) => [error.code, error.says, error.retryAfterS])
      )
    )
    t.same(new Set(refused.map((one) => JSON.stringify(one))).size, 1)
    t.match(refused[0], ['authentication_failed'])
    t.equal(first.judged.length, 3, 'each was a run of scrypt')
    t.equal(first.judged.filter((stored) => stored === null).length, 2)

    const audited = await events('login.refused')
    t.equal(audited.filter(({ about }) => about.subscriberId === null).length, 2)
    t.match(
      audited.filter(({ about }) => about.subscriberId !== null),
      [{ about: { subscriberId: id } }],
      'in whatever order they were judged'
    )
    t.match(
      audited.find(({ about }) => about.subscriberId === id),
      {
        actor: `relying-party:${provider}/${clientId}`,
        about: { provider, clientId, kind: 'password', code: 'authentication_failed', count: 1 }
      }
    )
    t.notMatch(JSON.stringify(audited), /nobody-has-this/, 'what a stranger typed is not written down')
  })

  await t.test('may be typed on any keyboard', async (t) => {
    const { login } = await person()
    await first.logins.verify({ ...right(login), password: password.normalize('NFD') })
    t.equal(await refusal(first.logins.verify({ ...right(login), password: '' })), 'authentication_failed')
    t.equal(await refusal(first.logins.verify({ ...right('a\0b'), password: '\0' })), 'authentication_failed')
    t.equal(await refusal(first.logins.verify(right('x'.repeat(100_000)))), 'authentication_failed')
  })

  await t.test('is no use once the row was changed with SQL', async (t) => {
    const [victim, attacker] = [await person({ secondFactor: 'code' }), await person()]
    await sql(`update subscribers set second_factor = 'none' where id = $1`, [victim.id])
    t.equal(await refusal(first.logins.verify(right(victim.login))), 'integrity_broken')
    await sql(
      `update subscribers set password_hash = (select password_hash from subscribers where id = $2) where id = $1`,
      [attacker.id, victim.id]
    )
    t.equal(await refusal(second.logins.verify(right(attacker.login))), 'integrity_broken')
  })
})

t.test('a lockout', async (t) => {
  await t.test('comes with the fifth wrong password in a row, and refuses the right one too', async (t) => {
    const { login } = await person()
    for (let tries = 0; tries < 4; tries += 1) await refusal(first.logins.verify(wrong(login)))
    await first.logins.verify(right(login))
    for (let tries = 0; tries < 5; tries += 1)
      t.equal(await refusal(first.logins.verify(wrong(login))), 'authentication_failed')
    first.judged.length = 0
    t.equal(await lockedFor(first.logins.verify(right(login))), 300)
    t.equal(await lockedFor(first.logins.verify(wrong(login))), 300)
    t.equal(first.judged.length, 0, 'nothing is judged while it lasts')
    later(299_000)
    t.equal(await lockedFor(first.logins.verify(right(login))), 1, 'and tries do not make it longer')
    later(1_000)
    for (let tries = 0; tries < 4; tries += 1)
      t.equal(await refusal(first.logins.verify(wrong(login))), 'authentication_failed', 'all begins anew')
    await first.logins.verify(right(login))
  })

  await t.test('holds on every server, and over a restart', async (t) => {
    const { login } = await person()
    for (const { logins } of [first, second, first, second, first]) await refusal(logins.verify(wrong(login)))
    t.equal(await lockedFor(second.logins.verify(right(login))), 300)
    const restarted = await openServer(1)
    t.equal(await lockedFor(restarted.logins.verify(right(login))), 300)
  })

  await t.test('is that of one relying party, and of one login however it is spelt', async (t) => {
    const { login } = await person()
    for (let tries = 0; tries < 5; tries += 1) await refusal(first.logins.verify(wrong(login)))
    await first.logins.verify(right(login, 'another-portal'))
    await first.logins.verify(right((await person()).login))
    for (let tries = 0; tries < 5; tries += 1)
      await refusal(first.logins.verify(wrong(tries % 2 === 0 ? 'bình'.normalize('NFD') : 'bình')))
    t.equal(await lockedFor(first.logins.verify(wrong('bình'))), 300, 'of a login nobody has, just the same')
    const { rows } = await sql('select row_to_json(lockouts)::text as line from lockouts')
    const lines = JSON.stringify(rows)
    t.notMatch(lines, login)
    t.notMatch(lines, 'bình')
  })

  await t.test('comes after five of fifty wrong passwords at once, on two servers', async (t) => {
    const { login } = await person()
    for (const name of [login, 'nobody-either']) {
      for (const { judged } of [first, second]) judged.length = 0
      const calls = Array.from({ length: 50 }, (_, index) =>
        (index % 2 === 0 ? first : second).logins.verify(wrong(name))
      )
      t.same(await outcomes(calls), { authentication_failed: 5, login_locked: 45 }, name)
      t.equal(first.judged.length + second.judged.length, 5, 'five were judged')
    }
    const refused = (await events('login.refused')).filter(({ about }) => about.code === 'login_locked')
    const counted = refused.reduce((sum, { about }) => sum + Number(about.count), 0)
    t.ok(counted >= 90, `all are in the audit: ${counted}, in ${refused.length} events`)
  })

  await t.test('does not come of right passwords, however many at once', async (t) => {
    const { login } = await person()
    const calls = Array.from({ length: 16 }, (_, index) =>
      (index % 2 === 0 ? first : second).logins.verify(right(login))
    )
    t.same(await outcomes(calls), { 'not refused': 16 })
    const limits = { attempts: 1, lockoutS: 300 }
    const [strict, other] = [await openServer(0, { limits }), await openServer(1, { limits })]
    const more = [strict, other, strict, other].map(({ logins }) => logins.verify(right(login)))
    t.same(await outcomes(more), { 'not refused': 4 }, 'they wait for each other')
    t.equal(await refusal(strict.logins.verify(wrong(login))), 'authentication_failed')
    t.equal(await lockedFor(strict.logins.verify(right(login))), 300)
  })

  await t.test('does not come of tries that could not be judged', async (t) => {
    const { id, login } = await person()
    await sql('update subscribers set full_name = $2 where id = $1', [id, 'Ai đó'])
    for (let tries = 0; tries < 7; tries += 1)
      t.equal(await refusal(first.logins.verify(right(login))), 'integrity_broken')
  })

  await t.test('takes what a crash left unjudged as wrong, until a right one', async (t) => {
    const key: LockoutKey = { provider, clientId, kind: 'pin', loginMac: Buffer.alloc(32, 7) }
    const enter = () => {
      const at = now().getTime()
      return first.lockoutStore.enter(key, {
        attempts: 2,
        at: now(),
        lockedUntil: new Date(at + 5 * minuteMs),
        judgedSince: new Date(at - 30_000),
        countedSince: new Date(at - 24 * 60 * minuteMs)
      })
    }
    await enter() // and never ends
    later(31_000)
    t.same(await enter(), { entered: true })
    t.match(await enter(), { entered: false, judging: true })
    await first.lockoutStore.leave(key, { as: 'right', attempts: 2 })
    t.same(await enter(), { entered: true })
    await first.lockoutStore.leave(key, { as: 'wrong', attempts: 2 })
    t.same(await enter(), { entered: true }, 'nothing of the crash is counted any more')
    await first.lockoutStore.leave(key, { as: 'wrong', attempts: 2 })
    t.match(await enter(), { entered: false, judging: false })
  })

  await t.test('ends when an operator says so, at all relying parties', async (t) => {
    const { id, login } = await person({ secondFactor: 'code' })
    for (let tries = 0; tries < 5; tries += 1) {
      await refusal(first.logins.verify(wrong(login)))
      await refusal(first.logins.verify(wrong(login, 'another-portal')))
      await refusal(first.logins.verifyCode({ provider, clientId, login, code: '000000' }))
    }
    const bystander = await person()
    for (let tries = 0; tries < 5; tries += 1) await refusal(first.logins.verify(wrong(bystander.login)))
    await second.logins.unlock(id, by)
    t.equal(await refusal(first.logins.verify(right(login))), 'second_factor_required')
    t.equal(await refusal(first.logins.verify(right(login, 'another-portal'))), 'second_factor_required')
    t.equal(
      await refusal(first.logins.verifyCode({ provider, clientId, login, code: 'x' })),
      'authentication_failed'
    )
    t.equal(await lockedFor(first.logins.verify(right(bystander.login))), 300)
    const unlocked = await events('subscriber.unlocked')
    t.match(unlocked, [{ actor: by, about: { subscriberId: id, provider, login, locked: 3 } }])
    t.equal(await refusal(first.logins.unlock('nobody', by)), 'not_found')
  })

  await t.test('is forgotten when it is long over, and not before', async (t) => {
    const { login } = await person()
    for (let tries = 0; tries < 5; tries += 1) await refusal(first.logins.verify(wrong(login)))
    const half = await person()
    for (let tries = 0; tries < 4; tries += 1) await refusal(first.logins.verify(wrong(half.login)))
    await first.logins.purge()
    t.equal(await lockedFor(first.logins.verify(right(login))), 300)
    later(23 * 60 * minuteMs)
    await first.logins.purge()
    await refusal(first.logins.verify(wrong(half.login)))
    t.equal(await lockedFor(first.logins.verify(right(half.login))), 300, 'wrong ones add up over a day')
    later(24 * 60 * minuteMs)
    await first.logins.purge()
    t.same((await sql('select from lockouts')).rowCount, 0)
    t.same((await sql('select from login_codes')).rowCount, 0)
  })

  await t.test('keeps no more rows of made-up logins than it may', async (t) => {
    await sql(
      `insert into lockouts (provider, login_mac, kind, client_id, tries, judging, changed_at, locked_until)
       select 'vnpt', decode(lpad(to_hex(n), 64, '0'), 'hex'), 'password', 'portal', 1, 0,
              $1::timestamptz - n * interval '1 second', case when n > 7 then $1::timestamptz + interval '1 hour' end
         from generate_series(1, 9) as n`,
      [now()]
    )
    const at = now().getTime()
    await first.lockoutStore.purge({
      at: now(),
      countedSince: new Date(at - 60 * minuteMs),
      judgedSince: new Date(at - minuteMs),
      unlockedMax: 3
    })
    const { rows } = await world.database.query<{ n: string }>({
      text: `select ltrim(encode(login_mac, 'hex'), '0') as n from lockouts order by 1`
    })
    t.same(
      rows.map(({ n }) => n),
      ['1', '2', '3', '8', '9'],
      'the latest, and those that are locked'
    )
  })
})

t.test('a second factor', async (t) => {
  /** Whose password was right a moment ago, and the code that was sent. */
  async function halfWay(t: Test, more: { email?: string; phone?: string } = {}) {
    const subscriber = await person({ secondFactor: 'code', ...more })
    const { login } = subscriber
    t.equal(await refusal(first.logins.verify(right(login))), 'second_factor_required')
    const message = first.sent.at(-1)
    const verify = (code: string, server = first, at = clientId) =>
      server.logins.verifyCode({ provider, clientId: at, login, code })
    return { subscriber, login, message, code: codeIn(message), verify }
  }

  await t.test('is a code sent after the right password, good once and on any server', async (t) => {
    const { subscriber, message, code, verify } = await halfWay(t, {
      phone: '0912 345 678',
      email: 'a@b.vn'
    })
    t.match(message, { provider, subscriberId: subscriber.id, channel: 'sms', address: '0912 345 678' })
    t.match(message?.text, /^[0-9]{6} là mã đăng nhập .* portal/)
    t.equal(await refusal(verify(otherThan(code))), 'authentication_failed')
    t.equal(await refusal(verify(`${code} `)), 'authentication_failed')
    t.match(await verify(code, second), { id: subscriber.id })
    t.equal(await refusal(verify(code)), 'authentication_failed', 'spent')
    const mailed = await halfWay(t, { email: 'binh@example.vn' })
    t.match(mailed.message, { channel: 'email', address: 'binh@example.vn' })
  })

  await t.test('is not asked for before the password is right', async (t) => {
    const { login } = await person({ secondFactor: 'code' })
    const before = first.sent.length
    t.equal(await refusal(first.logins.verify(wrong(login))), 'authentication_failed')
    await first.logins.sendCode({ provider, clientId, login })
    await first.logins.sendCode({ provider, clientId, login: 'nobody' })
    t.equal(first.sent.length, before, 'nothing was sent')
    t.equal(
      await refusal(first.logins.verifyCode({ provider, clientId, login, code: '123456' })),
      'authentication_failed'
    )
  })

  await t.test('goes to one of two that come at once', async (t) => {
    const { code, verify } = await halfWay(t)
    t.same(await outcomes([verify(code, first), verify(code, second)]), {
      'not refused': 1,
      authentication_failed: 1
    })
  })

  await t.test('is that of one person at one relying party, for five minutes', async (t) => {
    const { code, verify, login } = await halfWay(t)
    const other = await halfWay(t)
    t.equal(await refusal(verify(code, first, 'another-portal')), 'authentication_failed')
    if (code !== other.code) t.equal(await refusal(other.verify(code)), 'authentication_failed')
    later(5 * minuteMs - 1)
    await first.logins.sendCode({ provider, clientId, login })
    const again = codeIn(first.sent.at(-1))
    if (again !== code) t.equal(await refusal(verify(code)), 'authentication_failed', 'one at a time')
    later(1)
    t.equal(await refusal(verify(again)), 'authentication_failed', 'a further one lasts no longer')
    t.equal(await refusal(other.verify(other.code)), 'authentication_failed')
  })

  await t.test('is sent again when asked, five times in all', async (t) => {
    const { code, verify, login } = await halfWay(t)
    const before = first.sent.length
    for (let times = 0; times < 9; times += 1) await first.logins.sendCode({ provider, clientId, login })
    t.equal(first.sent.length - before, 4)
    const error = await first.logins.verify(right(login)).catch((error: unknown) => error)
    t.match(error, { code: 'too_many_requests', retryAfterS: 300 })
    const last = codeIn(first.sent.at(-1))
    if (last !== code) await refusal(verify(code))
    await verify(last)
  })

  await t.test('locks like a password, however many codes are sent', async (t) => {
    const { code, verify, login } = await halfWay(t)
    for (let tries = 0; tries < 3; tries += 1) await refusal(verify(otherThan(code)))
    await refusal(first.logins.verify(right(login)))
    const next = codeIn(first.sent.at(-1))
    for (let tries = 0; tries < 2; tries += 1)
      t.equal(await refusal(verify(otherThan(next), second)), 'authentication_failed')
    t.equal(await lockedFor(verify(next)), 300)
    t.equal(await refusal(first.logins.verify(right(login))), 'second_factor_required')
  })

  await t.test('has five tries also where a lockout allows more', async (t) => {
    const lenient = await openServer(0, { limits: { attempts: 1000, lockoutS: 1 } })
    const { code, verify } = await halfWay(t)
    for (let tries = 0; tries < 5; tries += 1)
      t.equal(await refusal(verify(otherThan(code), lenient)), 'authentication_failed')
    t.equal(await refusal(verify(code, lenient)), 'authentication_failed')
  })

  await t.test('is kept as a keyed hash that serves nobody else', async (t) => {
    const { code, verify, subscriber } = await halfWay(t)
    const { rows } = await sql(
      'select row_to_json(login_codes)::text as line from login_codes where subscriber_id = $1',
      [subscriber.id]
    )
    t.equal(rows.length, 1)
    t.notMatch(JSON.stringify(rows).replaceAll(subscriber.id, ''), `"${code}"`)
    const victim = await halfWay(t)
    await sql(
      `update login_codes set code_mac = (select code_mac from login_codes where subscriber_id = $2)
        where subscriber_id = $1`,
      [victim.subscriber.id, subscriber.id]
    )
    t.equal(await refusal(victim.verify(code)), 'authentication_failed')
    await verify(code)
  })

  await t.test('is not offered where nothing can send it', async (t) => {
    const { login } = await person({ secondFactor: 'code' })
    const mute = await openServer(1, { sends: false })
    t.equal(await refusal(mute.logins.verify(right(login))), 'not_offered', 'rather than let pass')
    const { id } = await person()
    const input = { provider, login: 'new', fullName: 'Lan', nationalId: '1', secondFactor: 'code' } as const
    for (const call of [
      mute.subscribers.createSubscriber(input, by),
      mute.subscribers.changeSubscriber(id, { secondFactor: 'code' }, by)
    ]) {
      const error = await call.catch((error: unknown) => error)
      t.match(error, { code: 'not_offered', field: 'secondFactor', says: /no way to send/ })
    }
    t.match(await mute.subscribers.changeSubscriber(id, { secondFactor: 'none' }, by), {
      secondFactor: 'none'
    })
  })
})

t.test('a token that is used up, such as a refresh token', async (t) => {
  const { relyingParty } = await world.first.relyingParties.create({ provider, name: 'Cổng' }, by)
  const grant = {
    provider,
    audience: 'login refresh',
    clientId: relyingParty.clientId,
    subscriberId: 's1',
    scope: 'sign'
  }
  const days90 = 90 * 86_400
  const issue = async () => (await world.first.issueToken({ ...grant, ttlS: days90 })).accessToken
  const of = (accessToken: string) => ({
    provider,
    audience: grant.audience,
    clientId: grant.clientId,
    accessToken
  })

  await t.test('lives as long as was asked', async (t) => {
    const { accessToken, expiresInS } = await world.first.issueToken({ ...grant, ttlS: days90 })
    t.equal(expiresInS, days90)
    later(days90 * 1000 - 1)
    const redeemed = await world.second.redeemToken(of(accessToken))
    t.same(redeemed, { ...grant, expiresAt: new Date(now().getTime() + 1) })
    const late = await issue()
    later(days90 * 1000)
    t.equal(await refusal(world.second.redeemToken(of(late))), 'token_expired')
    for (const ttlS of [0, 1.5, 366 * 86_400 + 1])
      await t.rejects(world.first.issueToken({ ...grant, ttlS }), RangeError)
  })

  await t.test('is good for one of many that come at once, on two servers', async (t) => {
    const accessToken = await issue()
    const calls = Array.from({ length: 20 }, (_, index) =>
      (index % 2 === 0 ? world.first : world.second).redeemToken(of(accessToken))
    )
    t.same(await outcomes(calls), { 'not refused': 1, token_expired: 19 })
    t.equal(await refusal(world.first.verifyToken(provider, grant.audience, accessToken)), 'token_expired')
    const audited = await events('token.redeemed')
    t.equal(audited.filter(({ about }) => about.clientId === grant.clientId).length, 2)
    t.notMatch(JSON.stringify(audited), accessToken)
  })

  await t.test('is not used up by whom it was not issued to', async (t) => {
    const accessToken = await issue()
    for (const wrong of [{ provider: 'viettel' }, { audience: 'csc/v2' }, { clientId: 'another-portal' }])
      t.equal(
        await refusal(world.first.redeemToken({ ...of(accessToken), ...wrong })),
        'authentication_failed',
        JSON.stringify(wrong)
      )
    t.equal(await refusal(world.first.redeemToken(of('x'))), 'authentication_failed')
    await world.first.redeemToken(of(accessToken))
  })
})
