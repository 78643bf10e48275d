import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import t from 'tap'
import { type ErrorCode, errorCodes, ServiceError } from '../../src/errors.js'
import { smartCaCscFault } from '../../src/providers/vnpt/csc/fault.js'
import { standingOf } from '../../src/providers/vnpt/csc/states.js'
import { castAt, digestOf } from '../clients/journey.js'
import { answerIn, Browser } from '../clients/plain-browser.js'
import { type Envelope, VnptCscClient } from '../clients/vnpt-csc.js'
import { seenSignatures, verifiesXml, without } from '../documents/judges.js'
import { pkce } from '../oauth/flow.js'
import { startWorld } from '../world.js'
import { chainHolds, readCertificate, verifies } from './openssl.js'
import { openReceiver } from './receiver.js'
import { eventually, seen } from './viettel-stage.js'

const binh = { login: '001088035895', password: 'vnpt-demo' }
/** A little more than a subscriber has to answer. */
const afterExpiryMs = 301_000

t.test('VNPT SmartCA by OAuth and CSC', async (t) => {
  const world = await startWorld(t)
  const { url } = world
  const stage = castAt({ url, provider: 'vnpt', now: world.clock.now })
  const { operator } = stage
  const client = new VnptCscClient({ url })
  const password = 'mật khẩu riêng'
  const person = await stage.enrol({ algorithm: 'RSA-2048', subscriber: { password } })
  let token = await client.tokenOf(person.login, password)
  const { body: info } = await client.info(token, person.credentialID)
  const leaf = Buffer.from(info.cert.certificates[0] ?? '', 'base64')

  /** A relying party of its own. */
  async function party(fields: object = {}): Promise<VnptCscClient> {
    const asked = { provider: 'vnpt', name: 'Cổng thử', ...fields }
    const { body } = await operator.post('/relying-parties', asked)
    return new VnptCscClient({
      url,
      clientId: String(body.clientId),
      clientSecret: String(body.clientSecret)
    })
  }

  /** Opens a transaction of the person. */
  async function ask(digests: readonly Uint8Array[], changes: object = {}): Promise<string> {
    const fields = client.hashes(person.credentialID, randomUUID(), digests, changes)
    const { status, body } = await client.signHash(token, fields)
    if (status !== 200) throw new Error(JSON.stringify(body))
    return body.content.tranId
  }

  await t.test('a password gives tokens of a person', async (t) => {
    const { status, headers, body } = await client.byPassword(binh.login, binh.password)
    t.equal(status, 200)
    t.equal(headers.get('cache-control'), 'no-store')
    t.match(body.access_token, /^[A-Za-z0-9_-]{43}$/)
    t.match(body.refresh_token, /^[0-9a-f]{64}$/)
    const { access_token: _, refresh_token: __, ...rest } = body
    t.same(rest, {
      token_type: 'bearer',
      expires_in: 3600,
      scope: 'email offline_access openid profile sign'
    })
    const list = await client.list(body.access_token)
    t.same(
      { ...list.body, content: list.body.content.length },
      { code: 0, codeDesc: 'SUCCESS', message: 'Thành công', content: 1 }
    )
  })

  const redirectUri = 'http://127.0.0.1:9/callback?kept=1'
  /** A person's way through the pages, to what the relying party is sent. */
  async function through(
    parameters: Record<string, string | undefined> = {}
  ): Promise<Record<string, string>> {
    const browser = new Browser(url)
    const page = await browser.open(client.authorizeUrl({ redirect_uri: redirectUri, ...parameters }))
    return answerIn(await browser.submit(page, 'login', binh))
  }

  await t.test('a login at the pages gives a code, and that the tokens of the person', async (t) => {
    const answer = await through({ state: 'trạng thái' })
    t.match(answer, { kept: '1', state: 'trạng thái', code: /^[A-Za-z0-9_-]{43}$/ })
    const { status, body } = await client.exchange(answer.code, redirectUri)
    t.equal(status, 200)
    t.match(body.refresh_token, /^[0-9a-f]{64}$/)
    t.equal(body.scope, 'email offline_access openid profile sign')
    t.equal((await client.userInfo(body.access_token)).body.content.uid, binh.login)
    const again = await client.exchange(answer.code, redirectUri)
    t.match(seen(again), { status: 400, body: { error: 'invalid_grant' } })
    t.equal((await client.list(body.access_token)).status, 401, 'a code that comes again ends what it gave')

    const late = await through()
    world.clock.advance(16_000)
    t.match(seen(await client.exchange(late.code, redirectUri)), {
      status: 400,
      body: { error: 'invalid_grant', error_description: 'The code is unknown, used or too old.' }
    })
    const { code } = await through()
    t.match((await client.exchange(code, 'http://127.0.0.1:9/other')).body, { error: 'invalid_grant' })
    const other = await party()
    t.match((await other.exchange(code, redirectUri)).body, { error: 'invalid_grant' })
    t.equal((await client.exchange(code, redirectUri)).status, 200)

    const { verifier, challenge } = pkce()
    const pkced = await through({ code_challenge: challenge, code_challenge_method: 'S256' })
    t.match((await client.exchange(pkced.code, redirectUri)).body, { error: 'invalid_grant' })
    t.equal((await client.exchange(pkced.code, redirectUri, { code_verifier: verifier })).status, 200)
  })

  await t.test('the pages are opened by a form as well, and may be left', async (t) => {
    const browser = new Browser(url)
    const [address = '', query = ''] = client
      .authorizeUrl({ redirect_uri: redirectUri, state: 'x' })
      .split('?')
    const page = await browser.open(address, Object.fromEntries(new URLSearchParams(query)))
    t.equal(page.status, 200)
    const assets = new Set([...page.html.matchAll(/"(\/vnpt\/auth\/[a-z0-9.]+)"/g)].map(([, path]) => path))
    t.same([...assets], ['/vnpt/auth/oauth2.css', '/vnpt/auth/logo.svg'])
    for (const path of assets) t.equal((await fetch(`${url}${path}`)).status, 200, `${path}`)
    t.ok(browser.cookies.every(({ path }) => path === '/vnpt/auth/authorize'))
    const answer = answerIn(await browser.submit(page, 'cancel'))
    t.match(answer, { kept: '1', state: 'x', error: 'access_denied' })
  })

  await t.test('what is wrong with a request is told where it can be', async (t) => {
    const opened = (parameters: Record<string, string | undefined>) =>
      new Browser(url).open(client.authorizeUrl({ redirect_uri: redirectUri, state: 'x', ...parameters }))
    for (const parameters of [
      { client_id: 'nobody' },
      { redirect_uri: 'https://example.vn/' },
      { redirect_uri: undefined }
    ]) {
      const page = await opened(parameters)
      t.equal(page.status, 400)
      t.match(page.html, 'invalid_request')
    }
    for (const [parameters, error] of [
      [{ response_type: 'token' }, 'unsupported_response_type'],
      [{ scope: 'everything' }, 'invalid_scope'],
      [{ code_challenge: 'x' }, 'invalid_request']
    ] as const)
      t.match(answerIn(await opened(parameters)), { error, state: 'x' })
  })

  await t.test('on the real host name the pages are at its root', async (t) => {
    const { hostname, port } = new URL(url)
    const path = client.authorizeUrl({ redirect_uri: redirectUri }).slice(client.base.length)
    const [response] = (await once(
      request({ hostname, port, path, headers: { host: 'gwsca.vnpt.vn' } }).end(),
      'response'
    )) as [IncomingMessage]
    response.resume()
    t.equal(response.statusCode, 303)
    t.match(response.headers.location, /^\/auth\/authorize\/[0-9a-f-]{36}$/)
    t.match(response.headers['set-cookie'], [/; Path=\/auth\/authorize; /])
  })

  await t.test('a refresh token is good for one use', async (t) => {
    const { body: first } = await client.byPassword(person.login, password)
    const { status, body: second } = await client.refresh(first.refresh_token)
    t.equal(status, 200)
    t.same(Object.keys(second), ['access_token', 'refresh_token', 'token_type', 'expires_in', 'scope'])
    t.not(second.refresh_token, first.refresh_token)
    t.equal((await client.list(second.access_token)).status, 200)
    const again = await client.refresh(first.refresh_token)
    t.match(seen(again), { status: 400, body: { error: 'invalid_grant' } })
    t.equal((await client.list(second.access_token)).status, 401, 'it ended all that came of it')
    const { body: kept } = await client.byPassword(person.login, password)
    world.clock.advance(89 * 86_400_000)
    const { body: later } = await client.refresh(kept.refresh_token)
    world.clock.advance(91 * 86_400_000)
    t.match(
      (await client.refresh(later.refresh_token)).body,
      { error: 'invalid_grant' },
      'after three months'
    )
    token = await client.tokenOf(person.login, password)
    for (const text of ['', 'x', '0'.repeat(64), first.refresh_token.toUpperCase()])
      t.equal((await client.refresh(text)).status, 400)
  })

  await t.test('client, grant and scope are refused in the words of OAuth', async (t) => {
    const other = new VnptCscClient({ url, clientSecret: 'sai' })
    const refused = await other.byPassword(binh.login, binh.password)
    t.match(seen(refused), { status: 400, body: { error: 'invalid_client' } })
    t.same(Object.keys(refused.body), ['error', 'error_description'])
    const nobody = new VnptCscClient({ url, clientId: 'nobody' })
    t.same(seen(await nobody.byPassword(binh.login, binh.password)), seen(refused), 'as an unknown one')
    const { login: username } = binh
    const asked = { grant_type: 'password', username, password: binh.password }
    t.match((await client.token({ ...asked, scope: 'everything' })).body, { error: 'invalid_scope' })
    t.match((await client.token({ ...asked, grant_type: 'client_credentials' })).body, {
      error: 'unsupported_grant_type'
    })
    t.match((await client.token({ ...asked, username: '' })).body, {
      error: 'invalid_request',
      error_description: 'username is required.'
    })
    const json = await client.post('auth/token', asked)
    t.match(seen(json), { status: 415, body: { error: 'invalid_request' } })
  })

  await t.test('wrong passwords lock a login for five minutes, whether anybody has it or not', async (t) => {
    const own = await party()
    for (const login of [person.login, 'khong-ai']) {
      for (let left = 4; left >= 0; left -= 1) {
        t.same(seen(await own.byPassword(login, 'sai')), {
          status: 400,
          body: {
            error: 'invalid_grant',
            error_description: `The username or the password is wrong. Attempts left: ${left}.`
          }
        })
      }
      const locked = await own.byPassword(login, password)
      t.match(seen(locked), { status: 400, body: { error: 'invalid_grant', error_description: /locked/ } })
      t.match(locked.headers.get('retry-after'), /^[0-9]+$/)
    }
    t.equal((await client.byPassword(person.login, password)).status, 200, 'not at another relying party')
    world.clock.advance(301_000)
    t.equal((await own.byPassword(person.login, password)).status, 200)
  })

  await t.test('who needs a one-time code has no token by password, and is sent no code', async (t) => {
    const careful = { password, secondFactor: 'code', phone: '+84912345678' }
    const { login } = await stage.enrol({ subscriber: careful })
    t.same(seen(await client.byPassword(login, password)), {
      status: 400,
      body: {
        error: 'invalid_grant',
        error_description: 'This login asks for a one-time code besides: use auth/authorize.'
      }
    })
  })

  await t.test(
    'what is unambiguous though wrong is taken from a lenient relying party, and told',
    async (t) => {
      const digest = digestOf('nhầm')
      const info = Buffer.concat([Buffer.from('3031300d060960864801650304020105000420', 'hex'), digest])
      const wrong = { datas: [{ name: 'UNC', hash: info.toString('base64') }] }
      for (const [mode, status] of [
        ['strict', 400],
        ['lenient', 200]
      ] as const) {
        const own = await party({ mode })
        const its = await own.tokenOf(person.login, password)
        const fields = own.hashes(person.credentialID, randomUUID(), [], wrong)
        const answer = await own.signHash(its, fields)
        t.equal(answer.status, status, mode)
        const note = await operator.get<{ diagnoses: object[] }>(
          `/requests/${answer.headers.get('x-request-id')}`
        )
        t.match(note.body.diagnoses, [{ code: 'digest_info_for_digest', field: 'datas[0].hash' }])
        if (status !== 200) continue
        const { tranId } = answer.body.content
        await person.device.confirm(await person.device.challenge(tranId))
        const { documents } = await own.ended(its, tranId)
        t.ok(await verifies(leaf, digest, Buffer.from(documents[0]?.sig ?? '', 'base64')))
      }
    }
  )

  await t.test('credentials/info is bare, field by field', async (t) => {
    const its = await client.tokenOf(binh.login, binh.password)
    const [id = ''] = (await client.list(its)).body.content
    const { status, body } = await client.info(its, id)
    t.equal(status, 200)
    const [own, issuer, root, ...more] = body.cert.certificates.map((text) => Buffer.from(text, 'base64'))
    if (own === undefined || issuer === undefined || root === undefined) throw new Error('there are three')
    t.same(more, [])
    t.ok(await chainHolds({ leaf: own, issuer, root }, world.clock.now()), 'openssl finds the path')
    const { serialNumber, subject, notBefore, notAfter } = await readCertificate(own)
    const written = (at: Date) => `${at.toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`
    t.same(body, {
      key: { status: 'ENABLED', alg: ['1.2.840.113549.1.1.1'], len: 2048 },
      cert: {
        status: 'VALID',
        serialNumber,
        subjectDN: subject,
        issuerDN: body.cert.issuerDN,
        validFrom: written(notBefore),
        validTo: written(notAfter),
        certificates: body.cert.certificates
      },
      authMode: 'oauth2code',
      scal: 'SCAL2',
      multisign: 1,
      status: 'ACTIVE',
      servicePacks: [],
      signType: 0,
      defaultServicePackId: null
    })
    t.match(body.cert.issuerDN, /SIMULATED/)
    t.match(serialNumber, /^5401/)
    const { body: single } = await client.info(its, id, { certificates: 'single', certInfo: false })
    t.same(single.cert, { status: 'VALID', certificates: body.cert.certificates.slice(0, 1) })
    const { body: none } = await client.info(its, id, { certificates: 'none', certInfo: undefined })
    t.same(none.cert, { status: 'VALID' })
  })

  await t.test('one digest, and 50 at once', async (t) => {
    for (const count of [1, 50]) {
      const digests = Array.from({ length: count }, (_, index) => digestOf(`hồ sơ ${count} ${index}`))
      const refTranId = randomUUID()
      const fields = client.hashes(person.credentialID, refTranId, digests)
      const { status, body } = await client.signHash(token, fields)
      t.equal(status, 200)
      const { tranId } = body.content
      t.same(body, {
        code: 0,
        codeDesc: 'SUCCESS',
        message: 'Chờ người dùng xác nhận',
        content: { tranId }
      })
      const documents = digests.map((digest, index) => ({
        name: `UNC-${index + 1}`,
        type: null,
        size: null,
        data: null,
        hash: digest.toString('base64'),
        sig: null,
        dataSigned: null,
        url: null
      }))
      const { body: waiting } = await client.transaction(token, tranId)
      const content = {
        refTranId,
        documents,
        tranId,
        sub: person.id,
        credentialId: person.credentialID,
        tranType: 3,
        tranTypeDesc: 'SIGNHASH',
        tranStatus: 4000,
        tranStatusDesc: 'WAITING_FOR_SIGNER_CONFIRM',
        reqTime: waiting.content.reqTime
      }
      t.same(waiting, { code: 0, codeDesc: 'SUCCESS', message: 'Thành công', content })
      t.match(waiting.content.reqTime, /^20[0-9-]{8}T[0-9:.]{12}Z$/)
      const shown = await person.device.challenge(tranId)
      t.match(shown, { description: 'Hồ sơ thanh toán', clientId: 'dvctt', numSignatures: count })
      t.equal((await person.device.confirm(shown)).status, 200)
      const ended = await client.ended(token, tranId)
      t.same(ended, {
        ...content,
        tranStatus: 1,
        tranStatusDesc: 'SUCCESS',
        documents: documents.map((one, index) => ({ ...one, sig: ended.documents[index]?.sig }))
      })
      const verdicts = await Promise.all(
        digests.map((digest, index) =>
          verifies(leaf, digest, Buffer.from(ended.documents[index]?.sig ?? '', 'base64'))
        )
      )
      t.ok(verdicts.every(Boolean))
      const again = await client.signHash(token, fields)
      t.equal(again.body.content.tranId, tranId, 'the same request again is the same transaction')
    }
    const digests = Array.from({ length: 51 }, (_, index) => digestOf(String(index)))
    const tooMany = await client.signHash(token, client.hashes(person.credentialID, randomUUID(), digests))
    t.match(seen(tooMany), { status: 400, body: { code: 62010 } })
  })

  await t.test('userinfo tells who the token is for', async (t) => {
    const its = await client.tokenOf(binh.login, binh.password)
    const { body } = await client.userInfo(its)
    t.same(body, {
      code: 0,
      codeDesc: 'SUCCESS',
      message: 'Thành công',
      content: { accType: 2, uidPre: 'CCCD', uid: binh.login, email: null, phone: null }
    })
    const own = { password, nationalId: '012345678', email: 'thu@example.vn', phone: '+84912345678' }
    const other = await stage.enrol({ subscriber: own })
    const { content } = (await client.userInfo(await client.tokenOf(other.login, password))).body
    t.same(content, {
      accType: 0,
      uidPre: 'CMND',
      uid: '012345678',
      email: 'thu@example.vn',
      phone: '+84912345678'
    })
  })

  await t.test('whole files are signed, and had back with their signatures in them', async (t) => {
    const pdf = readFileSync('examples/documents/tokhaidangkysudungdvc.pdf')
    const xml = Buffer.from('<HoSo><SoTien>1000000</SoTien></HoSo>')
    const datas = [
      { name: 'to-khai.pdf', dataBase64: pdf.toString('base64') },
      { name: 'HO-SO.XML', dataBase64: xml.toString('base64') }
    ]
    const credentialId = person.credentialID
    const refTranId = randomUUID()
    const fields = { credentialId, refTranId, description: 'Tờ khai', datas }
    const { status, body } = await client.sign(token, fields)
    t.equal(status, 200)
    const { tranId } = body.content
    t.same(body.message, 'Chờ người dùng xác nhận')
    t.equal((await client.sign(token, fields)).body.content.tranId, tranId, 'the same again')
    const [first] = datas
    const changed = await client.sign(token, { ...fields, datas: [first] })
    t.match(seen(changed), { status: 400, body: { code: 30000 } }, 'a refTranId of another request')
    const { content: waiting } = (await client.transaction(token, tranId)).body
    t.match(waiting, { refTranId, tranType: 2, tranTypeDesc: 'SIGN', tranStatus: 4000 })
    t.same(
      waiting.documents.map(({ hash: _, ...rest }) => rest),
      [
        { name: 'to-khai.pdf', type: 'pdf', size: pdf.length },
        { name: 'HO-SO.XML', type: 'xml', size: xml.length }
      ].map((one) => ({ ...one, data: null, sig: null, dataSigned: null, url: null }))
    )
    const shown = await person.device.challenge(tranId)
    t.same(
      shown.documents.map(({ digest }) => digest),
      waiting.documents.map(({ hash }) => hash),
      'the phone shows what is signed'
    )
    await person.device.confirm(shown)
    const { tranStatus, documents } = await client.ended(token, tranId)
    t.equal(tranStatus, 1)
    for (const { hash, sig } of documents)
      t.ok(await verifies(leaf, Buffer.from(hash, 'base64'), Buffer.from(sig ?? '', 'base64')))
    const [signedPdf, signedXml] = documents.map(({ dataSigned }) => Buffer.from(dataSigned ?? '', 'base64'))
    if (signedPdf === undefined || signedXml === undefined) throw new Error('there are two')
    t.ok(signedPdf.subarray(0, pdf.length).equals(pdf), 'nothing before is changed')
    if (without('pdfsig') === false)
      t.match(await seenSignatures(signedPdf), [{ valid: true, type: 'ETSI.CAdES.detached' }])
    t.match(signedXml.toString(), /<SoTien>1000000<\/SoTien><.*Signature/)
    if (without('xmlsec1') === false) {
      const [, issuer, root] = info.cert.certificates.map((text) => Buffer.from(text, 'base64'))
      if (issuer === undefined || root === undefined) throw new Error('there are three')
      t.ok(await verifiesXml(signedXml, { issuer, root, idOf: [] }))
    }

    const asked = (name: string, dataBase64: string) =>
      client.sign(token, { credentialId, refTranId: randomUUID(), datas: [{ name, dataBase64 }] })
    t.match(seen(await asked('to-khai.docx', 'UEsDBA==')), { status: 400, body: { code: 64000 } })
    t.match(seen(await asked('to-khai.pdf', 'aGVsbG8=')), { status: 400, body: { code: 63002 } })
    t.match(seen(await asked('to-khai.pdf', '%')), { status: 400, body: { code: 63002 } })
    t.match(seen(await asked('ho-so.xml', '/w==')), { status: 400, body: { code: 63002 } }, 'not UTF-8')
    const many = Array.from({ length: 11 }, () => first)
    const tooMany = await client.sign(token, { credentialId, refTranId: randomUUID(), datas: many })
    t.match(seen(tooMany), { status: 400, body: { code: 62010 } })

    world.clock.advance(3_601_000)
    t.equal((await client.transaction(token, tranId)).status, 401, 'a token is good for an hour')
    token = await client.tokenOf(person.login, password)
    const later = (await client.transaction(token, tranId)).body.content
    t.same(
      later.documents.map(({ sig, dataSigned }) => [typeof sig, dataSigned]),
      [
        ['string', null],
        ['string', null]
      ],
      'files are kept for an hour, signatures longer'
    )
  })

  await t.test('what is refused, taken away or not answered says so', async (t) => {
    const rejected = await ask([digestOf('không')])
    await person.device.reject(rejected)
    t.match(await client.ended(token, rejected), { tranStatus: 4002, tranStatusDesc: 'SIGNER_REJECTED' })

    const expired = await ask([digestOf('muộn')])
    world.clock.advance(afterExpiryMs)
    t.match(await client.ended(token, expired), { tranStatus: 4001, tranStatusDesc: 'EXPIRED' })

    const gone = await stage.enrol({ algorithm: 'RSA-2048', subscriber: { password } })
    const its = await client.tokenOf(gone.login, password)
    const fields = client.hashes(gone.credentialID, randomUUID(), [digestOf('thu hồi')])
    const { tranId } = (await client.signHash(its, fields)).body.content
    await operator.post(`/credentials/${gone.credentialID}/revoke`, { reason: 'keyCompromise' })
    t.match(await client.ended(its, tranId), { tranStatus: 4003, tranStatusDesc: 'AUTHORIZE_KEY_FAILED' })
    t.equal((await client.signHash(its, fields)).body.content.tranId, tranId, 'asked again, the same')
    const { body } = await client.info(its, gone.credentialID)
    t.same([body.key.status, body.cert.status, body.status], ['DISABLED', 'REVOKED', 'REVOKED'])
    const anew = await client.signHash(its, { ...fields, refTranId: randomUUID() })
    t.match(seen(anew), { status: 400, body: { code: 60001, codeDesc: 'CREDENTIAL_NOT_MATCH_IDENTITY' } })
  })

  await t.test('what is another person’s or another relying party’s looks unknown', async (t) => {
    const other = await party()
    const [its, ofOther] = [
      await client.tokenOf(binh.login, binh.password),
      await other.tokenOf(person.login, password)
    ]
    t.equal((await other.list(token)).status, 200, 'a token says itself whose it is')
    const unknown = (id: string) => ({
      status: 400,
      body: {
        code: 60000,
        codeDesc: 'CREDENTIAL_NOT_EXIST',
        message: `no_credential_match_id_${id}`,
        content: null
      }
    })
    for (const id of [person.credentialID, randomUUID(), 'x'])
      t.same(seen(await client.info(its, id)), unknown(id))
    const fields = client.hashes(person.credentialID, randomUUID(), [digestOf('lạ')])
    t.same(seen(await client.signHash(its, fields)), unknown(person.credentialID))

    const tranId = await ask([digestOf('riêng')])
    const nothing = await client.transaction(token, randomUUID())
    t.match(seen(nothing), {
      status: 400,
      body: { code: 62000, codeDesc: 'SIGNATURE_TRANSACTION_NOT_FOUND' }
    })
    t.same(seen(await client.transaction(token, 'no uuid')), seen(nothing))
    t.same(seen(await client.transaction(its, tranId)), seen(nothing), 'to another person')
    t.same(seen(await other.transaction(ofOther, tranId)), seen(nothing), 'to another relying party')
    const sp769 = (id: string) =>
      client.post<{ message: string }>(`sca/sp769/v1/signatures/sign/${id}/status`, {})
    t.same(seen(await sp769(tranId)), seen(await sp769(randomUUID())), 'where an id alone is asked for')
    await person.device.reject(tranId)

    for (const bearer of [undefined, 'x', 'x'.repeat(43)]) {
      const { status, body } = await client.post<Envelope<null>>('csc/credentials/list', {}, bearer)
      t.match({ status, body }, { status: 401, body: { code: 401, codeDesc: 'UNAUTHORIZED' } })
    }
    const csc = await fetch(`${url}/vnpt/csc/v2/credentials/list`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{}'
    })
    t.equal(csc.status, 401, 'and opens no other API')
  })

  await t.test('mistakes are told by their numbers', async (t) => {
    const right = () => client.hashes(person.credentialID, randomUUID(), [digestOf('đúng')])
    const hash = (text: string) => ({ datas: [{ name: 'UNC', hash: text }] })
    const hex = digestOf('đúng').toString('hex')
    const cases: [string, object, number][] = [
      ['no credentialId', { credentialId: undefined }, 30000],
      ['no refTranId', { refTranId: undefined }, 30000],
      ['an empty refTranId', { refTranId: '' }, 30000],
      ['no datas', { datas: [] }, 62010],
      ['a digest in hexadecimal', hash(hex), 62010],
      ['a short digest', hash('aGVsbG8='), 62010],
      ['a notifyUrl of nobody', { notifyUrl: 'https://example.vn/x' }, 30000]
    ]
    for (const [what, changes, code] of cases) {
      const { status, body } = await client.signHash(token, { ...right(), ...changes })
      t.match({ status, code: body.code }, { status: 400, code }, what)
    }
    const taken = right()
    const { tranId } = (await client.signHash(token, taken)).body.content
    const reused = await client.signHash(token, { ...taken, ...hash(digestOf('khác').toString('base64')) })
    t.match(seen(reused), { status: 400, body: { code: 30000 } }, 'a refTranId of another request')
    await person.device.reject(tranId)
  })

  await t.test('notifyUrl is called once, at a registered address', async (t) => {
    const receiver = await openReceiver(t)
    const notifyUrl = `${receiver.url}/notify`
    const own = await party({ callbackUrls: [notifyUrl] })
    const its = await own.tokenOf(person.login, password)
    const asked = async () => {
      const refTranId = randomUUID()
      const fields = own.hashes(person.credentialID, refTranId, [digestOf(refTranId)], { notifyUrl })
      return { refTranId, tranId: (await own.signHash(its, fields)).body.content.tranId }
    }
    receiver.answers('/notify', { status: 500, body: {} })
    const first = await asked()
    await person.device.confirm(await person.device.challenge(first.tranId))
    const [call] = await eventually(async () => {
      const calls = receiver.take()
      return calls.length > 0 ? calls : undefined
    })
    t.match(call, { method: 'POST', path: '/notify', body: { ...first, status: 1 } })
    t.same(Object.keys(call?.body ?? {}), ['tranId', 'refTranId', 'status'])
    const second = await asked()
    await person.device.reject(second.tranId)
    const calls = await eventually(async () => {
      const calls = receiver.take()
      return calls.length > 0 ? calls : undefined
    })
    t.same(
      calls.map(({ body }) => body),
      [{ ...second, status: 4002 }],
      'and not again about the first'
    )
    const { body } = await operator.get<{ items: { status: string; attempts: unknown[] }[] }>(
      `/deliveries?transactionId=${first.tranId}`
    )
    t.match(body.items, [{ status: 'given-up', attempts: [{}] }])
    const below = own.hashes(person.credentialID, randomUUID(), [digestOf('dưới')], {
      notifyUrl: `${notifyUrl}/below`
    })
    t.match((await own.signHash(its, below)).body, { code: 30000 }, 'the very same characters')
  })
})

t.test('every state has its number', async (t) => {
  const states = ['waiting', 'signing', 'signed', 'rejected', 'expired', 'cancelled', 'failed'] as const
  t.same(
    states.map((state) => standingOf({ state, reason: null }).status),
    [4000, 4000, 1, 4002, 4001, 4003, 4004]
  )
  t.same(standingOf({ state: 'failed', reason: 'certificate_expired' }), {
    status: 4003,
    description: 'AUTHORIZE_KEY_FAILED'
  })
})

t.test('every failure has its words', async (t) => {
  for (const code of Object.keys(errorCodes) as ErrorCode[]) {
    const failure = new ServiceError(code, 'x')
    for (const path of ['/vnpt/csc/credentials/list', '/vnpt/auth/token']) {
      const { status, body } = smartCaCscFault(failure, { path })
      t.ok(status >= 400 && status < 600, `${code} at ${path}`)
      t.match(
        body,
        path.includes('/auth/') ? { error: /^[a-z_]+$/ } : { code: Number, codeDesc: /^[A-Z_]+$/ }
      )
    }
  }
})
