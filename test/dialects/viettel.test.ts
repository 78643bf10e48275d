import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import t from 'tap'
import { type ErrorCode, errorCodes, ServiceError } from '../../src/errors.js'
import { Findings } from '../../src/providers/dialect/findings.js'
import { readDocumentName } from '../../src/providers/viettel/mysign/base64-text.js'
import { mySignFault } from '../../src/providers/viettel/mysign/fault.js'
import { failureOf, standingOf } from '../../src/providers/viettel/mysign/states.js'
import { castAt, digestOf, type Person } from '../clients/journey.js'
import { base64, MySignClient, type SignFields, signatureOf, type TokenBody } from '../clients/viettel.js'
import { startWorld } from '../world.js'
import { chainHolds, readCertificate, verifies } from './openssl.js'
import { mistakes } from './viettel-mistakes.js'
import { an, eventually, party, seen } from './viettel-stage.js'
import { webhook } from './viettel-webhook.js'

/** A little more than a subscriber has to answer. */
const afterExpiryMs = 121_000

t.test('Viettel MySign', async (t) => {
  const world = await startWorld(t)
  const { url } = world
  const stage = castAt({ url, provider: 'viettel', now: world.clock.now })
  const { operator } = stage
  const client = new MySignClient({ url })
  const token = await client.tokenFor(an)
  const person = await stage.enrol({ algorithm: 'RSA-2048' })
  const personToken = await client.tokenFor(person.login)
  const listed = await client.credential(personToken, person.login)
  const leaf = Buffer.from(listed.cert.certificates[0] ?? '', 'base64')

  /** Opens a transaction of the person with a device of their own. */
  async function ask(digests: readonly Uint8Array[], changes: SignFields = {}): Promise<string> {
    const fields = client.signFields(listed.credential_id, digests, changes)
    const { status, body } = await client.sign(personToken, fields)
    if (status !== 200) throw new Error(JSON.stringify(body))
    return String(body.transactionId)
  }
  const firstChallenge = ({ device }: Person) => eventually(async () => (await device.challenges())[0])

  await t.test(
    'a login names a user, asks no password of them, and answers a token for an hour',
    async (t) => {
      const { status, body } = await client.login(an)
      t.equal(status, 200)
      t.match(body.access_token, /^[A-Za-z0-9_-]{43}$/)
      const { access_token: _, ...rest } = body
      t.same(rest, { refresh_token: '', token_type: 'Bearer', expires_in: '3600' })

      const wrongSecret = await client.login(an, { client_secret: 'sai' })
      t.equal(wrongSecret.status, 401)
      t.same(Object.keys(wrongSecret.body), ['error', 'error_description'])
      t.equal(wrongSecret.body.error, '86024')
      t.same(seen(await client.login(an, { client_id: 'nobody' })), seen(wrongSecret), 'as an unknown client')

      const unknown = await client.login('CMT_999999999')
      t.match(seen(unknown), { status: 401, body: { error: '59033' } })
      const without = {
        provider: 'viettel',
        login: 'khong-chung-thu',
        fullName: 'Vũ Văn Không',
        nationalId: '001099000009'
      }
      t.equal((await operator.post('/subscribers', without)).status, 201)
      t.same(seen(await client.login(without.login)), seen(unknown), 'as somebody with nothing to sign with')

      for (const profile_id of [undefined, '', 'adss:ras:profile', 'profile:001', 1]) {
        const { status, body } = await client.login(an, { profile_id })
        t.same([status, body.error], [400, '30000'], `profile_id ${String(profile_id)}`)
      }
    }
  )

  await t.test('client credentials answer a token that is for no user', async (t) => {
    const { status, body } = await client.authenticate()
    t.equal(status, 200)
    t.same(Object.keys(body), ['access_token', 'refresh_token', 'token_type', 'expires_in'])
    t.match(seen(await client.certificates(body.access_token, an)), {
      status: 403,
      body: { error: 'insufficient_scope' }
    })
    t.match(seen(await client.authenticate({ client_secret: 'sai' })), {
      status: 401,
      body: { error: '86024' }
    })
    t.match(seen(await client.authenticate({ grant_type: 'password' })), {
      status: 400,
      body: { error: '30000' }
    })
    const json = await client.post<TokenBody>('ras/v1/authenticate', {})
    t.match(seen(json), { status: 415, body: { error: '30000' } })
  })

  await t.test('certificates/info lists credentials as clients read them', async (t) => {
    const { status, body } = await client.certificates(token, an)
    t.equal(status, 200)
    t.ok(Array.isArray(body), 'a bare array')
    t.equal(body.length, 1, 'RSA alone')
    const [item] = body
    if (item === undefined) throw new Error('there is one')
    const [own, issuer, root, ...more] = item.cert.certificates.map((text) => Buffer.from(text, 'base64'))
    if (own === undefined || issuer === undefined || root === undefined)
      throw new Error('there are three certificates')
    t.same(more, [])
    t.ok(await chainHolds({ leaf: own, issuer, root }, world.clock.now()), 'openssl finds the path')
    const { serialNumber, subject, notBefore, notAfter } = await readCertificate(own)
    const written = (at: Date) => `${at.toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}+0000`
    t.same(item, {
      credential_id: item.credential_id,
      description: 'Go>Sign mobile based implicit credential authorization',
      key: { status: 'enabled', algo: ['1.2.840.113549.1.1.1'], len: '2048', curve: null },
      cert: {
        status: 'valid',
        certificates: item.cert.certificates,
        issuerDN: item.cert.issuerDN,
        serialNumber: BigInt(`0x${serialNumber}`).toString(),
        subjectDN: subject,
        validFrom: written(notBefore),
        validTo: written(notAfter)
      },
      authMode: 'implicit',
      multisign: '100',
      scal: '2'
    })
    t.match(item.cert.issuerDN, /CN=Viettel-CA SIMULATED/)
    t.match(item.cert.serialNumber, /^[0-9]+$/)
    t.match(item.credential_id, /^[0-9a-f-]{36}_[0-9]+_20[0-9]{12}$/)
    t.equal((await client.credential(token, an)).credential_id, item.credential_id, 'the same every time')

    const [single] = (await client.certificates(token, an, { certificates: 'single', certInfo: false })).body
    t.same(single?.cert, { status: 'valid', certificates: [item.cert.certificates[0]] })
    const [none] = (await client.certificates(token, an, { certificates: 'none', certInfo: undefined })).body
    t.same(none?.cert, { status: 'valid' })
  })

  await t.test('a token is for one user and one relying party', async (t) => {
    const badToken = { status: 401, body: { error: 'invalid_token' } }
    t.match(seen(await client.certificates('x'.repeat(43), an)), badToken, 'an unknown one')
    t.match(seen(await client.post('certificates/info', {})), { status: 400 }, 'nothing at all')
    t.match(seen(await client.post('requests/status', { transactionId: 'x' })), badToken, 'none')
    t.match(
      seen(await client.certificates(token, person.login)),
      { status: 401, body: { error: '59033' } },
      'another user'
    )
    t.same(
      seen(await client.certificates(token, 'nobody')),
      seen(await client.certificates(token, person.login)),
      'as one who does not exist'
    )
    const other = await party(stage, url)
    t.match(seen(await other.client.certificates(token, an)), badToken, 'of another relying party')
    t.match(seen(await client.certificates(token, an, { client_secret: 'sai' })), {
      status: 401,
      body: { error: '86024' }
    })
    const { access_token } = (await client.authenticate()).body
    t.match(seen(await client.status(access_token, person.id)), { status: 403 })
  })

  await t.test('async 0 waits for the tap and answers the signatures in the call', async (t) => {
    const digests = [digestOf('một'), digestOf('hai')]
    const { credential_id, cert } = await client.credential(token, an)
    const { status, body } = await client.sign(token, client.signFields(credential_id, digests, { async: 0 }))
    t.equal(status, 200)
    t.same(Object.keys(body), ['signatures'])
    t.equal(body.signatures?.length, 2)
    t.match(body.signatures?.[0], /^(?:[A-Za-z0-9+/]{76}\r\n){4}[A-Za-z0-9+/]{38}==$/, 'in lines')
    for (const [index, digest] of digests.entries()) {
      const signature = signatureOf(body.signatures?.[index])
      t.ok(await verifies(Buffer.from(cert.certificates[0] ?? '', 'base64'), digest, signature))
    }
    const { body: byDefault } = await client.sign(
      token,
      client.signFields(credential_id, [digestOf('ba')], { async: undefined })
    )
    t.equal(byDefault.signatures?.length, 1, 'and without async')
  })

  await t.test('a batch of 20 is shown by name, confirmed once, and signed in order', async (t) => {
    const digests = Array.from({ length: 20 }, (_, index) => digestOf(`hồ sơ ${index}`))
    const id = await ask(digests)
    const pending = await client.status(personToken, id)
    t.same(seen(pending), {
      status: 200,
      body: { status: '4000', description: 'Chờ người dùng xác nhận', signatures: null }
    })
    const shown = await person.device.challenge(id)
    t.match(shown, { clientId: 'dvctt', description: 'Hồ sơ thanh toán', numSignatures: 20 })
    t.same(
      shown.documents,
      digests.map((digest, index) => ({
        name: `Uỷ nhiệm chi ${index + 1}`,
        digest: digest.toString('base64')
      }))
    )
    t.equal((await person.device.confirm(shown)).status, 200)
    const { status, body } = await client.ended(personToken, id)
    t.equal(status, 200)
    t.same({ ...body, signatures: 20 }, { status: '1', description: 'Ký thành công', signatures: 20 })
    const verdicts = await Promise.all(
      digests.map((digest, index) => verifies(leaf, digest, signatureOf(body.signatures?.[index])))
    )
    t.same(new Set(verdicts), new Set([true]))
    t.equal(verdicts.length, body.signatures?.length)
    t.same((await client.status(personToken, id)).body, body, 'and again')
  })

  await t.test('async 2 is asked for like async 1, and a credential is named as elsewhere too', async (t) => {
    const id = await ask([digestOf('bốn')], { async: 2, credentialID: person.credentialID })
    await person.device.confirm(await person.device.challenge(id))
    const { body } = await client.ended(personToken, id)
    t.ok(await verifies(leaf, digestOf('bốn'), signatureOf(body.signatures?.[0])))
  })

  await t.test('the same request again is another transaction', async (t) => {
    const digests = [digestOf('năm')]
    const [first, second] = [await ask(digests), await ask(digests)]
    t.not(first, second)
    for (const id of [first, second]) await person.device.reject(id)
    t.same((await client.ended(personToken, first)).body, {
      status: '4002',
      description: 'Người dùng từ chối ký',
      signatures: null
    })
  })

  await t.test('a refusal in the call is an error', async (t) => {
    const fields = client.signFields(listed.credential_id, [digestOf('sáu')], { async: 0 })
    const answer = client.sign(personToken, fields)
    await person.device.reject((await firstChallenge(person)).id)
    t.same(seen(await answer), {
      status: 400,
      body: { error: '4002', error_description: 'Người dùng từ chối ký' }
    })
  })

  await t.test('a client that goes away ends the waiting and not the transaction', async (t) => {
    const away = new AbortController()
    const fields = client.signFields(listed.credential_id, [digestOf('bảy')], { async: 0 })
    const answer = client.sign(personToken, fields, away.signal)
    answer.catch(() => undefined)
    const challenge = await firstChallenge(person)
    away.abort()
    await t.rejects(answer)
    await person.device.confirm(challenge)
    const { body } = await client.ended(personToken, challenge.id)
    t.ok(await verifies(leaf, digestOf('bảy'), signatureOf(body.signatures?.[0])))
  })

  await t.test('what nobody answers expires, in the call and for who asks', async (t) => {
    const asked = await ask([digestOf('tám')])
    const answer = client.sign(
      personToken,
      client.signFields(listed.credential_id, [digestOf('chín')], { async: 0 })
    )
    await eventually(async () => ((await person.device.challenges()).length === 2 ? true : undefined))
    world.clock.advance(afterExpiryMs)
    const says = 'Hết thời gian chờ người dùng xác nhận'
    t.same(seen(await answer), { status: 400, body: { error: '4001', error_description: says } })
    t.same((await client.ended(personToken, asked)).body, {
      status: '4001',
      description: says,
      signatures: null
    })
  })

  await t.test('a revoked certificate ends what waits, is listed as such and signs nothing', async (t) => {
    const gone = await stage.enrol({ algorithm: 'RSA-2048' })
    const its = await client.tokenFor(gone.login)
    const { credential_id } = await client.credential(its, gone.login)
    const { body: asked } = await client.sign(its, client.signFields(credential_id, [digestOf('mười')]))
    await operator.post(`/credentials/${gone.credentialID}/revoke`, { reason: 'keyCompromise' })
    t.same((await client.ended(its, asked.transactionId)).body, {
      status: '13004',
      description: 'Chứng thư số hết hạn hoặc đã bị thu hồi',
      signatures: null
    })
    const after = await client.credential(its, gone.login)
    t.same([after.key.status, after.cert.status], ['disabled', 'revoked'])
    const refused = await client.sign(its, client.signFields(credential_id, [digestOf('mười')]))
    t.match(seen(refused), { status: 400, body: { error: '13004' } })
  })

  await t.test('what is another user’s or another relying party’s looks unknown', async (t) => {
    const id = await ask([digestOf('riêng')])
    const unknown = await client.status(personToken, '01890000-0000-7000-8000-000000000000')
    t.match(seen(unknown), { status: 400, body: { error: '62000' } })
    t.same(seen(await client.status(personToken, 'no uuid')), seen(unknown))
    t.same(seen(await client.status(token, id)), seen(unknown), 'to another user')
    const other = await party(stage, url)
    t.same(seen(await other.client.status(await other.client.tokenFor(person.login), id)), seen(unknown))
    await person.device.reject(id)

    const { credential_id } = await client.credential(token, an)
    const digests = [digestOf('lạ')]
    const another = await client.sign(personToken, client.signFields(credential_id, digests))
    t.match(seen(another), { status: 400, body: { error: '60000' } })
    for (const name of ['nothing', `${person.credentialID}_1_20200101000000`])
      t.same(seen(await client.sign(personToken, client.signFields(name, digests))), seen(another))
  })

  await t.test('no more than five requests wait for a user', async (t) => {
    const ids = await Promise.all(Array.from({ length: 5 }, (_, index) => ask([digestOf(`chờ ${index}`)])))
    const more = await client.sign(personToken, client.signFields(listed.credential_id, [digestOf('thêm')]))
    t.match(seen(more), { status: 429, body: { error: 'temporarily_unavailable' } })
    await Promise.all(ids.map((id) => person.device.reject(id)))
  })

  await mistakes(t, { url, stage })
  await webhook(t, { world, stage, person })

  await t.test('the real host name leads here, and to nothing else', async (t) => {
    const post = (path: string) => postNaming('remotesigning.viettel.vn:8773', `${url}${path}`)
    const { status, body } = await post('/vtss/service/ras/v1/login')
    t.equal(status, 400)
    t.match(JSON.parse(body), { error: '30000' })
    t.equal((await post('/adss/service/ras/v1/login')).status, 400, 'where the oldest clients log in')
    t.equal((await post('/adss/service/signHash')).status, 404)
    t.equal((await post('/viettel/vtss/service/ras/v1/login')).status, 404)
    t.equal((await post('/viettel/csc/v2/info')).status, 404)
  })

  await t.test('the journey of docs/providers/viettel.md verifies, as it is written there', async (t) => {
    const page = readFileSync(join(process.cwd(), 'docs/providers/viettel.md'), 'utf8')
    const block = /^```bash\n([\s\S]*?)^```$/m.exec(page)?.[1] ?? ''
    t.match(block, 'http://127.0.0.1:8080/')
    const { stdout, stderr } = await promisify(execFile)(
      'bash',
      ['-c', block.replaceAll('http://127.0.0.1:8080', url)],
      {
        cwd: t.testdir(),
        timeout: 60_000
      }
    )
    t.equal(stdout, 'Signature Verified Successfully\n')
    t.equal(stderr, '')
  })

  await t.test(
    'without its quirks it writes numbers, one line, one pending status, and lists all keys',
    async (t) => {
      const off = ['strings-for-numbers', 'signature-line-breaks', 'pending-4000'].map(
        (name) => `viettel.${name}`
      )
      const fields = client.signFields(listed.credential_id, [digestOf('khởi động lại')], { async: 0 })
      const waiting = client.sign(personToken, fields).catch(() => undefined)
      const waited = await firstChallenge(person)
      await world.restart({ QUIRKS_OFF: [...off, 'dialects.rsa-only'].join(',') })
      await waiting
      const { body } = await client.login(an)
      t.equal(body.expires_in, 3600)
      const { body: items } = await client.certificates(body.access_token, an)
      t.same(
        items.map(({ key, multisign, scal }) => ({ key, multisign, scal })),
        [
          {
            key: { status: 'enabled', algo: ['1.2.840.113549.1.1.1'], len: 2048, curve: null },
            multisign: 100,
            scal: 2
          },
          {
            key: { status: 'enabled', algo: ['1.2.840.10045.2.1'], len: 256, curve: '1.2.840.10045.3.1.7' },
            multisign: 100,
            scal: 2
          }
        ]
      )
      const ec = client.signFields(items[1]?.credential_id ?? '', [digestOf('p-256')])
      t.match(seen(await client.sign(body.access_token, ec)), { status: 400, body: { error: '30000' } })
      const again = await client.tokenFor(person.login)
      await person.device.confirm(await person.device.challenge(waited.id))
      const { body: left } = await client.ended(again, waited.id)
      t.equal(left.signatures?.length, 1, 'what a call waited for when the server stopped goes on')

      const { body: asked } = await client.sign(
        again,
        client.signFields(listed.credential_id, [digestOf('cuối')])
      )
      const { body: pending } = await client.status(again, asked.transactionId)
      t.same(pending, { status: 0, description: 'Đang chờ xử lý', signatures: null })
      await person.device.confirm(await person.device.challenge(asked.transactionId))
      const { body: ended } = await client.ended(again, asked.transactionId)
      t.equal(ended.status, 1)
      t.match(ended.signatures?.[0], /^[A-Za-z0-9+/]{342}==$/)
    }
  )
})

