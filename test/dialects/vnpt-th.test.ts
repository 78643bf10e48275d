import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import t from 'tap'
import { codeOf } from '../../src/access/totp-code.js'
import { AnnexClient, certificateOctets } from '../clients/annex.js'
import { castAt, digestOf, type Person } from '../clients/journey.js'
import type { Answer } from '../clients/portal.js'
import { startSecond } from '../clients/second-server.js'
import { type ThBody, ThClient, type ThUser, totpOf } from '../clients/smartca-th.js'
import { startWorld } from '../world.js'
import { newId } from './annex-stage.js'
import { verifies } from './openssl.js'

const run = promisify(execFile)
const password = 'mật khẩu thử'
/** A time step of codes, and the life of a sad. */
const [stepMs, sadMs] = [30_000, 299_000]

t.test('one-time codes by time are those of RFC 6238, appendix B', async (t) => {
  const secret = Buffer.from('12345678901234567890')
  const vectors: [seconds: number, code: string][] = [
    [59, '94287082'],
    [1_111_111_109, '07081804'],
    [1_111_111_111, '14050471'],
    [1_234_567_890, '89005924'],
    [2_000_000_000, '69279037'],
    [20_000_000_000, '65353130']
  ]
  for (const [seconds, code] of vectors) t.equal(codeOf(secret, Math.floor(seconds / 30), 8), code)
})

