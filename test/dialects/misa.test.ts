import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { plainText } from '../../src/providers/misa/esign/plain-text.js'
import { Device } from '../clients/device.js'
import { digestOf } from '../clients/journey.js'
import { digestInfo, documentsOf, type FailureBody, MisaClient, type StatusBody } from '../clients/misa.js'
import { Operator } from '../clients/operator.js'
import { startReceiver } from '../delivery/receiver.js'
import { startWorld } from '../world.js'
import { chainHolds, readCertificate, verifies } from './openssl.js'

/** docs/api.md, "Demo seed". */
const demo = { login: 'binh.le@example.vn', password: 'misa-demo' }
const uuid = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/
/** What the operator sees of a webhook. */
interface Delivery {
  status: string
  url: string
  attempts: { httpStatus: number | null }[]
}
const ended = ({ status }: Delivery) => status !== 'waiting'
const octets = (base64: string) => Buffer.from(base64, 'base64')

t.test('HTML is shown as its text', async (t) => {
  for (const [html, text] of [
    ['Uỷ nhiệm chi 0042', 'Uỷ nhiệm chi 0042'],
    ['<p>Chi <b>5</b> triệu</p><p>cho A</p>', 'Chi 5 triệu cho A'],
    ['dưới 5 < 6 & trên 3 > 2, x<y', 'dưới 5 < 6 & trên 3 > 2, x<y'],
    ['A&amp;B &lt;b&gt; &#273;&#x1ED3;ng&nbsp;1 &copy;', 'A&B <b> đồng 1 &copy;'],
    ['&#0;&#xD800;&#9999999;', '\ufffd\ufffd\ufffd'],
    [
      '<style>b{display:none}</style><b style="display:none">Chi 1</b> tỉ<script>if(a<b)c()</script>',
      'Chi 1 tỉ'
    ],
    ['a<!-- <b>không</b> > -->b --> c', 'ab --> c'],
    ['<img src=x onerror="a()">ảnh<br/>dòng', 'ảnh dòng'],
    ['<SCRIPT>a</script >b', 'b']
  ] as const)
    t.equal(plainText(html), text)
  for (const piece of ['<!--', '<script>', '<script ', '<a', '</', '&#', '<!', ' -->'])
    t.ok(plainText(piece.repeat(20_000 / piece.length)).length <= 20_000, `soon done with ${piece}`)
})

