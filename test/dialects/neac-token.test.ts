import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { castAt, type Person } from '../clients/journey.js'
import { fileOf, type NeacBody, type NeacFile, NeacTokenClient } from '../clients/neac-token.js'
import type { Answer } from '../clients/portal.js'
import { VnptCscClient } from '../clients/vnpt-csc.js'
import { startWorld } from '../world.js'
import { newId } from './annex-stage.js'
import { verifiesCms } from './openssl.js'

const login = '036090001234'
const pdf = readFileSync('examples/documents/tokhaidangkysudungdvc.pdf')
const xml = Buffer.from('<tờKhai xmlns="urn:kbnn:thu-chi"><sốTiền>42</sốTiền></tờKhai>')
const octets = (file: NeacFile | undefined) => Buffer.from(file?.file_base64 ?? '', 'base64')
const faultOf = ({ status, body }: Answer<NeacBody>) => [status, body.status_code, body.message, body.data]
const [badRequest, wrongToken] = [
  [400, 400, 'BAD_REQUEST', null],
  [401, 401, 'SP_CREDENTIAL_INVALID', null]
]

/** The CMS of the one signature in a PDF, and what it covers (ISO 32000-1 §12.8.1). */
function signatureIn(signed: Buffer): { cms: Buffer; content: Buffer } {
  const range = /\/ByteRange ?\[ ?(\d+) (\d+) (\d+) (\d+) *\]/.exec(signed.toString('latin1'))
  const [a = 0, b = 0, c = 0, d = 0] = (range ?? []).slice(1).map(Number)
  const between = signed.subarray(a + b + 1, c - 1).toString('latin1')
  return {
    cms: Buffer.from(between, 'hex'),
    content: Buffer.concat([signed.subarray(a, a + b), signed.subarray(c, c + d)])
  }
}

