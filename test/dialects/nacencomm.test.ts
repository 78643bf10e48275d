import pg from 'pg'
import t from 'tap'
import { AnnexClient } from '../clients/annex.js'
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
  newId,
  setStage,
  wrongCredentials
} from './annex-stage.js'
import { annexWebhook } from './annex-webhook.js'

const manners = {
  certificates: '/nacencomm/api/data/get_certificate',
  sign: '/nacencomm/api/data/sign',
  status: () => '/nacencomm/api/data/status',
  namesInStatus: true,
  form: 'base64'
} as const
const dialect: AnnexDialect = {
  provider: 'nacencomm',
  login: '036090001234',
  manners,
  ttlS: 180,
  messages: {
    waiting: 'Success',
    signed: 'Success',
    rejected: 'Người dùng từ chối ký',
    expired: 'Giao dịch đã hết hạn'
  },
  unsigned: (docIds) => docIds.map((doc_id) => ({ doc_id, signature_value: '', timestamp_signature: null })),
  beside: (sp_id) => ({ sp_id }),
  waits: ({ message, data }) => message === 'Success' && !data?.signatures?.[0]?.signature_value,
  asked: (transaction_id, docIds) => ({
    transaction_id,
    sign_files: docIds.map((doc_id) => ({ doc_id }))
  }),
  askedMessage: 'Success',
  nobodyMessage: 'Không có dữ liệu trong hệ thống'
}

