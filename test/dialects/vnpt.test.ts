import pg from 'pg'
import t from 'tap'
import { type ErrorCode, errorCodes, ServiceError } from '../../src/errors.js'
import { annexFault } from '../../src/providers/annex/envelope.js'
import { AnnexClient, certificateOctets } from '../clients/annex.js'
import { digestOf } from '../clients/journey.js'
import { startWorld } from '../world.js'
import { digestMistakes } from './annex-digests.js'
import { annexJourneys } from './annex-journeys.js'
import {
  type AnnexDialect,
  badRequest,
  diagnosisOf,
  isAsked,
  isFault,
  isSigned,
  newId,
  setStage,
  wrongCredentials
} from './annex-stage.js'
import { annexWebhook } from './annex-webhook.js'
import { readCertificate } from './openssl.js'

const below = '/sca/sp769/v1'
const manners = {
  certificates: `/vnpt${below}/credentials/get_certificate`,
  sign: `/vnpt${below}/signatures/sign`,
  status: (id: string) => `/vnpt${below}/signatures/sign/${encodeURIComponent(id)}/status`,
  namesInStatus: false,
  form: 'hex'
} as const
const dialect: AnnexDialect = {
  provider: 'vnpt',
  login: '001088035895',
  manners,
  ttlS: 300,
  messages: { waiting: 'PENDING', signed: 'SUCCESS', rejected: 'REJECTED', expired: 'EXPIRED' },
  unsigned: () => null,
  beside: () => ({}),
  waits: ({ message }) => message === 'PENDING',
  asked: (transaction_id, _docIds, made) => ({ transaction_id, tran_code: made?.tran_code }),
  askedMessage: 'sig_wait_for_user_confirm',
  nobodyMessage: 'Success'
}

t.test('every failure has a code of the annex, and says nothing of what is only for the log', async (t) => {
  const symbols: Record<string, ErrorCode[]> = {}
  for (const code of Object.keys(errorCodes) as ErrorCode[]) {
    const { status, body } = annexFault(new ServiceError(code, 'for the log'))
    const { status_code, message, description } = body as Record<string, unknown>
    t.equal(status_code, status, code)
    t.equal(description, errorCodes[code], code)
    const name = `${status} ${message}`
    symbols[name] = [...(symbols[name] ?? []), code]
  }
  const { '400 BAD_REQUEST': _, ...others } = symbols
  t.same(others, {
    '401 SP_CREDENTIAL_INVALID': ['authentication_required', 'authentication_failed', 'token_expired'],
    '403 CREDENTIAL_STATUS_INVALID': ['credential_unusable', 'certificate_expired'],
    '429 TOO_MANY_REQUESTS': ['too_many_requests', 'challenges_too_many'],
    '503 SERVICE_UNAVAILABLE': ['hsm_busy', 'hsm_unavailable', 'database_unavailable'],
    '500 SERVER_INTERNAL_ERROR': ['signature_uncertain', 'integrity_broken', 'internal']
  })
})

