import t from 'tap'
import { AnnexClient } from '../clients/annex.js'
import { castAt, digestOf } from '../clients/journey.js'
import { Operator } from '../clients/operator.js'
import { startWorld } from '../world.js'
import { digestMistakes } from './annex-digests.js'
import { annexJourneys } from './annex-journeys.js'
import {
  type AnnexDialect,
  badRequest,
  isFault,
  isSigned,
  newId,
  setStage,
  stands,
  wrongCredentials
} from './annex-stage.js'

const at = (ca_name: string) =>
  ({
    certificates: '/neac/sign_v2/get_certificate',
    sign: '/neac/sign_v2/sign',
    status: () => '/neac/sign_v2/status',
    namesInStatus: true,
    form: 'base64',
    always: { ca_name }
  }) as const
const dialect: AnnexDialect = {
  provider: 'nacencomm',
  login: '036090001234',
  manners: at('CA2'),
  ttlS: 180,
  messages: { waiting: 'PENDING', signed: 'SUCCESS', rejected: 'REJECTED', expired: 'EXPIRED' },
  unsigned: () => null,
  beside: () => ({}),
  waits: ({ message }) => message === 'PENDING',
  asked: (transaction_id, _docIds, made) => ({ transaction_id, tran_code: made?.tran_code }),
  askedMessage: 'Success',
  nobodyMessage: 'Success'
}
/** A name of each CA, and its demo person. */
const authorities = [
  { names: ['VIETTEL-CA', 'viettel'], provider: 'viettel', login: 'CMT_0123456789' },
  { names: ['VNPT-CA', 'VNPT SMART CA', 'vnpt', ' vnpt-ca '], provider: 'vnpt', login: '001088035895' },
  { names: ['MISA-CA', 'misa'], provider: 'misa', login: 'binh.le@example.vn' },
  { names: ['CA2', 'Nacencomm CA', 'ca2 rs'], provider: 'nacencomm', login: '036090001234' }
]

