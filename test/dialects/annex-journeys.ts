import type { Test } from 'tap'
import { certificateOctets, type SentFile } from '../clients/annex.js'
import { digestOf } from '../clients/journey.js'
import {
  type AnnexStage,
  badRequest,
  diagnosisOf,
  isAsked,
  isFault,
  isSigned,
  newId,
  stands,
  tooMany,
  unusable,
  wrongCredentials
} from './annex-stage.js'
import { chainHolds, readCertificate } from './openssl.js'

const names = (count: number) => Array.from({ length: count }, (_, index) => `doc-${index + 1}`)
/** Bodies may have a mebibyte; a document sent in place of its digest is told as such. */
const documentOctets = 100_000

/** What all dialects of the annex have in common. Each sub-test is a sentence of it. */
export async function annexJourneys(t: Test, stage: AnnexStage): Promise<void> {
  const { client, dialect, cast, world } = stage
  const { login } = dialect
  const { operator } = cast
  const ask = async (userId: string, digests: readonly Uint8Array[], more: object = {}) => {
    const transactionId = newId()
    const answer = await client.sign(userId, transactionId, client.files(digests), more)
    return { transactionId, answer }
  }

  await t.test('a digest is signed once the subscriber has confirmed it, field by field', async (t) => {
    const listed = await client.certificate(login)
    const leaf = certificateOctets(listed.cert_data)
    const read = await readCertificate(leaf)
    t.equal(listed.serial_number, read.serialNumber)
    const chain = {
      leaf,
      issuer: certificateOctets(listed.chain_data.ca_cert),
      root: certificateOctets(listed.chain_data.root_cert)
    }
    t.ok(await chainHolds(chain, world.clock.now()), 'openssl finds the path to the root')

    const digests = [digestOf('uỷ nhiệm chi')]
    const { transactionId, answer } = await ask(login, digests, { transaction_desc: 'Uỷ nhiệm chi' })
    isAsked(t, answer, stage, { transactionId, docIds: names(1) })
    const result = await client.outcome(transactionId, dialect.waits)
    await isSigned(t, result, stage, {
      transactionId,
      docIds: names(1),
      digests,
      certificate: listed.cert_data
    })
    t.same((await client.status(transactionId)).body, result.body, 'asked again, the same')
  })

  await t.test('it waits until the device, which shows everything, has confirmed', async (t) => {
    const person = await stage.person()
    const digests = [digestOf('một'), digestOf('hai')]
    const { transactionId } = await ask(person.login, digests, { transaction_desc: 'Hồ sơ thanh toán' })
    for (const _ of [1, 2]) {
      const waiting = { state: 'waiting', transactionId, docIds: names(2) } as const
      stands(t, await client.status(transactionId), stage, waiting)
    }
    t.match(await person.device.challenges(), [
      {
        clientId: 'dvctt',
        credentialID: person.credentialID,
        description: 'Hồ sơ thanh toán',
        numSignatures: 2,
        documents: digests.map((digest, index) => ({
          name: `doc-${index + 1}`,
          digest: digest.toString('base64')
        }))
      }
    ])
    await stage.confirm(t, person)
    await isSigned(t, await client.outcome(transactionId, dialect.waits), stage, {
      transactionId,
      docIds: names(2),
      digests,
      certificate: (await client.certificate(person.login)).cert_data
    })
  })

  await t.test('twenty documents are signed by one confirmation, in the order asked', async (t) => {
    const digests = Array.from({ length: 20 }, (_, index) => digestOf(`hồ sơ ${index}`))
    const transactionId = newId()
    const files = client.files(digests).reverse()
    const docIds = names(20).reverse()
    const answer = await client.sign(login, transactionId, files)
    isAsked(t, answer, stage, { transactionId, docIds })
    await isSigned(t, await client.outcome(transactionId, dialect.waits), stage, {
      transactionId,
      docIds,
      digests: digests.reverse(),
      certificate: (await client.certificate(login)).cert_data
    })
  })

  await t.test('what the subscriber refuses stays refused', async (t) => {
    const person = await stage.person()
    const { transactionId } = await ask(person.login, [digestOf('không')])
    await stage.reject(t, person)
    const rejected = { state: 'rejected', transactionId, docIds: names(1) } as const
    stands(t, await client.outcome(transactionId, dialect.waits), stage, rejected)
    stands(t, await client.status(transactionId), stage, rejected)
  })

  await t.test(`what nobody answers has expired after ${dialect.ttlS} s`, async (t) => {
    const person = await stage.person()
    const { transactionId } = await ask(person.login, [digestOf('chờ')])
    world.clock.advance((dialect.ttlS - 30) * 1000)
    const waiting = { state: 'waiting', transactionId, docIds: names(1) } as const
    stands(t, await client.status(transactionId), stage, waiting)
    world.clock.advance(31_000)
    const answer = await client.outcome(transactionId, dialect.waits)
    stands(t, answer, stage, { ...waiting, state: 'expired' })
    t.same(await person.device.challenges(), [])
  })

  await t.test('wrong secret and unknown sp_id are refused alike, at every call', async (t) => {
    const others = [{ sp_password: 'wrong' }, { sp_id: 'nobody' }, { sp_id: 'nobody', sp_password: 'wrong' }]
    const bodies = new Set<string>()
    for (const wrong of others) {
      const answers = [
        await client.certificates(login, wrong),
        (await ask(login, [digestOf('a')], wrong)).answer,
        await client.status(newId(), { sp_id: 'dvctt', sp_password: 'dvctt-secret', ...wrong })
      ]
      for (const answer of answers) {
        isFault(t, answer, wrongCredentials, JSON.stringify(wrong))
        bodies.add(JSON.stringify(answer.body))
      }
    }
    t.equal(bodies.size, 1)
  })

  await t.test('nobody and somebody without a certificate look alike', async (t) => {
    const created = await operator.post('/subscribers', {
      provider: dialect.provider,
      login: 'bare',
      fullName: 'Đỗ Thị Không',
      nationalId: '001099000002'
    })
    const id = String(created.body.id)
    await operator.post(`/subscribers/${id}/credentials`, { algorithm: 'RSA-2048' })
    await operator.post(`/subscribers/${id}/credentials`, { algorithm: 'P-256', publish: true })
    const [nobody, bare] = [await client.certificates('no-one'), await client.certificates('bare')]
    t.equal(nobody.status, 200)
    t.equal(nobody.body.message, dialect.nobodyMessage)
    t.same(nobody.body.data?.user_certificates, [])
    t.same(bare.body, nobody.body, 'one not published and one of P-256 are not listed')

    const refusals = [
      (await ask('no-one', [digestOf('a')])).answer,
      (await ask('bare', [digestOf('a')])).answer,
      (await ask(login, [digestOf('a')], { serial_number: '00ff' })).answer,
      (await ask('CMT_0123456789', [digestOf('a')])).answer
    ]
    for (const refusal of refusals) isFault(t, refusal, badRequest, 'nobody')
    t.equal(new Set(refusals.map(({ body }) => JSON.stringify(body))).size, 1)
  })

  await t.test('one RSA certificate is listed of a person, and found by its serial number', async (t) => {
    const { body } = await client.certificates(login)
    const [first, ...others] = body.data?.user_certificates ?? []
    t.same(others, [], 'that of P-256 is not')
    const serial = first?.serial_number ?? ''
    for (const serial_number of [serial, serial.toUpperCase(), `00${serial}`]) {
      t.same((await client.certificates(login, { serial_number })).body, body)
    }
    const none = await client.certificates(login, { serial_number: '5401ffff' })
    t.same(none.body.data?.user_certificates, [])
  })

  await t.test('another relying party’s transaction looks like none', async (t) => {
    const { transactionId } = await ask(login, [digestOf('của tôi')])
    const other = await stage.register()
    const theirs = await other.client.provedStatus(transactionId)
    isFault(t, theirs, badRequest, 'another’s')
    t.same(theirs.body, (await other.client.provedStatus(newId())).body, 'one that nobody has')
    t.same(theirs.body, (await client.provedStatus('no-such-transaction')).body)
    await client.outcome(transactionId, dialect.waits)
  })

  await t.test('the same request under the same transaction_id is the same transaction', async (t) => {
    const person = await stage.person()
    const transactionId = newId()
    const files = client.files([digestOf('một lần')])
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => client.sign(person.login, transactionId, files))
    )
    for (const { status, body } of answers) t.same([status, body], [200, answers[0]?.body])
    await stage.confirm(t, person) // exactly one waits
    const result = await client.outcome(transactionId, dialect.waits)
    t.equal(result.body.message, dialect.messages.signed)
    t.same((await client.sign(person.login, transactionId, files)).body, answers[0]?.body, 'also when ended')
    t.same((await client.status(transactionId)).body, result.body)
    t.same(await person.device.challenges(), [])

    const changed = [
      client.files([digestOf('lần khác')]),
      client.files([digestOf('một lần'), digestOf('lần khác')]),
      files.map((file) => ({ ...file, doc_id: 'another' }))
    ]
    for (const other of changed) {
      const answer = await client.sign(person.login, transactionId, other)
      isFault(t, answer, badRequest, 'another request under its name')
    }
    isFault(t, await client.sign(login, transactionId, files), badRequest, 'for another person')
    const other = await stage.register()
    const theirs = await other.client.sign(person.login, transactionId, files)
    t.equal(theirs.status, 200, 'another relying party has names of its own')
    t.equal((await person.device.challenges()).length, 1)
    await stage.clear(person)
  })

  await t.test('a certificate that was revoked or suspended cannot be used', async (t) => {
    const person = await stage.person()
    const { id, serialNumber } = await stage.anotherCredential(person)
    const of = { serial_number: serialNumber }
    const path = `/credentials/${id}`

    t.equal((await operator.post(`${path}/suspend`)).status, 200)
    isFault(t, (await ask(person.login, [digestOf('a')], of)).answer, unusable, 'suspended')
    t.equal((await operator.post(`${path}/resume`)).status, 200)

    const before = newId()
    const files = client.files([digestOf('trước khi thu hồi')])
    t.equal((await client.sign(person.login, before, files, of)).status, 200)
    await stage.confirm(t, person)
    const signed = await client.outcome(before, dialect.waits)
    t.equal(signed.body.message, dialect.messages.signed)

    const waiting = await ask(person.login, [digestOf('đang chờ')], of)
    t.equal((await operator.post(`${path}/revoke`)).status, 200)
    isFault(t, (await ask(person.login, [digestOf('a')], of)).answer, unusable, 'revoked before asking')
    const { status, body } = await client.outcome(waiting.transactionId, dialect.waits)
    t.match([status, body], [403, { status_code: 403, message: 'CREDENTIAL_STATUS_INVALID', data: null }])
    t.same((await client.status(before)).body, signed.body, 'what was signed before stays')
    t.equal((await client.sign(person.login, before, files, of)).status, 200, 'also when asked again')
    t.same(await person.device.challenges(), [])
    const listed = await client.certificates(person.login)
    t.equal(listed.body.data?.user_certificates?.[0]?.cert_id, person.credentialID, 'a usable one is first')
  })

  await t.test('revoked between confirmation and poll, it is signed or not, for good', async (t) => {
    const person = await stage.person()
    const { id, serialNumber } = await stage.anotherCredential(person)
    const digests = [digestOf('đúng lúc')]
    const certificate = (await client.certificates(person.login, { serial_number: serialNumber })).body.data
      ?.user_certificates?.[0]?.cert_data
    const { transactionId } = await ask(person.login, digests, { serial_number: serialNumber })
    const [challenge] = await person.device.challenges()
    if (challenge === undefined) throw new Error('nothing waits')
    const [confirmed] = await Promise.all([
      person.device.confirm(challenge),
      operator.post(`/credentials/${id}/revoke`)
    ])
    const result = await client.outcome(transactionId, dialect.waits)
    if (result.status === 200) {
      t.equal(confirmed.status, 200)
      const of = { transactionId, docIds: names(1), digests, certificate: certificate ?? '' }
      await isSigned(t, result, stage, of)
    } else {
      t.match([result.status, result.body], [403, { message: 'CREDENTIAL_STATUS_INVALID', data: null }])
    }
    t.same((await client.status(transactionId)).body, result.body)
  })

  await t.test('a sixth request is refused while five wait', async (t) => {
    const person = await stage.person()
    for (const name of ['1', '2', '3', '4', '5'])
      t.equal((await ask(person.login, [digestOf(name)])).answer.status, 200)
    isFault(t, (await ask(person.login, [digestOf('6')])).answer, tooMany, 'a sixth')
    await stage.clear(person)
    const many = Array.from({ length: 101 }, (_, index) => digestOf(`${index}`))
    isFault(t, (await ask(person.login, many)).answer, badRequest, 'more than the credential allows at once')
    t.same(await person.device.challenges(), [])
  })

  await t.test('what is malformed is refused in the envelope, and asks nobody', async (t) => {
    const person = await stage.person()
    const [file = { data_to_be_signed: '', doc_id: '' }] = client.files([digestOf('a')])
    const sign = (change: object, files: unknown = [file]) =>
      client.sign(person.login, newId(), files as SentFile[], change)
    const refused: [string, Promise<Parameters<typeof isFault>[1]>][] = [
      ['no body', client.post(client.manners.sign, '')],
      ['not JSON', client.post(client.manners.sign, '{"sp_id":')],
      ['a list', client.post(client.manners.sign, [])],
      ['an empty object', client.post(client.manners.sign, {})],
      ['form fields', client.post(client.manners.sign, 'sp_id=dvctt', { 'content-type': 'text/plain' })],
      ['two mebibytes', sign({ transaction_desc: 'x'.repeat(2 ** 21) })],
      ['U+0000', sign({ transaction_desc: 'a\u0000b' })],
      ['U+0000 in a name', sign({ user_id: '\u0000' })],
      ['a number for a text', sign({ user_id: 1088035895 })],
      ['a line break in a name', sign({ user_id: 'a\nb' })],
      ['a long name', sign({ user_id: '1'.repeat(129) })],
      ['a long secret', sign({ sp_password: '1'.repeat(257) })],
      ['a long description', sign({ transaction_desc: 'x'.repeat(501) })],
      ['a time of another form', sign({ time_stamp: '2026-11-22' })],
      ['an id with a space', sign({ transaction_id: 'a b' })],
      ['a long id', sign({ transaction_id: 'a'.repeat(129) })],
      ['no documents', sign({}, [])],
      ['too many documents', sign({}, Array(1001).fill(file))],
      ['no doc_id', sign({}, [{ ...file, doc_id: undefined }])],
      ['half a character', sign({}, [{ ...file, doc_id: 'a\ud800' }])],
      ['a control character', sign({}, [{ ...file, doc_id: 'a\u0007' }])],
      ['a long doc_id', sign({}, [{ ...file, doc_id: 'a'.repeat(201) }])],
      ['no digest', sign({}, [{ ...file, data_to_be_signed: null }])]
    ]
    for (const [name, answer] of refused) isFault(t, await answer, badRequest, name)
    t.same(await person.device.challenges(), [])
  })

  await t.test('null stands for an absent member, unknown members are ignored', async (t) => {
    const files = client
      .files([digestOf('nhiều trường')])
      .map((file) => ({ ...file, file_type: null, sign_type: null, file_name: 'a.pdf' }))
    const absent = { serial_number: null, time_stamp: null, transaction_desc: null, unknown: [1] }
    const transactionId = newId()
    t.equal((await client.sign(login, transactionId, files, absent)).status, 200)
    const result = await client.outcome(transactionId, dialect.waits)
    t.equal(result.body.message, dialect.messages.signed)
    for (const time_stamp of ['', '20261122083000', '20261122083000Z'])
      t.equal((await ask(login, [digestOf('giờ')], { time_stamp })).answer.status, 200)
  })

  await t.test('a document sent for its digest is refused, and the operator sees why', async (t) => {
    const [file = { data_to_be_signed: '', doc_id: '' }] = client.files([digestOf('a')])
    const document = Buffer.alloc(documentOctets).toString('base64')
    const cases = [
      { change: { sign_type: 'file', data_to_be_signed: document }, code: 'sign_type_not_offered' },
      { change: { data_to_be_signed: document }, code: 'document_for_digest' }
    ]
    for (const { change, code } of cases) {
      const answer = await client.sign(login, newId(), [file, { ...file, ...change }])
      isFault(t, answer, badRequest, code)
      const { status, codes, body } = await diagnosisOf(stage, answer)
      t.same([status, codes], [200, [code]])
      const [diagnosis] = body.diagnoses as Record<string, string>[]
      t.match(body, { provider: dialect.provider, clientId: 'dvctt', transaction: null })
      t.match(diagnosis, { field: /^sign_files\[1\]\./, found: /\w/, remedy: /\w/ })
      t.equal(answer.body.description, `${diagnosis?.found} ${diagnosis?.remedy}`, 'and the client as well')
    }
  })
}