/** An empty object posted under another Host, which `fetch` does not send. */
async function postNaming(host: string, url: string): Promise<{ status: number; body: string }> {
  const headers = { 'content-type': 'application/json', host }
  const call = request(url, { method: 'POST', agent: false, headers })
  call.end('{}')
  const [response] = (await once(call, 'response')) as [IncomingMessage]
  return { status: response.statusCode ?? 0, body: await text(response) }
}

t.test('every state and every failure has its words', async (t) => {
  const statuses = (
    ['waiting', 'signing', 'signed', 'rejected', 'expired', 'cancelled', 'failed'] as const
  ).map((state) => standingOf({ state, reason: null }).status)
  t.same(statuses, ['4000', '6000', '1', '4002', '4001', '13004', '4004'])
  t.equal(standingOf({ state: 'failed', reason: 'certificate_expired' }).status, '13004')
  for (const [status, code] of Object.entries(failureOf)) {
    const { body } = mySignFault(new ServiceError(code, '', { says: 'Vì sao' }))
    const expected = status === '0' || status === '6000' ? '4000' : status
    t.same(body, { error: expected, error_description: 'Vì sao' })
  }
  for (const code of Object.keys(errorCodes) as ErrorCode[]) {
    const { status, body } = mySignFault(new ServiceError(code, 'detail for the log'))
    t.ok(status >= 400 && status < 600, `${code} is ${status}`)
    t.notMatch(JSON.stringify(body), /detail for the log/)
  }
})

t.test('a document name is read in base64 or plain', async (t) => {
  const read = (text: string) => readDocumentName(text, 'document_name', new Findings('strict'))
  t.equal(read('VW5jIDAwNDI='), 'Unc 0042')
  t.equal(read(base64('Tờ khai: bổ sung (lần 2)')), 'Tờ khai: bổ sung (lần 2)')
  t.equal(read('VU5D'), 'UNC', 'a short one in base64')
  t.equal(read('file'), 'file', 'a word that decodes to signs')
  t.equal(read('hop dong'), 'hop dong')
  t.equal(read('TEST'), 'TEST', 'a word that decodes to no UTF-8')
})
