import { request } from 'node:http'
import t, { type Test } from 'tap'
import { AnnexClient } from '../clients/annex.js'
import { ApiSignCoreClient } from '../clients/apisigncore.js'
import { digestOf } from '../clients/journey.js'
import type { Answer } from '../clients/portal.js'
import { startWorld } from '../world.js'
import { newId, setStage } from './annex-stage.js'
import { verifies } from './openssl.js'

const login = '036090001234'
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
/** What nobody is told anything by. */
const unknown = ['', 'x', newId(), '019ab0c4-5d1e-7c3a-8f00-6b1f4f0c2d11', "' or 1=1 --"]

t.test('Nacencomm APISigncore (§6.2)', async (t) => {
  const world = await startWorld(t)
  const { url, clock } = world
  const stage = setStage(world, {
    provider: 'nacencomm',
    login,
    manners: {
      certificates: '/nacencomm/api/data/get_certificate',
      sign: '/nacencomm/api/data/sign',
      status: () => '/nacencomm/api/data/status',
      namesInStatus: true,
      form: 'base64'
    },
    ttlS: 180,
    messages: { waiting: 'Success', signed: 'Success', rejected: '', expired: '' },
    unsigned: () => null,
    beside: () => ({}),
    waits: ({ data }) => !data?.signatures?.[0]?.signature_value,
    asked: () => ({}),
    askedMessage: 'Success',
    nobodyMessage: ''
  })
  const { cast, client: ca2 } = stage
  const client = new ApiSignCoreClient({ url })
  const codeOf = (answer: Answer<unknown>): string => {
    if (answer.status !== 200 || typeof answer.body !== 'string') throw new Error(JSON.stringify(answer))
    return answer.body
  }
  const closed = async (code: string) =>
    (await client.call('Xoayeucauky_Code', { Code: code, phanloaiky: '1' })).body
  const finished = async (code: string) =>
    (await client.call('Capnhattrangthaihoantat_Code', { code, trangthai: '1' })).body
  const refused = (t: Test, answer: Answer<unknown>, status: number, name: string) => {
    t.equal(answer.status, status, name)
    t.match(answer.body, { Message: /\w.*\.$/ }, `${name}: an object, no code`)
  }

  await t.test('a request, its code, and the signature that openssl verifies', async (t) => {
    const { cert_id, cert_data } = await ca2.certificate(login)
    const digest = digestOf('ủy nhiệm chi')
    const asked = await client.ask(login, digest, { idcts: cert_id, transaction_desc: 'Ký thử' })
    t.equal(asked.status, 200)
    t.match(asked.body, uuid, 'a bare string')
    t.match(asked.headers.get('content-type'), /^application\/json/)
    const code = codeOf(asked)
    const signature = await client.outcome(code)
    t.match(signature, /^[A-Za-z0-9+/]{342}==$/, 'base64 of 256 octets')
    const leaf = Buffer.from(cert_data, 'base64')
    t.ok(await verifies(leaf, digest, Buffer.from(signature, 'base64')))
    t.equal(await client.result(code), signature, 'as often as it is asked for')
    t.equal(await finished(code), 1)
    t.equal(await client.result(code), signature, 'also after it was fetched')
    t.equal(await closed(code), 0, 'what has ended is not withdrawn')
    t.notOk(
      world.log.some((line) => line.includes(`Code=${code}`)),
      'no query is logged'
    )

    const listed = await client.call('Getcert', { idcts: cert_id })
    t.match(listed.body, /^(.{76}\r\n)+.{1,76}$/, 'with line breaks')
    t.equal(String(listed.body).replaceAll('\r\n', ''), cert_data)
  })

  await t.test('pending, refused, expired and unknown are all empty', async (t) => {
    const person = await stage.person()
    const open = codeOf(await client.ask(person.login, digestOf('a')))
    t.equal(await client.result(open), '', 'while nobody has answered')
    t.equal(await finished(open), 0)
    await stage.confirm(t, person)
    t.match(await client.outcome(open), /^.{344}$/)

    const rejected = codeOf(await client.ask(person.login, digestOf('b')))
    await stage.reject(t, person)
    t.equal(await client.result(rejected), '')
    t.equal(await closed(rejected), 0)
    const expired = codeOf(await client.ask(person.login, digestOf('c')))
    clock.advance(181_000)
    t.equal(await client.result(expired), '')
    t.equal(await finished(expired), 0)
    for (const code of unknown) {
      t.same([await client.result(code), await closed(code), await finished(code)], ['', 0, 0], code)
      t.same((await client.call('Getcert', { idcts: code })).body, '', code)
    }
  })

  await t.test('a request that waits can be withdrawn, once', async (t) => {
    const person = await stage.person()
    const code = codeOf(await client.ask(person.login, digestOf('d')))
    t.equal((await person.device.challenges()).length, 1)
    t.equal(await closed(code), 1)
    t.equal((await person.device.challenges()).length, 0, 'the phone shows it no more')
    t.equal(await closed(code), 0)
    t.equal(await client.result(code), '')
  })

  await t.test('a code is no other dialect’s, and a name is no code', async (t) => {
    const person = await stage.person()
    const name = newId()
    await ca2.sign(person.login, name, ca2.files([digestOf('e')]))
    await stage.confirm(t, person)
    await ca2.outcome(name, stage.dialect.waits)
    t.equal(await client.result(name), '', 'a transaction_id of CA2 RS')
    const own = newId()
    const [one, again] = [
      await client.ask(person.login, digestOf('f'), { transaction_id: own }),
      await client.ask(person.login, digestOf('f'), { transaction_id: own })
    ]
    t.equal(one.body, again.body, 'the same request again is the same one')
    refused(t, await client.ask(person.login, digestOf('g'), { transaction_id: own }), 400, 'another one')
    await stage.confirm(t, person)
    await client.outcome(codeOf(one))
    t.equal(await client.result(own), '')
    t.equal((await ca2.provedStatus(own)).status, 400, 'nor is it one of CA2 RS')
    const plain = [
      await client.ask(person.login, digestOf('f')),
      await client.ask(person.login, digestOf('f'))
    ]
    t.not(plain[0]?.body, plain[1]?.body, 'without a name it is another one')
    await stage.clear(person)
  })

  await t.test('values are read in whatever case, and bodies are empty in any way', async (t) => {
    const code = codeOf(await client.ask(login, digestOf('h')))
    const signature = await client.outcome(code)
    for (const name of ['Code', 'code', 'CODE'])
      t.equal((await client.call('Layketquaky', { [name]: code })).body, signature, name)
    for (const body of ['', '""', '{}', 'null', 'x'])
      t.equal((await client.call('Layketquaky', { Code: code }, body)).body, signature, `body ${body}`)
    refused(t, await client.call('Layketquaky', {}), 400, 'without a code')
    refused(t, await client.call('Layketquaky', { Code: 'a'.repeat(129) }), 400, 'a long one')
  })

  await t.test('who asks must prove it, and must ask for what there is', async (t) => {
    const wrong = new ApiSignCoreClient({ url, spPassword: 'wrong' })
    refused(t, await wrong.ask(login, digestOf('i')), 401, 'a wrong secret')
    refused(t, await client.ask('nobody', digestOf('i')), 400, 'nobody')
    refused(t, await client.ask(login, digestOf('i'), { idcts: newId() }), 400, 'no such certificate')
    const hex = { data_to_be_signed: digestOf('i').toString('hex') }
    const mistaken = await client.ask(login, digestOf('i'), hex)
    refused(t, mistaken, 400, 'a digest in hexadecimal')
    const noted = await cast.operator.get(`/requests/${mistaken.headers.get('x-request-id')}`)
    t.match(noted.body, { diagnoses: [{ code: 'digest_hex_for_base64', field: 'data_to_be_signed' }] })

    const lenient = await stage.register({ mode: 'lenient' })
    const { body } = await cast.operator.post(`/relying-parties/nacencomm/${lenient.clientId}/secret`)
    const of = { spId: lenient.clientId, spPassword: String(body.clientSecret) }
    const text = digestOf('i').toString('base64url')
    const forgiven = await new ApiSignCoreClient({ url, ...of }).ask(login, digestOf('i'), {
      data_to_be_signed: text
    })
    t.equal(forgiven.status, 200, 'one in base64url, from a lenient relying party')
    const taken = await cast.operator.get(`/requests/${forgiven.headers.get('x-request-id')}`)
    t.match(taken.body, { error: null, diagnoses: [{ code: 'digest_base64url' }] }, 'noted all the same')

    const person = await stage.person()
    const { id } = await stage.anotherCredential(person)
    await cast.operator.post(`/credentials/${id}/revoke`)
    refused(t, await client.ask(person.login, digestOf('i'), { idcts: id }), 403, 'a revoked certificate')
    const unpublished = await cast.operator.post(`/subscribers/${person.id}/credentials`, {
      algorithm: 'RSA-2048'
    })
    const idcts = String(unpublished.body.credentialID)
    t.equal((await client.call('Getcert', { idcts })).body, '', 'one that is not published')
    const vnpt = await cast.operator.get<{ items: { credentials: { credentialID: string }[] }[] }>(
      '/subscribers?provider=vnpt'
    )
    const [other] = vnpt.body.items[0]?.credentials ?? []
    t.equal((await client.call('Getcert', { idcts: other?.credentialID ?? '' })).body, '', 'another CA’s')
  })

  await t.test('what the app calls is not offered', async (t) => {
    for (const name of ['Ky_Mobilesign', 'Tuchoiky_mobilesign', 'LayDSPush', 'Kichhoatthietbi', 'Doimapin'])
      t.equal((await client.call(name, { Code: 'x', pincode: '123456' })).status, 404, name)
  })

  await t.test('on its host name nothing but this dialect answers', async (t) => {
    const post = (path: string) =>
      new Promise<number>((resolve, reject) => {
        const headers = { host: 'apisign.nacencomm.vn', 'content-type': 'application/json' }
        const sent = request(`${url}${path}`, { method: 'POST', headers }, (response) => {
          response.resume()
          resolve(response.statusCode ?? 0)
        })
        sent.on('error', reject)
        sent.end('{}')
      })
    t.equal(await post('/api/APISigncore/Layketquaky?Code=x'), 200)
    t.equal(await post('/api/data/get_certificate'), 404)
  })

  await t.test('quirks can be switched off by name', async (t) => {
    await world.restart({ QUIRKS_OFF: 'nacencomm.getcert-line-breaks' })
    const { cert_id, cert_data } = await new AnnexClient({ url, manners: stage.dialect.manners }).certificate(
      login
    )
    t.equal((await client.call('Getcert', { idcts: cert_id })).body, cert_data)
  })
})