t.test('VNPT sp769', async (t) => {
  const world = await startWorld(t)
  const stage = setStage(world, dialect)
  const { client, cast } = stage
  const { login } = dialect

  await t.test('as all dialects of the annex', (t) => annexJourneys(t, stage))
  await t.test('digests in a wrong form', (t) => digestMistakes(t, stage))

  await t.test('get_certificate lists what the document lists (§3.1.1)', async (t) => {
    for (const version of ['v1', 'v2']) {
      const path = `/vnpt/sca/sp769/${version}/credentials/get_certificate`
      const of = { sp_id: 'dvctt', sp_password: 'dvctt-secret', user_id: login }
      const { status, body } = await client.post(path, { ...of, transaction_id: 'abc' })
      const [listed] = body.data?.user_certificates ?? []
      if (listed === undefined) throw new Error('nothing is listed')
      const read = await readCertificate(certificateOctets(listed.cert_data))
      const expected = {
        service_type: 'SMARTCA',
        service_name: 'SMARTCA PERSONAL ENTERPRISE',
        cert_id: listed.cert_id,
        cert_status: 'Đang hoạt động',
        serial_number: read.serialNumber,
        cert_subject: read.subject,
        cert_valid_from: read.notBefore.toISOString(),
        cert_valid_to: read.notAfter.toISOString(),
        cert_data: listed.cert_data,
        chain_data: listed.chain_data,
        transaction_id: 'abc'
      }
      t.same(
        [status, body],
        [200, { status_code: 200, message: 'Success', data: { user_certificates: [expected] } }]
      )
      t.match(listed.cert_id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
      t.match(listed.serial_number, /^5401[0-9a-f]+$/)
      t.match(listed.cert_subject, /UID=CCCD:001088035895,.*CN=TRẦN THỊ BÌNH,/)
      t.match(listed.cert_data, /^(.{76}\r\n)+.{1,76}$/, 'with line breaks')
      t.match(listed.chain_data, { ca_cert: /^[A-Za-z0-9+/]+=*$/, root_cert: /^[A-Za-z0-9+/]+=*$/ })
    }
  })

  await t.test('cert_status tells in Vietnamese what became of a certificate', async (t) => {
    const person = await stage.person()
    const { id, serialNumber } = await stage.anotherCredential(person)
    const status = async () => {
      const { body } = await client.certificates(person.login, { serial_number: serialNumber })
      return body.data?.user_certificates?.map(({ cert_status, service_name }) => [cert_status, service_name])
    }
    const alone = 'SMARTCA PERSONAL PRO'
    t.same(await status(), [['Đang hoạt động', alone]])
    await cast.operator.post(`/credentials/${id}/suspend`)
    t.same(await status(), [['Tạm dừng', alone]])
    await cast.operator.post(`/credentials/${id}/revoke`)
    t.same(await status(), [['Đã thu hồi', alone]])
  })

  await t.test('without credentials the id is the secret', async (t) => {
    const one = await stage.register()
    const ask = async (of: AnnexClient, id: string) => {
      const answer = await of.sign(login, id, of.files([digestOf(id)]))
      t.equal(answer.status, 200)
      return answer.body.data?.tran_code ?? ''
    }
    const [own, plain, shared] = [newId(), 'PHIEU-CHI-42', newId()]
    const tranCode = await ask(client, own)
    await client.outcome(own, dialect.waits)
    const { body } = await client.status(own)
    t.equal(body.message, 'SUCCESS', 'a transaction_id that is a UUID')
    t.same((await client.status(tranCode)).body, body, 'the tran_code')
    t.same((await client.provedStatus(tranCode)).body, body)
    t.same((await client.post(manners.status(own), {})).body, body, 'an empty object')
    const bare = await fetch(`${world.url}${manners.status(own)}`, { method: 'POST' })
    t.same([bare.status, await bare.json()], [200, body], 'no body at all')

    const plainCode = await ask(client, plain)
    isFault(t, await client.status(plain), badRequest, 'one that can be guessed')
    const ended = await client.outcome(plain, dialect.waits, { proved: true })
    t.match(ended.body, { message: 'SUCCESS', data: { transaction_id: plain } }, 'with credentials')
    t.same((await client.status(plainCode)).body, ended.body)

    await ask(client, shared)
    t.equal((await client.status(shared)).status, 200)
    const otherCode = await ask(one.client, shared)
    isFault(t, await client.status(shared), badRequest, 'one that two relying parties have used')
    const [mine, theirs] = [
      await client.outcome(shared, dialect.waits, { proved: true }),
      await one.client.outcome(shared, dialect.waits, { proved: true })
    ]
    t.equal(mine.body.message, 'SUCCESS')
    t.equal(theirs.body.message, 'SUCCESS')
    t.not(mine.body.data?.signatures?.[0]?.signature_value, undefined)
    t.same((await client.status(otherCode)).body, theirs.body, 'its tran_code still does')

    isFault(t, await client.status(newId()), badRequest, 'nobody’s')
    isFault(t, await client.status('a'.repeat(129)), badRequest, 'a long one')
    isFault(t, await client.status('a\u0000b'), badRequest, 'U+0000')
    for (const of of [
      { sp_id: 'dvctt', sp_password: 'wrong' },
      { sp_id: 'dvctt' },
      { sp_password: 'dvctt-secret' },
      { sp_id: one.clientId, sp_password: 'dvctt-secret' }
    ])
      isFault(t, await client.status(own, of), wrongCredentials, `credentials that are sent are checked`)
    isFault(t, await one.client.provedStatus(tranCode), badRequest, 'another relying party’s tran_code')
  })

  await t.test('a transaction_id is required, for a strict and a lenient relying party', async (t) => {
    const parties = await Promise.all(['strict', 'lenient'].map((mode) => stage.register({ mode })))
    const answers = parties.flatMap((of) =>
      ['', null].map((transaction_id) =>
        of.client.sign(login, '', of.client.files([digestOf('a')]), { transaction_id })
      )
    )
    for (const answer of answers) {
      isFault(t, await answer, badRequest, 'without one')
      t.same((await diagnosisOf(stage, await answer)).codes, ['transaction_id_missing'])
    }
  })

  await t.test('hexadecimal may be in capitals', async (t) => {
    const [digests, transactionId] = [[digestOf('chữ hoa')], newId()]
    const files = client.files(digests).map((file) => ({
      ...file,
      data_to_be_signed: String(file.data_to_be_signed).toUpperCase()
    }))
    isAsked(t, await client.sign(login, transactionId, files), stage, { transactionId, docIds: ['doc-1'] })
    await isSigned(t, await client.outcome(transactionId, dialect.waits), stage, {
      transactionId,
      docIds: ['doc-1'],
      digests,
      certificate: (await client.certificate(login)).cert_data
    })
  })

  await t.test('on the real host names nothing but the dialect answers', async (t) => {
    for (const host of ['gwsca.vnpt.vn', 'rmgateway.vnptit.vn']) {
      const there = new AnnexClient({
        url: world.url,
        host,
        manners: {
          ...manners,
          certificates: manners.certificates.slice('/vnpt'.length),
          sign: manners.sign.slice('/vnpt'.length),
          status: (id) => manners.status(id).slice('/vnpt'.length)
        }
      })
      const transactionId = newId()
      t.equal((await there.sign(login, transactionId, there.files([digestOf(host)]))).status, 200)
      t.equal((await there.outcome(transactionId, dialect.waits)).body.message, 'SUCCESS')
      t.same((await there.certificates(login)).body, (await client.certificates(login)).body)
      for (const path of [manners.sign, '/csc/v2/info', '/operator/subscribers'])
        t.equal((await there.post(path, {})).status, 404, `${host}${path}`)
    }
  })

  await t.test('status is asked by POST', async (t) => {
    t.equal((await fetch(`${world.url}${manners.status(newId())}`)).status, 405)
  })

  await t.test('what could not be signed is an error of the server', async (t) => {
    const person = await stage.person()
    const transactionId = newId()
    await client.sign(person.login, transactionId, client.files([digestOf('hỏng')]))
    await endAsFailed(transactionId)
    isFault(t, await client.status(transactionId), [500, 'SERVER_INTERNAL_ERROR'], 'failed')
    await stage.clear(person)
  })

  /** As a server records it whose HSM did not say whether it signed. */
  async function endAsFailed(name: string): Promise<void> {
    const database = new pg.Client(world.connection)
    await database.connect()
    await database.query(
      `update transactions set outcome = 'failed', reason = 'signature_uncertain', ended_at = created_at
        where name = $1`,
      [name]
    )
    await database.end()
  }

  await t.test('webhook, to the address that was registered (§3.1.4)', (t) =>
    annexWebhook(t, stage, {
      ask: () => ({}),
      told: ({ spId, transactionId, state, signatures }) => ({
        sp_id: spId,
        status_code: 200,
        message: dialect.messages[state],
        transaction_id: transactionId,
        signed_files: signatures ?? []
      })
    })
  )

  await t.test('quirks can be switched off by name', async (t) => {
    await world.restart({ QUIRKS_OFF: 'vnpt.base64-line-breaks,dialects.rsa-only' })
    const { body } = await client.certificates(login)
    const listed = body.data?.user_certificates ?? []
    t.equal(listed.length, 2, 'that of P-256 as well, after the one of RSA')
    for (const { cert_data } of listed) t.match(cert_data, /^[A-Za-z0-9+/]+=*$/, 'without line breaks')
    const of = { serial_number: listed[1]?.serial_number }
    const answer = await client.sign(login, newId(), client.files([digestOf('a')]), of)
    isFault(t, answer, badRequest, 'which this dialect cannot use')
    t.equal((await client.sign(login, newId(), client.files([digestOf('a')]))).status, 200)
  })
})