t.test('the NEAC gateway by token (§7)', async (t) => {
  const world = await startWorld(t)
  const { url, clock } = world
  const cast = castAt({ url, provider: 'nacencomm', now: clock.now })
  const client = new NeacTokenClient({ url })
  const file = (name: string) => ({ user_id: login, sign_files: [fileOf(`${name}.pdf`, pdf)] })

  /** The one challenge that comes; a worker reads the files before it does. */
  async function shown({ device }: Person) {
    for (let tries = 0; tries < 400; tries += 1) {
      const [challenge] = await device.challenges()
      if (challenge !== undefined) return challenge
      await sleep(50)
    }
    throw new Error('nothing waits')
  }
  async function answer(person: Person, how: 'confirm' | 'reject'): Promise<void> {
    const challenge = await shown(person)
    if (how === 'confirm') await person.device.confirm(challenge)
    else await person.device.reject(challenge.id)
  }

  await t.test('get_token, and get_certificate by it', async (t) => {
    const { status, body } = await client.login()
    const { access_token = '' } = body.data ?? {}
    const data = { access_token, token_type: 'Bearer', expires_in: 3600 }
    t.same([status, body], [200, { status_code: 200, message: 'Success', data }])
    t.match(access_token, /^[A-Za-z0-9_-]{43}$/)
    const listed = await client.certificates(login, { transaction_id: 'abc' })
    const proof = { sp_id: 'dvctt', sp_password: 'dvctt-secret', user_id: login, transaction_id: 'abc' }
    t.same(listed.body, (await client.post('get_certificate', proof, null)).body, 'as with sp_id')
    t.equal(listed.body.data?.user_certificates?.length, 1)
    const wrong = new NeacTokenClient({ url, spPassword: 'wrong' })
    t.same(faultOf(await wrong.login()), wrongToken)
    t.same(faultOf(await client.post('get_certificate', { user_id: login }, null)), badRequest, 'neither')
  })

  await t.test('a token is for its CA, and for this surface', async (t) => {
    const elsewhere = new NeacTokenClient({ url, caName: 'VNPT-CA' })
    elsewhere.token = client.token
    t.same(faultOf(await elsewhere.certificates('001088035895')), wrongToken, 'at another CA')
    for (const authorization of ['Bearer nonsense', 'Basic ZHZjdHQ6eA==', 'Bearer', client.token])
      t.same(faultOf(await client.post('sign_file', file('a'), authorization)), wrongToken, authorization)
    t.same(faultOf(await client.post('sign_file', file('a'), null)), wrongToken, 'none')
    const csc = await fetch(`${url}/nacencomm/csc/v2/credentials/list`, {
      method: 'POST',
      headers: { authorization: `Bearer ${client.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ userID: login })
    })
    t.equal(csc.status, 401, 'CSC')
    t.same(faultOf(await client.certificates('nobody')).slice(0, 3), [200, 200, 'Success'], 'nobody: empty')
  })
  await t.test('sign_file signs PDF and XML, once the phone has confirmed', async (t) => {
    const person = await cast.enrol({ algorithm: 'RSA-2048' })
    const { body } = await client.certificates(person.login)
    const [listed] = body.data?.user_certificates ?? []
    const [id, files] = [newId(), [fileOf('tờ khai.pdf', pdf), fileOf('chứng từ.XML', xml)]]
    const of = { cert_data: listed?.cert_data, serial_number: listed?.serial_number, transaction_desc: 'Ký' }
    const waiting = client.signFiles(person.login, id, files, of)
    const challenge = await shown(person)
    t.equal(await Promise.race([waiting, sleep(500, 'waits')]), 'waits')
    t.same(
      challenge.documents.map(({ name }) => name),
      ['tờ khai.pdf', 'chứng từ.XML']
    )
    await answer(person, 'confirm')
    const { status, body: signed } = await waiting
    const signFiles = signed.data?.signFiles ?? []
    t.same(
      [status, { ...signed, data: { ...signed.data, signFiles: [] } }],
      [200, { status_code: 200, message: 'Success', data: { transaction_id: id, signFiles: [] } }]
    )
    t.same(
      signFiles.map(({ doc_id, file_name }) => [doc_id, file_name]),
      files.map(({ doc_id, file_name }) => [doc_id, file_name])
    )
    const { cms, content } = signatureIn(octets(signFiles[0]))
    const root = Buffer.from(listed?.chain_data.root_cert ?? '', 'base64')
    t.ok(octets(signFiles[0]).subarray(0, pdf.length).equals(pdf), 'a revision after the PDF that was sent')
    t.ok(await verifiesCms(cms, { content, root }), 'openssl verifies the PDF')
    content.writeUInt8(content.readUInt8(100) ^ 1, 100)
    t.notOk(await verifiesCms(cms, { content, root }), 'and nothing else')
    t.match(octets(signFiles[1]).toString(), /<sốTiền>42<\/sốTiền>.*<.*SignatureValue>[A-Za-z0-9+/=\s]+</s)

    const again = await client.signFiles(person.login, id, files, of)
    t.same(again.body.data, signed.data, 'the same request again is answered the same')
    t.equal((await person.device.challenges()).length, 0)
    const other = await client.signFiles(person.login, id, files.slice(1), of)
    t.same(faultOf(other), badRequest, 'another one under its name')
    t.same(faultOf(await client.signFiles(login, id, files)), badRequest, 'or of another person')
    const party = await cast.operator.post('/relying-parties', { provider: 'nacencomm', name: 'Khác' })
    const { clientId: spId, clientSecret: spPassword } = party.body
    const theirs = new NeacTokenClient({ url, spId: String(spId), spPassword: String(spPassword) })
    await theirs.login()
    const asked = theirs.signFiles(person.login, id, files, of)
    await answer(person, 'reject')
    t.match((await asked).body, { message: 'REJECTED' }, 'another relying party’s is its own')
  })

  await t.test('the phone refuses, or nobody answers in time', async (t) => {
    const person = await cast.enrol({ algorithm: 'RSA-2048' })
    const id = newId()
    const refused = client.signFiles(person.login, id, [fileOf('a.xml', xml)])
    await answer(person, 'reject')
    const rejected = { transaction_id: id, signFiles: null }
    t.same((await refused).body, { status_code: 200, message: 'REJECTED', data: rejected })
    const late = client.signFiles(person.login, '', [fileOf('a.xml', xml)])
    await shown(person)
    clock.advance(181_000)
    t.match((await late).body, { message: 'EXPIRED', data: { transaction_id: /^[0-9a-f-]{36}$/ } })
    const cut = client.signFiles(person.login, newId(), [fileOf('b.xml', xml)])
    await shown(person)
    await cast.operator.post(`/credentials/${person.credentialID}/revoke`)
    t.same(faultOf(await cut), [403, 403, 'CREDENTIAL_STATUS_INVALID', null], 'the certificate is revoked')
    t.same(faultOf(await client.signFiles(person.login, newId(), [fileOf('b.xml', xml)])), [
      403,
      403,
      'CREDENTIAL_STATUS_INVALID',
      null
    ])
  })

  await t.test('no more than sixteen calls wait for one transaction', async (t) => {
    const person = await cast.enrol({ algorithm: 'RSA-2048' })
    const id = newId()
    const ask = () => client.signFiles(person.login, id, [fileOf('a.xml', xml)])
    const first = ask()
    await shown(person)
    const others = Array.from({ length: 16 }, ask)
    const refused = await Promise.race(others)
    t.same(faultOf(refused), [429, 429, 'TOO_MANY_REQUESTS', null])
    t.match(refused.headers.get('retry-after'), /^[0-9]+$/)
    await answer(person, 'reject')
    const messages = (await Promise.all([first, ...others])).map(({ body }) => body.message)
    t.same(
      messages.filter((message) => message !== 'REJECTED'),
      ['TOO_MANY_REQUESTS']
    )
  })

  await t.test('what cannot be signed is refused, and nobody is asked', async (t) => {
    const ask = (files: NeacFile[], more: object = {}) => client.signFiles(login, newId(), files, more)
    const one = fileOf('a.xml', xml)
    const refusals: [string, Promise<Answer<NeacBody>>][] = [
      ['another kind of file', ask([fileOf('a.docx', pdf)])],
      ['a PDF that is none', ask([fileOf('a.pdf', xml)])],
      ['XML that is none', ask([fileOf('a.xml', pdf)])],
      ['no base64', ask([{ ...one, file_base64: 'không' }])],
      ['more than ten', ask(Array.from({ length: 11 }, () => one))],
      ['none', ask([])],
      ['another certificate', ask([one], { serial_number: 'ff' })],
      ['a certificate of somebody else', ask([one], { cert_data: Buffer.from('x').toString('base64') })],
      ['nobody', client.signFiles('nobody', newId(), [one])]
    ]
    for (const [name, refusal] of refusals) {
      const told = await refusal
      t.same(faultOf(told), badRequest, name)
      t.match(told.body.description, /\w.*\.$/, name)
    }
  })

  await t.test('what was asked for at the CA itself is no transaction of the gateway', async (t) => {
    const [an, id] = ['001088035895', newId()]
    const native = new VnptCscClient({ url })
    const token = await native.tokenOf(an, 'vnpt-demo')
    const [credentialId = ''] = (await native.list(token)).body.content
    const datas = [{ name: 'a.xml', dataBase64: xml.toString('base64') }]
    const { body: asked } = await native.sign(token, { credentialId, refTranId: id, datas })
    t.equal((await native.ended(token, asked.content.tranId)).tranStatus, 1)
    const gateway = new NeacTokenClient({ url, caName: 'VNPT-CA' })
    await gateway.login()
    const same = [{ ...fileOf('a.xml', xml), doc_id: 'a.xml' }]
    t.same(faultOf(await gateway.signFiles(an, id, same)), badRequest, 'the name is taken')
    const proof = { sp_id: 'dvctt', sp_password: 'dvctt-secret' }
    for (const transaction_id of [id, asked.content.tranId]) {
      const told = await gateway.post('status', { ...proof, transaction_id }, null)
      t.same(faultOf(told), badRequest, 'unknown')
    }
  })

  await t.test('a token ends', async (t) => {
    clock.advance(3_600_000)
    t.same(faultOf(await client.certificates(login)), wrongToken)
    t.equal((await client.login()).status, 200)
    t.equal((await client.certificates(login)).status, 200)
  })
})