t.test('the NEAC gateway', async (t) => {
  const world = await startWorld(t)
  const stage = setStage(world, dialect)
  const { client } = stage
  const { login } = dialect
  const through = (ca_name: string) => new AnnexClient({ url: world.url, manners: at(ca_name) })

  await t.test('as all dialects of the annex', (t) => annexJourneys(t, stage))
  await t.test('digests in a wrong form', (t) => digestMistakes(t, stage))

  await t.test('get_certificate, field by field (§7)', async (t) => {
    const { status, body } = await client.certificates(login, { transaction_id: 'abc' })
    const [listed] = body.data?.user_certificates ?? []
    const expected = {
      cert_id: listed?.cert_id,
      cert_data: listed?.cert_data,
      serial_number: listed?.serial_number,
      chain_data: listed?.chain_data,
      transaction_id: 'abc'
    }
    t.same(
      [status, body],
      [
        200,
        {
          status_code: 200,
          message: 'Success',
          data: { transaction_id: 'abc', user_certificates: [expected] }
        }
      ]
    )
    t.match(listed, { serial_number: /^5402[0-9a-f]+$/, cert_data: /^[A-Za-z0-9+/]+=*$/ })
  })

  for (const { names, provider, login } of authorities) {
    await t.test(`ca_name leads to ${provider}, whose people sign digests in base64`, async (t) => {
      const lists = await Promise.all(names.map((name) => through(name).certificates(login)))
      t.equal(lists[0]?.body.data?.user_certificates?.length, 1)
      for (const { status, body } of lists) t.same([status, body], [200, lists[0]?.body])
      const [name = ''] = names
      const there = through(name)
      const [transactionId, digests] = [newId(), [digestOf(`qua cổng tới ${provider}`)]]
      t.equal((await there.sign(login, transactionId, there.files(digests))).status, 200)
      const of = { transactionId, docIds: ['doc-1'], digests }
      const { cert_data: certificate } = await there.certificate(login)
      await isSigned(t, await there.outcome(transactionId, dialect.waits), stage, { ...of, certificate })
    })
  }

  await t.test('a CA that is known and not served is refused with the reason', async (t) => {
    for (const name of ['BCY', 'bcy', 'Ban Cơ yếu Chính phủ']) {
      const there = through(name)
      for (const answer of [
        await there.certificates(login),
        await there.sign(login, newId(), there.files([digestOf('a')])),
        await there.status(newId())
      ]) {
        isFault(t, answer, badRequest, name)
        t.match(answer.body.description, /Ban Cơ yếu Chính phủ chưa được hỗ trợ/)
      }
    }
  })

  await t.test('a CA that nobody knows is refused with the names there are', async (t) => {
    const answer = await through('FPT-CA').certificates(login)
    isFault(t, answer, badRequest, 'FPT-CA')
    t.match(answer.body.description, /ca_name is none of: .*VNPT-CA.*CA2/)
    for (const ca_name of ['', 'a'.repeat(129), null, 'VNPT-CA\u0000'])
      isFault(t, await client.certificates(login, { ca_name }), badRequest, 'malformed')
  })

  await t.test('sp_id and sp_password are those at the CA that ca_name names', async (t) => {
    const { body } = await new Operator({ url: world.url }).post('/relying-parties', {
      provider: 'vnpt',
      name: 'Cổng chỉ ở VNPT'
    })
    const of = { url: world.url, spId: String(body.clientId), spPassword: String(body.clientSecret) }
    const [vnpt, ca2] = ['VNPT-CA', 'CA2'].map((name) => new AnnexClient({ ...of, manners: at(name) }))
    t.equal((await vnpt?.certificates('001088035895'))?.status, 200)
    const elsewhere = await ca2?.certificates(login)
    if (elsewhere === undefined) throw new Error('no client')
    isFault(t, elsewhere, wrongCredentials, 'not registered there')
    const transactionId = newId()
    await client.sign(login, transactionId, client.files([digestOf('ở CA2')]))
    isFault(t, await through('VNPT-CA').status(transactionId), badRequest, 'not a transaction of that CA')
    await client.outcome(transactionId, dialect.waits)
  })

  await t.test('without a transaction_id the answer gives one', async (t) => {
    const digests = [digestOf('không tên')]
    const certificate = (await client.certificate(login)).cert_data
    for (const transaction_id of ['', null]) {
      const { status, body } = await client.sign(login, '', client.files(digests), { transaction_id })
      const given = body.data?.tran_code ?? ''
      t.match(given, /^[0-9a-f-]{36}$/)
      t.same(
        [status, body],
        [200, { status_code: 200, message: 'Success', data: { transaction_id: given, tran_code: given } }]
      )
      const result = await client.outcome(given, dialect.waits)
      await isSigned(t, result, stage, { transactionId: given, docIds: ['doc-1'], digests, certificate })
    }
    const person = await stage.person()
    for (const _ of [1, 2]) await client.sign(person.login, '', client.files(digests))
    t.equal((await person.device.challenges()).length, 2, 'sent again, it is another request')
    await stage.clear(person)
  })

  await t.test('status knows tran_code as well, and needs credentials', async (t) => {
    const person = await stage.person()
    const transactionId = newId()
    const { body } = await client.sign(person.login, transactionId, client.files([digestOf('mã')]))
    const tranCode = body.data?.tran_code ?? ''
    const waiting = { state: 'waiting', docIds: ['doc-1'] } as const
    for (const id of [transactionId, tranCode])
      stands(t, await client.status(id), stage, { ...waiting, transactionId })
    const bare = { sp_id: null, sp_password: null }
    isFault(t, await client.status(tranCode, bare), badRequest, 'without credentials')
    const other = await stage.register()
    isFault(t, await other.client.status(tranCode), badRequest, 'another relying party’s')
    await stage.clear(person)
  })

  await t.test('what was asked through the gateway is the CA’s own transaction', async (t) => {
    const own = castAt({ url: world.url, provider: 'nacencomm' }).operator
    const transactionId = newId()
    const answer = await client.sign(login, transactionId, client.files([digestOf('một nơi')]))
    const { body } = await own.get(`/requests/${answer.headers.get('x-request-id')}`)
    t.match(body, { provider: 'nacencomm', transaction: { dialect: 'neac', transactionId } })
    const { body: gateway } = await client.outcome(transactionId, dialect.waits)
    const ca2 = await client.post('/nacencomm/api/data/status', {
      sp_id: 'dvctt',
      sp_password: 'dvctt-secret',
      transaction_id: transactionId
    })
    t.same(ca2.body.data, gateway.data)
  })

  await t.test('on the real host name nothing but the gateway answers', async (t) => {
    const native = (path: string) => path.slice('/neac'.length)
    const manners = at('CA2')
    const there = new AnnexClient({
      url: world.url,
      host: 'esign.neac.gov.vn',
      manners: { ...manners, certificates: native(manners.certificates) }
    })
    t.same((await there.certificates(login)).body, (await client.certificates(login)).body)
    for (const path of [manners.sign, '/operator/subscribers', '/api/data/sign'])
      t.equal((await there.post(path, {})).status, 404, path)
  })
})