t.test('Nacencomm CA2', async (t) => {
  const world = await startWorld(t)
  const stage = setStage(world, dialect)
  const { client } = stage
  const { login } = dialect

  await t.test('as all dialects of the annex', (t) => annexJourneys(t, stage))
  await t.test('digests in a wrong form', (t) => digestMistakes(t, stage))

  await t.test('get_certificate lists five members of each certificate (§6.1)', async (t) => {
    const { status, body } = await client.certificates(login, { transaction_id: 'abc' })
    const [listed] = body.data?.user_certificates ?? []
    t.same(
      [status, body],
      [
        200,
        {
          status_code: 200,
          message: 'Success',
          data: {
            transaction_id: 'abc',
            user_certificates: [
              {
                cert_id: listed?.cert_id,
                cert_data: listed?.cert_data,
                serial_number: listed?.serial_number,
                chain_data: listed?.chain_data
              }
            ]
          }
        }
      ]
    )
    const octets = /^[A-Za-z0-9+/]+=*$/
    t.match(listed, {
      cert_id: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
      serial_number: /^5402[0-9a-f]+$/,
      cert_data: octets,
      chain_data: { ca_cert: octets, root_cert: octets }
    })
    const nobody = await client.certificates('no-one')
    t.same(nobody.body, {
      status_code: 200,
      message: 'Không có dữ liệu trong hệ thống',
      data: { transaction_id: '', user_certificates: [] }
    })
  })

  await t.test('both generations of paths lead to the same', async (t) => {
    const old = (path: string) => path.replace('/api/data/', '/rssp/v2/neac/')
    const other = new AnnexClient({
      url: world.url,
      manners: {
        ...manners,
        certificates: old(manners.certificates),
        sign: old(manners.sign),
        status: () => old(manners.status())
      }
    })
    t.same((await other.certificates(login)).body, (await client.certificates(login)).body)
    const transactionId = newId()
    const answer = await other.sign(login, transactionId, other.files([digestOf('hai đường')]))
    isAsked(t, answer, stage, { transactionId, docIds: ['doc-1'] })
    const result = await client.outcome(transactionId, dialect.waits)
    t.match(result.body.data?.signatures?.[0]?.signature_value, /^[A-Za-z0-9+/]{342}==$/)
    t.same((await other.status(transactionId)).body, result.body)
  })

  await t.test('on the real host name nothing but the dialect answers', async (t) => {
    const native = (path: string) => path.slice('/nacencomm'.length)
    const there = new AnnexClient({
      url: world.url,
      host: 'rmsca2.nacencomm.vn',
      manners: { ...manners, certificates: native(manners.certificates), sign: native(manners.sign) }
    })
    t.same((await there.certificates(login)).body, (await client.certificates(login)).body)
    for (const path of ['/nacencomm/api/data/sign', '/operator/subscribers', '/sign_v2/sign'])
      t.equal((await there.post(path, {})).status, 404, path)
  })

  await t.test('status knows a transaction by its id and its subscriber', async (t) => {
    const transactionId = newId()
    await client.sign(login, transactionId, client.files([digestOf('của ai')]))
    const { body } = await client.outcome(transactionId, dialect.waits)
    for (const user_id of [login, '', null])
      t.same((await client.status(transactionId, { user_id })).body, body, `user_id ${user_id}`)
    const person = await stage.person()
    for (const user_id of [person.login, 'no-one'])
      isFault(t, await client.status(transactionId, { user_id }), badRequest, user_id)
    const absent = { sp_id: null, sp_password: null }
    isFault(t, await client.status(transactionId, absent), badRequest, 'without credentials')
    isFault(
      t,
      await client.status(transactionId, { sp_password: 'wrong' }),
      wrongCredentials,
      'a wrong secret'
    )
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

  await t.test('what could not be signed has "-2" for its value', async (t) => {
    const { status, body } = await client.status(await failedTransaction())
    t.same(
      [status, body.status_code, body.message, body.data?.signatures],
      [
        200,
        200,
        'Ký thất bại',
        ['doc-1', 'doc-2'].map((doc_id) => ({ doc_id, signature_value: '-2', timestamp_signature: null }))
      ]
    )
  })

  /** As a server records it whose HSM did not say whether it signed. */
  async function failedTransaction(): Promise<string> {
    const person = await stage.person()
    const name = newId()
    await client.sign(person.login, name, client.files([digestOf('hỏng 1'), digestOf('hỏng 2')]))
    await stage.clear(person)
    const database = new pg.Client(world.connection)
    await database.connect()
    await database.query(`update transactions set outcome = 'failed' where name = $1`, [name])
    await database.end()
    return name
  }

  await t.test('urlWebhook', (t) =>
    annexWebhook(t, stage, {
      ask: (urlWebhook) => ({ urlWebhook }),
      told: ({ spId, transactionId, state, docIds, signatures }) => ({
        sp_id: spId,
        status_code: 200,
        message: dialect.messages[state],
        data: { transaction_id: transactionId, signatures: signatures ?? dialect.unsigned(docIds) }
      })
    })
  )

  await t.test('urlWebhook lies below a registered address, or is refused', async (t) => {
    const person = await stage.person()
    const files = client.files([digestOf('địa chỉ')])
    const registered = 'https://ketoan.example.vn/ky-so'
    const of = await stage.register({ callbackUrls: [registered], mode: 'lenient' })
    for (const urlWebhook of ['', registered, `${registered}/42?lan=1`]) {
      const answer = await of.client.sign(person.login, newId(), files, { urlWebhook })
      t.equal(answer.status, 200, urlWebhook)
      await stage.clear(person)
    }
    const refused = [
      'https://ketoan.example.vn/ky-so-khac',
      'https://ketoan.example.vn/',
      'https://ketoan.example.vn.example.org/ky-so',
      `${registered}/../khac`,
      'http://ketoan.example.vn/ky-so',
      'http://127.0.0.1:1/ky-so',
      'loopback',
      'không phải địa chỉ'
    ]
    for (const urlWebhook of refused) {
      const answer = await of.client.sign(person.login, newId(), files, { urlWebhook })
      isFault(t, answer, badRequest, urlWebhook)
      t.same((await diagnosisOf(stage, answer)).codes, ['callback_not_registered'])
    }
    const long = `${registered}/${'x'.repeat(512)}`
    isFault(
      t,
      await of.client.sign(person.login, newId(), files, { urlWebhook: long }),
      badRequest,
      'a long one'
    )
    t.same(await person.device.challenges(), [])
    const loopback = { urlWebhook: 'http://127.0.0.1:1/anything' }
    t.equal(
      (await client.sign(person.login, newId(), files, loopback)).status,
      200,
      'the entry loopback covers it'
    )
    await stage.clear(person)
  })

  await t.test('quirks can be switched off by name', async (t) => {
    await world.restart({ QUIRKS_OFF: 'nacencomm.minus-two,nacencomm.empty-while-pending' })
    const person = await stage.person()
    const transactionId = newId()
    await client.sign(person.login, transactionId, client.files([digestOf('chờ')]))
    t.same((await client.status(transactionId)).body.data, {
      transaction_id: transactionId,
      signatures: null
    })
    await stage.clear(person)
    const { status, body } = await client.status(await failedTransaction())
    t.match([status, body], [500, { status_code: 500, message: 'SERVER_INTERNAL_ERROR', data: null }])
  })
})