t.test('VNPT SmartCA TH', async (t) => {
  const world = await startWorld(t)
  const { url, clock } = world
  const cast = castAt({ url, provider: 'vnpt', now: clock.now })
  const { operator } = cast
  const client = new ThClient({ url })
  const v1 = new AnnexClient({
    url,
    manners: {
      certificates: '/vnpt/sca/sp769/v2/credentials/get_certificate',
      sign: '/vnpt/sca/sp769/v1/signatures/sign',
      status: (id) => `/vnpt/sca/sp769/v1/signatures/sign/${id}/status`,
      namesInStatus: false,
      form: 'hex'
    }
  })
  const events = async (type: string) => {
    const { body } = await operator.get<{ items: { type: string; actor: string; about: object }[] }>(
      '/audit?limit=200'
    )
    return body.items.filter((event) => event.type === type)
  }

  /** Somebody with a password, an RSA credential, a device and, unless told otherwise, a secret for codes. */
  async function enrol({ totp = true } = {}) {
    const person = await cast.enrol({ algorithm: 'RSA-2048', subscriber: { password } })
    const { serial_number, cert_data } = await v1.certificate(person.login)
    const made = totp ? await operator.post(`/subscribers/${person.id}/totp`) : null
    const secret = String(made?.body.secret)
    const user: ThUser = { userId: person.login, password, serialNumber: serial_number }
    return { person, user, secret, leaf: certificateOctets(cert_data) }
  }
  /** A code that was not used: each time step has one. */
  function code(secret: string): string {
    clock.advance(stepMs)
    return totpOf(secret, clock.now())
  }
  async function answer(person: Person, how: 'confirm' | 'reject'): Promise<void> {
    const [challenge] = await person.device.challenges()
    if (challenge === undefined) throw new Error('nothing waits')
    const told =
      how === 'confirm' ? await person.device.confirm(challenge) : await person.device.reject(challenge.id)
    if (told.status !== 200) throw new Error(JSON.stringify(told.body))
  }
  const faultOf = ({ status, body }: Answer<ThBody>) => [status, body.status_code, body.message, body.data]
  const badRequest = [400, 400, 'BAD_REQUEST', null]
  const badOtp = [400, 1003, 'OTP_INVALID', null]

  await t.test('confirm and replay at another server', async (t) => {
    const there = await startSecond(t, world)
    const other = new ThClient({ url: there.url })
    const { person, user, secret, leaf } = await enrol()
    const [id, digest, otp] = [newId(), digestOf('hai máy chủ'), totpOf(secret, clock.now())]
    const asked = await client.sign(user, id, otp, [digest])
    t.equal(asked.status, 200)
    t.same(faultOf(await other.sign(user, newId(), otp, [digest])), badOtp, 'a code that was used here')
    const waiting = other.confirm(user, id, asked.body.data?.sad)
    await sleep(200)
    await answer(person, 'confirm')
    const { body } = await waiting
    t.equal(body.message, 'Success')
    const signature = Buffer.from(body.data?.signatures?.[0]?.signature_value ?? '', 'base64')
    t.ok(await verifies(leaf, digest, signature), 'openssl verifies')
  })

  await t.test('an operator gives a secret, which is shown once', async (t) => {
    const { person } = await enrol({ totp: false })
    const path = `/subscribers/${person.id}/totp`
    const once = { 'idempotency-key': newId() }
    const made = await operator.call('POST', path, undefined, once)
    const { secret, uri, ...rest } = made.body
    t.same([made.status, rest], [201, {}])
    t.equal(Buffer.from(String(secret), 'base64').length, 20)
    const folder = t.testdir({ secret: Buffer.from(String(secret), 'base64'), counter: '' })
    await writeFile(join(folder, 'counter'), counterAt(clock.now()))
    const coded = await run('base32', ['-w0', join(folder, 'secret')])
    const read = new URL(String(uri))
    t.same(Object.fromEntries(read.searchParams), {
      secret: coded.stdout.replaceAll('=', ''),
      issuer: 'VNPT SMART CA',
      algorithm: 'SHA1',
      digits: '6',
      period: '30'
    })
    t.equal(decodeURIComponent(`${read.host}${read.pathname}`), `totp/VNPT SMART CA:${person.login}`)
    const again = await operator.call('POST', path, undefined, once)
    t.same([again.status, again.body], [201, {}], 'a replay shows nothing')
    const judged = await run('openssl', [
      ...['dgst', '-sha1', '-mac', 'HMAC', '-macopt'],
      `hexkey:${Buffer.from(String(secret), 'base64').toString('hex')}`,
      join(folder, 'counter')
    ])
    const mac = Buffer.from(judged.stdout.trim().split(' ').at(-1) ?? '', 'hex')
    const truncated = mac.readUInt32BE((mac[19] ?? 0) & 15) & 0x7fffffff
    t.equal(
      totpOf(String(secret), clock.now()),
      String(truncated % 1e6).padStart(6, '0'),
      'as openssl has it'
    )

    const database = new pg.Client(world.connection)
    await database.connect()
    const { rows } = await database.query('select row_to_json(s)::text as line from totp_secrets s')
    await database.end()
    const hex = Buffer.from(String(secret), 'base64').toString('hex')
    t.notOk(JSON.stringify(rows).includes(hex), 'kept encrypted')
    const about = { subscriberId: person.id, provider: 'vnpt' }
    t.match((await events('subscriber.totp-set')).at(-1), { actor: /^operator:/, about })
    t.equal((await operator.call('DELETE', path)).status, 204)
    t.equal((await operator.call('DELETE', path)).status, 204, 'also where there is none')
    t.match(await events('subscriber.totp-removed'), [{ actor: /^operator:/, about }])
    t.equal((await operator.post('/subscribers/nobody/totp')).status, 404)
    t.equal((await operator.call('DELETE', '/subscribers/nobody/totp')).status, 404)
  })

  await t.test('sign answers a sad, and confirm waits for the phone', async (t) => {
    const { person, user, secret, leaf } = await enrol()
    const [id, digests] = [newId(), ['một', 'hai'].map(digestOf)]
    const asked = await client.sign(user, id, code(secret), digests)
    const { sad = '', tran_code } = asked.body.data ?? {}
    t.same(
      [asked.status, asked.body],
      [
        200,
        {
          status_code: 200,
          message: 'sig_wait_for_user_confirm',
          data: { transaction_id: id, tran_code, sad, expired_in: 299 }
        }
      ]
    )
    const [head, claims] = sad.split('.').map((part) => Buffer.from(part, 'base64url').toString())
    t.match(JSON.parse(head ?? ''), { typ: 'JWT' }, 'a JWT')
    t.match(JSON.parse(claims ?? ''), { jti: tran_code, aud: 'dvctt' })
    t.equal((await client.status(id)).body.message, 'PENDING')

    const waiting = client.confirm(user, id, sad)
    t.equal(await Promise.race([waiting, sleep(500, 'waits')]), 'waits', 'as long as nobody has confirmed')
    await answer(person, 'confirm')
    const confirmed = await waiting
    const values = confirmed.body.data?.signatures?.map(({ signature_value }) => signature_value) ?? []
    const signatures = values.map((signature_value, index) => ({
      doc_id: `doc-${index + 1}`,
      signature_value,
      timestamp_signature: null
    }))
    const { expired_in = 0 } = confirmed.body.data ?? {}
    t.ok(expired_in > 0 && expired_in <= 299)
    t.same(
      [confirmed.status, confirmed.body],
      [200, { status_code: 200, message: 'Success', data: { transaction_id: id, expired_in, signatures } }]
    )
    for (const [index, digest] of digests.entries())
      t.ok(await verifies(leaf, digest, Buffer.from(values[index] ?? '', 'base64')), 'openssl verifies')

    const replayed = await client.confirm(user, id, sad)
    t.same(replayed.body.data?.signatures, signatures, 'a replayed confirm answers the same')
    t.same((await client.status(id)).body.data?.signatures, signatures, 'as status does')
    const again = await client.sign(user, id, code(secret), digests)
    t.same([again.body.data?.tran_code, again.body.data?.sad], [tran_code, sad], 'the same request again')
    t.equal((await person.device.challenges()).length, 0, 'asks nobody again')
    clock.advance(sadMs)
    const late = await client.confirm(user, id, sad)
    t.same(faultOf(late), badRequest, 'no longer than 299 s')
    t.match(late.body.description, /expired/)
  })

  await t.test('confirm after the phone has confirmed answers at once', async (t) => {
    const { person, user, secret } = await enrol()
    const id = newId()
    const asked = await client.sign(user, id, code(secret), [digestOf('xong')])
    await answer(person, 'confirm')
    t.equal((await client.confirm(user, id, asked.body.data?.sad)).body.message, 'Success')
  })

  await t.test('the phone refuses, or nobody answers in time', async (t) => {
    const { person, user, secret } = await enrol()
    const id = newId()
    const asked = await client.sign(user, id, code(secret), [digestOf('không')])
    const waiting = client.confirm(user, id, asked.body.data?.sad)
    await answer(person, 'reject')
    const { status, body } = await waiting
    t.same([status, body.status_code, body.message, body.data?.signatures], [200, 200, 'REJECTED', null])

    const late = newId()
    const { body: opened } = await client.sign(user, late, code(secret), [digestOf('muộn')])
    const expiring = client.confirm(user, late, opened.data?.sad)
    await sleep(300)
    clock.advance(301_000)
    const ended = await expiring
    t.same([ended.status, ended.body.message, ended.body.data?.signatures], [200, 'EXPIRED', null])
    t.same(faultOf(await client.confirm(user, late, opened.data?.sad)), badRequest)
  })

  await t.test('a wrong code, one of another time, and one that was used, are refused', async (t) => {
    const { person, user, secret } = await enrol()
    const ask = (otp: string, more: object = {}) => client.sign(user, newId(), otp, [digestOf('mã')], more)
    const right = code(secret)
    const wrong = String((Number(right) + 1) % 1e6).padStart(6, '0')
    const refused = await ask(wrong)
    t.same(faultOf(refused), badOtp)
    t.match(refused.body.description, /\w.*\.$/)
    const at = (steps: number) => totpOf(secret, new Date(clock.now().getTime() + steps * stepMs))
    t.same(faultOf(await ask(at(-2))), badOtp, 'two steps late')
    t.same(faultOf(await ask(at(2))), badOtp, 'two steps early')
    t.same(faultOf(await ask('12345')), badOtp)
    t.equal((await person.device.challenges()).length, 0, 'and no phone rang')
    t.same(faultOf(await ask(right, { sign_files: [{ data_to_be_signed: 'ab', doc_id: 'a' }] })), badRequest)
    t.equal((await ask(right)).status, 200, 'a request that is wrong in itself uses no code up')
    t.same(faultOf(await ask(right)), badOtp, 'the same code again')
    t.same(faultOf(await ask(at(-1))), badOtp, 'nor one from before it')
    t.equal((await ask(at(1))).status, 200, 'one step early')
    t.match((await events('factor.refused')).at(-1)?.about, { kind: 'totp', code: 'factor_wrong' })
    clock.advance(stepMs) // its code was used early
    const [otp, more] = [code(secret), { serial_number: '' }]
    t.same(faultOf(await ask(otp, more)), badRequest, 'serial_number is required')
    const both = await Promise.all([ask(otp), ask(otp)])
    t.same(both.map(({ status }) => status).sort(), [200, 400], 'of two at once one is taken')
  })

  await t.test('too many wrong codes lock, at this relying party alone', async (t) => {
    const { person, user, secret } = await enrol()
    const made = await operator.post('/relying-parties', { provider: 'vnpt', name: 'Cổng khác' })
    const of = { spId: String(made.body.clientId), spPassword: String(made.body.clientSecret) }
    const other = new ThClient({ url, ...of })
    const ask = (by: ThClient, otp: string) => by.sign(user, newId(), otp, [digestOf('khoá')])
    for (let tries = 0; tries < 5; tries += 1) t.same(faultOf(await ask(client, 'xxxxxx')), badOtp)
    const locked = await ask(client, code(secret))
    t.same(faultOf(locked), [429, 1003, 'OTP_LOCKED', null])
    t.match(locked.headers.get('retry-after'), /^[0-9]+$/)
    t.equal((await ask(other, totpOf(secret, clock.now()))).status, 200, 'another one is not locked')
    await operator.post(`/subscribers/${person.id}/unlock`)
    t.equal((await ask(client, code(secret))).status, 200, 'an operator ends it')
  })

  await t.test('a wrong password and nobody look alike', async (t) => {
    const { user, secret } = await enrol()
    const wrong = [401, 401, 'USER_CREDENTIAL_INVALID', null]
    const otp = code(secret)
    const ask = (of: ThUser) => client.sign(of, newId(), otp, [digestOf('sai')])
    const [mine, nobody] = [await ask({ ...user, password: 'sai' }), await ask({ ...user, userId: 'nobody' })]
    t.same([faultOf(mine), faultOf(nobody)], [wrong, wrong])
    t.equal(mine.body.description, nobody.body.description)
    const id = newId()
    const asked = await client.sign(user, id, otp, [digestOf('đúng')])
    t.equal(asked.status, 200, 'and the code is still good')
    const { sad } = asked.body.data ?? {}
    t.same(faultOf(await client.confirm({ ...user, password: 'sai' }, id, sad)), wrong)
    t.same(faultOf(await new ThClient({ url, spPassword: 'sai' }).confirm(user, id, sad)), [
      401,
      401,
      'SP_CREDENTIAL_INVALID',
      null
    ])
    for (let tries = 0; tries < 4; tries += 1) await client.confirm({ ...user, password: 'sai' }, id, sad)
    t.same(faultOf(await client.confirm(user, id, sad)), [429, 429, 'TOO_MANY_REQUESTS', null])
  })

  await t.test('a sad is good for its transaction, its relying party and its subscriber alone', async (t) => {
    const [one, two] = [await enrol(), await enrol()]
    const made = await operator.post('/relying-parties', { provider: 'vnpt', name: 'Cổng thứ ba' })
    const of = { spId: String(made.body.clientId), spPassword: String(made.body.clientSecret) }
    const other = new ThClient({ url, ...of })
    const [id, second] = [newId(), newId()]
    const asked = await client.sign(one.user, id, code(one.secret), [digestOf('a')])
    const further = await client.sign(two.user, second, code(two.secret), [digestOf('b')])
    const theirs = await other.sign(one.user, id, code(one.secret), [digestOf('a')])
    t.equal(theirs.status, 200, 'two relying parties may use one name')
    await answer(one.person, 'confirm')
    const sad = asked.body.data?.sad ?? ''
    const answers = [
      await other.confirm(one.user, id, sad),
      await client.confirm(one.user, id, theirs.body.data?.sad),
      await client.confirm(one.user, id, further.body.data?.sad),
      await client.confirm(one.user, second, sad),
      await client.confirm(two.user, id, sad),
      await client.confirm(one.user, newId(), sad),
      await client.confirm(one.user, id, `${sad.slice(0, -2)}AA`),
      await client.confirm(one.user, id, 'x')
    ]
    for (const told of answers) t.same(faultOf(told), badRequest)
    t.equal(new Set(answers.map(({ body }) => body.description)).size, 1, 'all of them alike')
    const plain = newId()
    await v1.sign(two.user.userId, plain, v1.files([digestOf('c')]))
    t.same(faultOf(await client.confirm(two.user, plain, sad)), badRequest, 'one of version 1 has none')
  })

  await t.test('who has no secret is told whose call gives one, and a new one ends the old', async (t) => {
    const { person, user } = await enrol({ totp: false })
    const refused = await client.sign(user, newId(), '123456', [digestOf('chưa')])
    t.same(faultOf(refused), badOtp)
    const note = await operator.get(`/requests/${refused.headers.get('x-request-id')}`)
    t.match(note.body, {
      error: 'factor_required',
      diagnoses: [
        { code: 'totp_missing', field: 'otp', remedy: /POST \/operator\/subscribers\/\{id\}\/totp/ }
      ]
    })
    const first = await operator.post(`/subscribers/${person.id}/totp`)
    const second = await operator.post(`/subscribers/${person.id}/totp`)
    const ask = (otp: string) => client.sign(user, newId(), otp, [digestOf('mới')])
    t.same(faultOf(await ask(code(String(first.body.secret)))), badOtp)
    t.equal((await ask(code(String(second.body.secret)))).status, 200)
  })

  await t.test(
    'a secret that somebody with SQL puts elsewhere opens nothing, and no secret is logged',
    async (t) => {
      const [one, two] = [await enrol(), await enrol()]
      const database = new pg.Client(world.connection)
      await database.connect()
      await database.query(
        `update totp_secrets set secret = (select secret from totp_secrets where subscriber_id = $2)
        where subscriber_id = $1`,
        [one.person.id, two.person.id]
      )
      await database.end()
      const broken = await client.sign(one.user, newId(), code(two.secret), [digestOf('đổi')])
      t.same(faultOf(broken), [500, 500, 'SERVER_INTERNAL_ERROR', null])
      const asked = await client.sign(two.user, newId(), code(two.secret), [digestOf('nhật ký')])
      const sad = asked.body.data?.sad ?? ''
      await client.confirm(two.user, newId(), sad)
      const { body } = await operator.get<{ items: object[] }>('/audit?limit=200')
      const written = `${world.log.join('\n')}${JSON.stringify(body.items)}`
      for (const [name, value] of Object.entries({ sad, secret: two.secret, password }))
        t.notOk(written.includes(value), name)
      t.ok(sad !== '' && world.log.length > 0)
    }
  )
})

/** The time step of a moment in 8 octets (RFC 6238 §4.2). */
const counterAt = (at: Date): Buffer => {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(at.getTime() / 30_000)))
  return counter
}