t.test('MISA eSign', async (t) => {
  const world = await startWorld(t)
  const { url, clock } = world
  const operator = new Operator({ url })
  const demoId = await operator.subscriberId('misa', demo.login)

  /** A person of one's own: a password, an RSA credential, and a phone in the test's hand. */
  async function enrol(more: object = {}) {
    const [login, password] = [`${randomUUID()}@example.vn`, 'mật khẩu thử']
    const { body } = await operator.post('/subscribers', {
      provider: 'misa',
      login,
      password,
      fullName: 'Đỗ Thị Thử',
      nationalId: '001099000001',
      ...more
    })
    const id = String(body.id)
    const issued = await operator.post(`/subscribers/${id}/credentials`, {
      algorithm: 'RSA-2048',
      publish: true
    })
    const { body: activation } = await operator.post(`/subscribers/${id}/activation-codes`)
    const device = new Device({ url, provider: 'misa', now: clock.now })
    await device.enrol(String(activation.code))
    return { id, login, password, credentialID: String(issued.body.credentialID), device }
  }

  async function register(more: object = {}): Promise<{ clientId: string; clientKey: string }> {
    const { body } = await operator.post('/relying-parties', { provider: 'misa', name: 'Cổng thử', ...more })
    return { clientId: String(body.clientId), clientKey: String(body.clientSecret) }
  }

  async function loggedIn(
    who: { login: string; password: string },
    as: { clientId?: string; clientKey?: string } = {}
  ): Promise<MisaClient> {
    const client = new MisaClient({ url, ...as })
    const { status, text } = await client.login(who.login, who.password)
    if (status !== 200 || client.tokens === null) throw new Error(`login failed: ${text}`)
    return client
  }

  /** What the operator is told of a request: the names of what was wrong with it. */
  async function diagnosed(headers: Headers): Promise<string[]> {
    const { body } = await operator.get<{ diagnoses?: { code: string; remedy: string }[] }>(
      `/requests/${headers.get('x-request-id')}`
    )
    return (body.diagnoses ?? []).map(({ code }) => code)
  }

  const next = (behaviour: string) =>
    operator.post(`/subscribers/${demoId}/virtual-phone/next`, { behaviour, delayMs: 0 })

  const person = await enrol()
  const other = await register({ mode: 'strict' })
  const lenient = await register({ mode: 'lenient' })

  t.test('login', async (t) => {
    await t.test('answers three tokens and who it is, at both paths', async (t) => {
      for (const at of ['', '/webdev']) {
        const { status, body } = await new MisaClient({ url }).login(demo.login, demo.password, at)
        t.equal(status, 200)
        t.same(body.status, {
          type: 'success',
          code: 200,
          message: 'Success',
          error: false,
          errorCode: 0,
          devMsg: '',
          userMsg: ''
        })
        const { accessToken, remoteSigningAccessToken, refreshToken, ...rest } = body.data ?? {}
        t.equal(new Set([accessToken, remoteSigningAccessToken, refreshToken]).size, 3)
        t.same(rest, {
          tokenType: 'Bearer',
          expiresIn: 3600,
          user: {
            id: demoId,
            email: demo.login,
            phoneNumber: null,
            firstName: 'Lê Hòa',
            lastName: 'Bình',
            username: demo.login
          },
          default: { email: false, phoneNumber: false, appAuthenticator: false },
          verifyUser: { emailsVerify: true, phoneNumberIsVerify: false, isChangePassword: false }
        })
      }
    })

    await t.test('does not tell an unknown name from a wrong password', async (t) => {
      const client = new MisaClient({ url })
      const wrong = await client.login(person.login, 'sai')
      const unknown = await client.login('nobody@example.vn', 'sai')
      t.equal(wrong.status, 401)
      t.match(wrong.body, { status: { type: 'fail', code: 401, error: true, errorCode: 1000 }, data: null })
      t.equal(unknown.text, wrong.text)
    })

    await t.test('refuses a relying party without its key, before anything else is looked at', async (t) => {
      const path = '/webdev/api/auth/api/v1/auth/login-api'
      const body = { userName: demo.login, password: demo.password }
      const client = new MisaClient({ url, clientKey: 'sai' })
      const wrong = await client.call('POST', path, { body })
      t.match(wrong, { status: 401, body: { status: { error: true, errorCode: 401 } } })
      t.equal((await client.call('POST', path, { body: {} })).text, wrong.text)
      const nobody = await new MisaClient({ url, clientId: 'nobody' }).call('POST', path, { body })
      t.equal(nobody.text, wrong.text)
      const without = { 'x-clientId': null, 'x-clientKey': null }
      t.match(await client.call('POST', path, { body, headers: without }), { status: 401 })
    })

    await t.test(
      'takes client headers in any case; without x- where documented, else if lenient',
      async (t) => {
        const path = '/webdev/api/auth/api/v1/auth/login-api'
        const body = { userName: demo.login, password: demo.password }
        const send = (headers: Record<string, string | null>, to = path, what: object = body) =>
          new MisaClient({ url }).call('POST', to, {
            body: what,
            headers: { 'x-clientId': null, 'x-clientKey': null, ...headers }
          })
        t.match(await send({ 'X-CLIENTID': 'dvctt', 'X-CLIENTKEY': 'dvctt-secret' }), { status: 200 })
        t.match(await send({ clientId: 'dvctt', clientKey: 'dvctt-secret' }), { status: 400 }, 'strict')
        const forgiven = await send({ clientId: lenient.clientId, clientKey: lenient.clientKey })
        t.equal(forgiven.status, 200)
        t.same(await diagnosed(forgiven.headers), ['client_headers_without_prefix'])
        const second = await send(
          { clientId: 'dvctt', clientKey: 'dvctt-secret' },
          '/api/auth/api/v1/auth/two-factor-auth',
          { userName: demo.login, code: '000000', otpType: 0, remember: false }
        )
        t.match(second, { status: 400, body: { status: { errorCode: 1001 } } }, 'the second factor has them')
      }
    )

    await t.test('says what is missing in the envelope of logins', async (t) => {
      const path = '/webdev/api/auth/api/v1/auth/login-api'
      const { status, body } = await new MisaClient({ url }).call('POST', path, { body: { userName: 'a' } })
      t.equal(status, 400)
      t.match(body, { status: { errorCode: 400, devMsg: 'password is required.' }, data: null })
    })

    await t.test('locks after five wrong passwords, for this relying party alone', async (t) => {
      const victim = await enrol()
      const client = new MisaClient({ url, ...other })
      for (let turn = 0; turn < 5; turn += 1)
        t.equal((await client.login(victim.login, 'sai')).body.status.errorCode, 1000)
      const right = await client.login(victim.login, victim.password)
      t.match(right, { status: 403, body: { status: { errorCode: 1003 }, data: null } })
      t.ok(Number(right.headers.get('retry-after')) > 0)
      t.ok(await loggedIn(victim))
    })
  })

  t.test('second factor', async (t) => {
    const careful = await enrol({ secondFactor: 'code', phone: '0912 345 678' })
    const sentCode = async () => {
      const { body } = await operator.get<{ items: { text: string }[] }>(
        `/subscribers/${careful.id}/messages`
      )
      return /^\d{6}/.exec(body.items[0]?.text ?? '')?.[0] ?? ''
    }
    const client = new MisaClient({ url })

    await t.test('is asked for by errorCode 122, with 200 and no tokens', async (t) => {
      const { status, body } = await client.login(careful.login, careful.password)
      t.equal(status, 200)
      t.match(body, { status: { type: 'fail', code: 200, error: true, errorCode: 122 }, data: null })
    })

    await t.test('takes the code that was sent last, once', async (t) => {
      const first = await sentCode()
      const resent = await client.resend(careful.login)
      t.match(resent, { status: 200, body: { status: { error: false, errorCode: 0 } } })
      t.same(resent.body.data, { user: { username: careful.login } })
      const second = await sentCode()
      if (first !== second)
        t.match(await client.twoFactor(careful.login, first), {
          status: 400,
          body: { status: { errorCode: 1001 }, data: null }
        })
      const { body } = await client.twoFactor(careful.login, second, '')
      t.match(body, {
        status: { error: false },
        data: { default: { phoneNumber: true }, tokenType: 'Bearer' }
      })
      t.equal((await client.certificates()).body.length, 1)
      t.equal((await client.twoFactor(careful.login, second)).body.status.errorCode, 1001, 'used up')
    })

    await t.test('does not tell whether anybody waits for a code', async (t) => {
      const unknown = await client.resend('nobody@example.vn')
      t.equal(unknown.status, 200)
      t.equal(
        (await client.twoFactor('nobody@example.vn', '123456')).text,
        (await client.twoFactor(demo.login, '123456')).text
      )
    })
  })

  t.test('refreshtoken', async (t) => {
    await t.test('answers new tokens bare, and uses the old refresh token up', async (t) => {
      const client = await loggedIn(person)
      const old = client.tokens
      const { status, body } = await client.refresh(old?.refreshToken ?? '')
      t.equal(status, 200)
      t.same(Object.keys(body).sort(), [
        'accessToken',
        'expiresIn',
        'refreshToken',
        'remoteSigningAccessToken'
      ])
      t.equal(body.expiresIn, 3600)
      client.tokens = body
      t.equal((await client.certificates()).status, 200)
      const again = await client.refresh(old?.refreshToken ?? '')
      t.match(again, { status: 401, body: { error: 'refresh_token_invalid', errorCode: 'e2002' } })
    })

    await t.test('serves one of two calls with the same token', async (t) => {
      const client = await loggedIn(person)
      const token = client.tokens?.refreshToken ?? ''
      const answers = await Promise.all([client.refresh(token), client.refresh(token)])
      t.same(answers.map(({ status }) => status).sort(), [200, 401])
    })

    await t.test('outlives the tokens it renews, and belongs to one relying party', async (t) => {
      const client = await loggedIn(person)
      const token = client.tokens?.refreshToken ?? ''
      clock.advance(3_601_000)
      t.match(await client.certificates(), { status: 401, body: { errorCode: 'e2001' } })
      const stranger = await new MisaClient({ url, ...other }).refresh(token)
      const unknown = await new MisaClient({ url, ...other }).refresh('x'.repeat(43))
      t.equal(stranger.text, unknown.text)
      t.equal((await client.refresh(token)).status, 200)
    })
  })

  t.test('the token of signing calls', async (t) => {
    await t.test('is the remoteSigningAccessToken and no other', async (t) => {
      const client = await loggedIn(person)
      const { accessToken, refreshToken } = client.tokens ?? {}
      const expected = { status: 401, body: { error: 'access_token_invalid', errorCode: 'e2001' } }
      const confused = await client.certificates({ AuthorizationRM: `Bearer ${accessToken}` })
      t.match(confused, expected)
      t.same(await diagnosed(confused.headers), ['access_token_for_signing'])
      t.match(await client.certificates({ AuthorizationRM: `Bearer ${refreshToken}` }), expected)
      t.match(await client.certificates({ AuthorizationRM: 'Bearer nonsense' }), expected)
      const missing = await client.certificates({})
      t.match(missing, expected)
      t.same(await diagnosed(missing.headers), ['signing_token_missing'])
    })

    await t.test('is good for the relying party that logged the person in', async (t) => {
      const stolen = new MisaClient({ url, ...other })
      stolen.tokens = (await loggedIn(person)).tokens
      t.match(await stolen.certificates(), { status: 401, body: { errorCode: 'e2001' } })
    })

    await t.test('in Authorization, or without Bearer, is forgiven to the lenient', async (t) => {
      for (const [party, status] of [
        [other, 401],
        [lenient, 200]
      ] as const) {
        const client = await loggedIn(person, party)
        const token = client.tokens?.remoteSigningAccessToken ?? ''
        const plain = await client.certificates({ authorization: `Bearer ${token}` })
        t.equal(plain.status, status)
        t.same(await diagnosed(plain.headers), ['signing_token_in_authorization'])
        const bare = await client.certificates({ AuthorizationRM: token })
        t.equal(bare.status, status)
        t.same(await diagnosed(bare.headers), ['signing_token_without_bearer'])
      }
    })
  })

  t.test('certificates', async (t) => {
    const client = await loggedIn(demo)
    const [item, ...more] = (await client.certificates()).body
    if (item === undefined) throw new Error('no certificate')

    await t.test('by-userId is a bare array of RSA certificates with the chain misspelled', async (t) => {
      t.same(more, [], 'RSA alone')
      const { certificate, certiticateChain, effectiveDate, expirationDate, keyAlias, ...rest } = item
      t.same(rest, {
        userId: demoId,
        appName: 'MISA eSign',
        keyStatus: 'ACTIVE',
        certStatus: 'ACTIVE',
        emailName: demo.login,
        isAutoSign: false
      })
      t.match(keyAlias, uuid)
      t.match(certificate, /^([A-Za-z0-9+/]{76}\r\n)+[A-Za-z0-9+/]+=*$/, 'with line breaks')
      t.equal(certiticateChain.length, 3)
      const [leaf, issuer, root] = certiticateChain.map(octets)
      if (leaf === undefined || issuer === undefined || root === undefined) throw new Error('short')
      t.same(octets(certificate), leaf)
      t.ok(await chainHolds({ leaf, issuer, root }, clock.now()))
      const read = await readCertificate(leaf)
      t.match(read.subject, /CN=LÊ HÒA BÌNH/)
      t.same(new Date(String(effectiveDate)), read.notBefore)
      t.same(new Date(String(expirationDate)), read.notAfter)
    })

    await t.test('by-certId is one of them, and nothing of anybody else', async (t) => {
      t.same((await client.certificate(item.keyAlias.toUpperCase())).body, item)
      const others = await client.certificate(person.credentialID)
      const unknown = await client.certificate(randomUUID())
      t.equal(others.status, 404)
      t.match(others.body, { error: 'not_found', errorCode: 'e404' })
      t.equal(others.text, unknown.text)
    })

    await t.test('are INACTIVE while suspended', async (t) => {
      const { login, password, credentialID } = await enrol()
      const theirs = await loggedIn({ login, password })
      await operator.post(`/credentials/${credentialID}/suspend`)
      t.match((await theirs.certificates()).body, [{ keyStatus: 'INACTIVE', certStatus: 'INACTIVE' }])
      const { body } = await theirs.certificates()
      const refused = await theirs.ask(body[0] ?? { userId: '', keyAlias: '' }, [digestOf('a')])
      t.match(refused, { status: 403, body: { error: 'certificate_inactive', errorCode: 'e403' } })
    })
  })

  t.test('signing', async (t) => {
    const client = await loggedIn(demo)
    const item = await client.firstActive()
    const leaf = octets(item.certiticateChain[0])

    await t.test('waits for the phone, then answers signatures that openssl verifies', async (t) => {
      const mine = await loggedIn(person)
      const of = await mine.firstActive()
      const digest = digestOf('uỷ nhiệm chi')
      const { status, body } = await mine.ask(of, [digest], {
        DataToBeDisplayed: '<p>Chi <b>5&nbsp;triệu</b></p>'
      })
      t.equal(status, 200)
      const { transactionId, ...rest } = body
      t.match(transactionId, uuid)
      t.same(rest, {
        signingAuthorizeTimeout: 120,
        signatures: null,
        status: 'PENDING',
        errorCode: null,
        errorDescription: null,
        userSigningSession: null,
        sessionSigningEnabled: false
      })
      const pending = {
        transactionId,
        status: 'PENDING',
        errorCode: null,
        errorDescription: null,
        signatures: null,
        extraData: null
      }
      t.same((await mine.status(transactionId)).body, pending)

      const challenge = await person.device.challenge(transactionId)
      t.equal(challenge.description, 'Chi 5 triệu', 'no markup on the device')
      t.same(challenge.documents, [{ name: 'Chứng từ 0.pdf', digest: digest.toString('base64') }])
      t.equal((await person.device.confirm(challenge)).status, 200)

      const { signatures, ...signed } = await mine.outcome(transactionId)
      const { signatures: _, ...before } = pending
      t.same(signed, { ...before, status: 'SUCCESS' })
      t.equal(signatures?.length, 1)
      t.equal(signatures?.[0]?.documentId, 'doc-0')
      t.ok(await verifies(octets(of.certiticateChain[0]), digest, octets(signatures?.[0]?.signature ?? '')))
      t.same((await mine.status(transactionId)).body.signatures, signatures, 'and again')
    })

    await t.test('a batch of 20 is confirmed once and answered in order', async (t) => {
      const digests = Array.from({ length: 20 }, (_, index) => digestOf(`chứng từ ${index}`))
      const { body } = await client.ask(item, digests)
      const { status, signatures } = await client.outcome(body.transactionId)
      t.equal(status, 'SUCCESS')
      t.same(
        signatures?.map(({ documentId }) => documentId),
        documentsOf(digests).map(({ DocumentId }) => DocumentId)
      )
      const verdicts = await Promise.all(
        digests.map((digest, index) => verifies(leaf, digest, octets(signatures?.[index]?.signature ?? '')))
      )
      t.notOk(verdicts.includes(false))
    })

    await t.test('the same request again is another transaction: it has no name of its own', async (t) => {
      const digests = [digestOf('hai lần')]
      const [one, two] = [await client.ask(item, digests), await client.ask(item, digests)]
      t.not(one.body.transactionId, two.body.transactionId)
      t.equal((await client.outcome(one.body.transactionId)).status, 'SUCCESS')
      t.equal((await client.outcome(two.body.transactionId)).status, 'SUCCESS')
    })

    await t.test('FAILED does not say why; the description does', async (t) => {
      await next('reject')
      const rejected = await client.ask(item, [digestOf('từ chối')])
      t.match(await client.outcome(rejected.body.transactionId), {
        status: 'FAILED',
        errorCode: 'e3001',
        errorDescription: 'Người dùng từ chối ký.',
        signatures: null
      })

      const mine = await loggedIn(person)
      const of = await mine.firstActive()
      const expiring = await mine.ask(of, [digestOf('hết hạn')])
      clock.advance(119_000)
      t.equal((await mine.status(expiring.body.transactionId)).body.status, 'PENDING')
      clock.advance(2_000)
      t.match(await mine.outcome(expiring.body.transactionId), {
        status: 'FAILED',
        errorCode: 'e3002',
        errorDescription: 'Quá thời gian xác nhận ký.'
      })
    })

    await t.test('a certificate revoked meanwhile ends what waits, and signs no more', async (t) => {
      const unlucky = await enrol()
      const theirs = await loggedIn(unlucky)
      const of = await theirs.firstActive()
      const { body } = await theirs.ask(of, [digestOf('a')])
      await operator.post(`/credentials/${unlucky.credentialID}/revoke`, { reason: 'keyCompromise' })
      t.match(await theirs.outcome(body.transactionId), {
        status: 'FAILED',
        errorCode: 'e3003',
        signatures: null
      })
      t.match(await theirs.ask(of, [digestOf('b')]), { status: 403, body: { errorCode: 'e403' } })
    })

    await t.test('says what is invalid, property by property', async (t) => {
      const empty = await client.ask(item, [], { Documents: [] })
      t.equal(empty.status, 400)
      const { devMsg, userMsg, ...rest } = empty.body as FailureBody
      t.same(rest, {
        error: 'bad_request',
        errorCode: 'e400',
        moreInfo: null,
        traceId: empty.headers.get('x-request-id'),
        validationFailures: [{ property: 'Documents', failureReason: 'Phải có ít nhất 1 tài liệu' }]
      })
      t.ok(devMsg !== '' && userMsg !== '')
      const wrong = async (document: object) => {
        const { status, body } = await client.ask(item, [], {
          Documents: [{ ...documentsOf([digestOf('a')])[0], ...document }]
        })
        t.equal(status, 400)
        return body.validationFailures?.[0]?.property
      }
      t.equal(await wrong({ DocumentId: 'x'.repeat(37) }), 'Documents[0].DocumentId')
      t.equal(await wrong({ DocumentId: 'a\u0007' }), 'Documents[0].DocumentId')
      t.equal(await wrong({ DocumentName: 'x'.repeat(101) }), 'Documents[0].DocumentName')
      t.equal(await wrong({ FileToSign: 'x' }), 'Documents[0].FileToSign')
      t.equal((await client.sign('{')).status, 400)
    })

    await t.test('what is not one’s own looks like what does not exist', async (t) => {
      const { body: asked } = await (await loggedIn(person)).ask(
        await (await loggedIn(person)).firstActive(),
        [digestOf('của người khác')]
      )
      const unknown = await client.status(randomUUID())
      t.equal(unknown.status, 404)
      t.equal((await client.status(asked.transactionId)).text, unknown.text, 'another person’s')
      const elsewhere = await loggedIn(person, other)
      t.equal((await elsewhere.status(asked.transactionId)).text, unknown.text, 'another relying party’s')

      const digests = [digestOf('a')]
      const noAlias = await client.ask({ ...item, keyAlias: randomUUID() }, digests)
      t.match(noAlias, { status: 404, body: { errorCode: 'e404' } })
      const theirs = await client.ask({ ...item, keyAlias: person.credentialID }, digests)
      t.equal(theirs.text, noAlias.text)
      t.equal((await client.ask({ ...item, userId: person.id }, digests)).text, noAlias.text)
      t.equal((await client.ask({ ...item, userId: randomUUID() }, digests)).text, noAlias.text)
    })
  })

  t.test('mistakes of clients', async (t) => {
    const digest = digestOf('sai dạng')
    const [strict, forgiving] = [await loggedIn(demo, other), await loggedIn(demo, lenient)]
    const item = await strict.firstActive()
    const document = (FileToSign: string) => ({
      Documents: [{ DocumentId: 'a', FileToSign, DocumentName: 'a.pdf' }]
    })

    const forgiven: [string, string, object][] = [
      ['the bare digest', 'digest_without_info', document(digest.toString('base64'))],
      [
        'a DigestInfo twice',
        'digest_info_doubled',
        document(
          Buffer.concat([octets(digestInfo(digest)).subarray(0, 19), octets(digestInfo(digest))]).toString(
            'base64'
          )
        )
      ],
      ['line breaks in it', 'digest_with_space', document(`${digestInfo(digest)}\r\n`)],
      ['hexadecimal', 'digest_hex_for_base64', document(octets(digestInfo(digest)).toString('hex'))]
    ]
    for (const [what, code, more] of forgiven) {
      await t.test(`${what}: refused from the strict, read for the lenient, told to both`, async (t) => {
        const refused = await strict.ask(item, [], more)
        t.match(refused, {
          status: 400,
          body: { errorCode: 'e400', validationFailures: [{ property: 'Documents[0].FileToSign' }] }
        })
        t.ok((await diagnosed(refused.headers)).includes(code))
        const taken = await forgiving.ask(item, [], more)
        t.equal(taken.status, 200)
        t.ok((await diagnosed(taken.headers)).includes(code))
        const { signatures } = await forgiving.outcome(taken.body.transactionId)
        t.ok(
          await verifies(octets(item.certiticateChain[0]), digest, octets(signatures?.[0]?.signature ?? ''))
        )
      })
    }

    const never: [string, string, string][] = [
      ['64 hexadecimal characters', digest.toString('hex'), 'digest_hex_for_base64'],
      ['a whole document', Buffer.alloc(4_000, 'a').toString('base64'), 'document_for_digest'],
      [
        'a DigestInfo of SHA-1',
        Buffer.concat([
          Buffer.from('3021300906052b0e03021a05000414', 'hex'),
          digest.subarray(0, 20)
        ]).toString('base64'),
        'digest_of_other_hash'
      ]
    ]
    for (const [what, text, code] of never) {
      await t.test(`${what}: refused from everybody`, async (t) => {
        const { status, headers } = await forgiving.ask(item, [], document(text))
        t.equal(status, 400)
        t.ok((await diagnosed(headers)).includes(code))
      })
    }

    await t.test('camelCase where PascalCase belongs, and the other way round', async (t) => {
      const camel = {
        dataToBeDisplayed: 'a',
        userId: item.userId,
        certAlias: item.keyAlias,
        documents: [{ documentId: 'a', fileToSign: digestInfo(digest), documentName: 'a.pdf' }]
      }
      t.match(await strict.sign(camel), { status: 400 })
      const taken = await forgiving.sign(camel)
      t.equal(taken.status, 200)
      t.same(await diagnosed(taken.headers), ['member_spelling'])
      t.equal((await forgiving.outcome(taken.body.transactionId)).status, 'SUCCESS')
      const path = '/webdev/api/auth/api/v1/auth/login-api'
      const body = { UserName: demo.login, Password: demo.password }
      t.match(await strict.call('POST', path, { body }), { status: 400 })
      t.match(await forgiving.call('POST', path, { body }), { status: 200 })
    })
  })

  t.test('hosts and paths', async (t) => {
    const at = (host: string) => new MisaClient({ url, host })

    await t.test('the production host answers login at the root', async (t) => {
      const client = at('esignapp.misa.vn')
      t.equal((await client.login(demo.login, demo.password, '')).status, 200)
      t.equal((await client.certificates()).status, 200)
      t.equal((await client.call('GET', '/health/live')).status, 404, 'nothing else is there')
    })

    await t.test('the sandbox refuses login at the root with 405, whoever asks', async (t) => {
      const client = at('testesignappv1.misa.vn')
      t.match(await client.login(demo.login, demo.password, ''), {
        status: 405,
        body: { status: { error: true, errorCode: 405 } }
      })
      t.equal((await client.twoFactor(demo.login, '123456', '')).status, 405)
      t.equal((await client.login(demo.login, demo.password)).status, 200)
      t.equal((await client.certificates()).status, 200)
    })

    await t.test(
      'signing calls under /webdev are a page of HTML with 200, for whatever is sent',
      async (t) => {
        const path = '/webdev/external/esrm/service/signing/api/v1/Signing/hash'
        const without = { headers: { 'x-clientId': null, 'x-clientKey': null, 'content-type': 'text/x' } }
        for (const method of ['GET', 'POST']) {
          const { status, headers, text } = await at('esignapp.misa.vn').call(method, path, without)
          t.equal(status, 200)
          t.match(headers.get('content-type'), 'text/html')
          t.match(text, /^<!doctype html>/)
        }
      }
    )
  })

  t.test('webhook', async (t) => {
    const receiver = await startReceiver(t)
    const address = `${receiver.url}/misa/hook`
    const party = await register({ callbackUrls: [address] })
    const client = await loggedIn(demo, party)
    const item = await client.firstActive()
    const taken = '{"errorCode":"0","devMsg":"","userMsg":""}'

    /** What the receiver was told of a transaction, once it was told `count` times. */
    async function told(
      transactionId: string,
      count: number
    ): Promise<(StatusBody & { messageId: string })[]> {
      const until = Date.now() + 30_000
      for (;;) {
        const bodies = receiver.received.map(({ body }) => body as StatusBody & { messageId: string })
        const found = bodies.filter((body) => body.transactionId === transactionId)
        if (found.length >= count || Date.now() > until) return found
        await sleep(50)
      }
    }
    /** The delivery, once `holds` holds of it. */
    async function delivery(
      transactionId: string,
      holds: (one: Delivery) => boolean
    ): Promise<Delivery | undefined> {
      const until = Date.now() + 30_000
      for (;;) {
        const { body } = await operator.get<{ items: Delivery[] }>(
          `/deliveries?transactionId=${transactionId}`
        )
        const [one] = body.items
        if ((one !== undefined && holds(one)) || Date.now() > until) return one
        await sleep(50)
      }
    }

    await t.test('tells the outcome with the members of the guide', async (t) => {
      receiver.answer = (response) => response.setHeader('content-type', 'application/json').end(taken)
      const { body } = await client.ask(item, [digestOf('a')])
      const { signatures } = await client.outcome(body.transactionId)
      const [message] = await told(body.transactionId, 1)
      const { messageId, ...rest } = message ?? { messageId: '' }
      t.match(messageId, uuid)
      t.same(rest, {
        clientId: party.clientId,
        extraData: {},
        status: 'SUCCESS',
        errorCode: null,
        transactionId: body.transactionId,
        signatures
      })
      t.equal(receiver.received[0]?.path, '/misa/hook')
      t.match(await delivery(body.transactionId, ended), { status: 'delivered', url: address })

      await next('reject')
      const refused = await client.ask(item, [digestOf('b')])
      t.match(await told(refused.body.transactionId, 1), [
        { status: 'FAILED', errorCode: 'e3001', signatures: [] }
      ])
    })

    await t.test('repeats it, the same each time, until it is acknowledged', async (t) => {
      const answers = [
        () => undefined, // never
        (response: ServerResponse) => response.writeHead(500).end(),
        (response: ServerResponse) =>
          response.setHeader('content-type', 'application/json').end('{"errorCode":"webhook.unknown"}'),
        (response: ServerResponse) => response.writeHead(204).end()
      ]
      receiver.answer = (response) => void answers.shift()?.(response)
      const { body } = await client.ask(item, [digestOf('c')])
      await client.outcome(body.transactionId)
      for (let count = 1; count < 4; count += 1) {
        t.equal((await told(body.transactionId, count)).length, count)
        await delivery(body.transactionId, ({ attempts }) => attempts.length >= count)
        clock.advance(120_000)
      }
      const messages = await told(body.transactionId, 4)
      t.equal(new Set(messages.map((message) => JSON.stringify(message))).size, 1)
      const { status, attempts } = (await delivery(body.transactionId, ended)) ?? {}
      t.equal(status, 'delivered')
      t.same(
        attempts?.map(({ httpStatus }) => httpStatus),
        [null, 500, 200, 204]
      )
    })
  })

  await t.test('without its quirks it is an API like another', async (t) => {
    await world.restart({
      QUIRKS_OFF: 'misa.sandbox-root-405,misa.webdev-html,misa.misspelled-chain,misa.base64-line-breaks'
    })
    const client = new MisaClient({ url, host: 'testesignappv1.misa.vn' })
    t.equal((await client.login(demo.login, demo.password, '')).status, 200)
    const { body } = await client.certificates()
    const { certificate, certificateChain, ...rest } = { ...body[0] }
    t.notOk('certiticateChain' in rest)
    t.match(certificateChain, { length: 3, 0: certificate }, 'without line breaks')
    t.match(await client.call('GET', '/webdev/external/esrm/service/general/api/v1/Certificates/by-userId'), {
      status: 404,
      body: { errorCode: 'e404' }
    })
  })
})
