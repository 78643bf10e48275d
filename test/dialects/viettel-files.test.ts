import { readFileSync } from 'node:fs'
import { deflateSync } from 'node:zlib'
import t from 'tap'
import { castAt } from '../clients/journey.js'
import { MySignClient, MySignFilesClient } from '../clients/viettel.js'
import { seenSignatures, textOf, without } from '../documents/judges.js'
import { onePage, pdfOf } from '../documents/made-up-pdf.js'
import { startWorld } from '../world.js'
import { an, eventually, party, seen } from './viettel-stage.js'

const form = readFileSync('examples/documents/tokhaidangkysudungdvc.pdf')
const small = pdfOf(onePage)
const refused = (status: number, error: string) => ({ status, body: { error } })
const place = { page: 1, coorX: 330, coorY: 60, widthRectangle: '200', heightRectangle: 70 }
const look = { render: 1, fontSize: 9, reason: 'Tôi duyệt', location: 'Hà Nội', display: [place] }
const judged = { skip: without('pdfsig') }

const world = await startWorld(t)
const { url } = world
const stage = castAt({ url, provider: 'viettel', now: world.clock.now })
const client = new MySignClient({ url })
const token = await client.tokenFor(an)
const files = new MySignFilesClient(client, url, token)
const { credential_id: credentialID } = await client.credential(token, an)

/** Uploads, has it signed by the demo subscriber, and downloads. */
async function signed(pdf: Uint8Array, request: object): Promise<Buffer> {
  const { file_id } = (await files.upload(pdf, request)).body
  const { transactionId } = (await files.sign([file_id], credentialID)).body
  const { body } = await files.ended(file_id, transactionId)
  return (await files.download(body.url ?? '')).octets
}

t.test('a PDF is uploaded, signed on the phone and downloaded', judged, async (t) => {
  const uploaded = await files.upload(form, { ...look, document_name: 'Tờ khai.pdf' })
  t.match(seen(uploaded), { status: 200, body: { file_id: /^[\w-]{43}$/, fileName: 'Tờ khai.pdf' } })
  const { file_id } = uploaded.body
  t.match(seen(await files.download(file_id)), refused(400, '60000'), 'nothing was asked for it')

  const { status, body } = await files.sign([file_id], credentialID)
  t.equal(status, 200)
  t.same(Object.keys(body), ['transactionId'])
  const ended = await files.ended(file_id, body.transactionId)
  t.same(seen(ended), {
    status: 200,
    body: {
      status: 1,
      message: 'Ký thành công',
      url: `${url}/viettel/vtss/service/external/download/${file_id}`
    }
  })
  const answer = await files.download(ended.body.url ?? '')
  t.equal(answer.status, 200)
  t.equal(answer.headers.get('content-type'), 'application/pdf')
  t.ok(answer.octets.subarray(0, form.length).equals(form), 'what was uploaded is the first revision')
  t.match(await seenSignatures(answer.octets), [{ type: 'ETSI.CAdES.detached', valid: true, whole: true }])
  t.match(await textOf(answer.octets), /Lý do: Tôi duyệt/)
  t.ok((await files.download(file_id)).octets.equals(answer.octets), 'and again')

  const twice = await signed(answer.octets, {})
  t.match(await seenSignatures(twice), [{ valid: true }, { valid: true, whole: true }])
})

t.test('a signature looks as was asked', judged, async (t) => {
  const image = png().toString('base64')
  const display = [{ ...place, coorX: 20 }]
  for (const render of [1, 2, 3]) {
    const octets = await signed(small, { ...look, display, render, base64Image: image })
    t.match(await seenSignatures(octets), [{ valid: true, whole: true }], `render ${render}`)
    const text = await textOf(octets)
    if (render === 3) t.notMatch(text, /Ký bởi/)
    else t.match(text, /Ký bởi/)
  }
  t.notMatch(await textOf(await signed(small, {})), /Ký bởi/, 'nowhere to be seen')
})

t.test('several files are confirmed once, and show their names', async (t) => {
  const person = await stage.enrol({ algorithm: 'RSA-2048' })
  const own = new MySignFilesClient(client, url, await client.tokenFor(person.login))
  const { credential_id } = await client.credential(await client.tokenFor(person.login), person.login)
  const ids: string[] = []
  for (const name of ['một.pdf', 'hai.pdf']) {
    const { body } = await own.form([
      ['request', JSON.stringify({ reason: name })],
      ['file', small, name]
    ])
    ids.push(body.file_id)
  }
  const [first = '', second = ''] = ids
  const { transactionId } = (await own.sign(ids, credential_id)).body
  const shown = await person.device.challenge(transactionId)
  t.match(shown, { kind: 'digests', numSignatures: 2, description: 'Ký tờ khai' })
  t.same(
    shown.documents.map(({ name }) => name),
    ['một.pdf', 'hai.pdf']
  )
  t.same((await own.status(first, transactionId)).body, {
    status: 4000,
    message: 'Chờ người dùng xác nhận',
    url: null
  })
  t.match(seen(await own.download(first)), refused(400, '4000'))

  const unknown = await files.status(first, transactionId)
  t.match(seen(unknown), refused(400, '62000'), 'another user')
  t.match(seen(await files.download(first)), refused(400, '60000'))
  t.match(seen(await files.sign([first], credentialID)), refused(400, '60000'))
  const other = await party(stage, url)
  const theirs = new MySignFilesClient(other.client, url, await other.client.tokenFor(person.login))
  t.same(seen(await theirs.status(first, transactionId)), seen(unknown), 'another relying party')
  t.same(seen(await theirs.download(first)), seen(await theirs.download('nothing')))
  t.match(seen(await own.status('nothing', transactionId)), refused(400, '62000'))
  t.match(seen(await own.download(first, 'x'.repeat(43))), refused(401, 'invalid_token'))

  t.equal((await person.device.confirm(shown)).status, 200)
  for (const id of ids) t.match((await own.ended(id, transactionId)).body, { status: 1 })
  const [one, two] = [await own.download(first), await own.download(second)]
  t.equal(one.status, 200)
  t.notOk(one.octets.equals(two.octets), 'each for its own reason')

  const { body: again } = await own.sign([first], credential_id)
  await person.device.reject(again.transactionId)
  const rejected = { status: 4002, message: 'Người dùng từ chối ký', url: null }
  t.same((await own.ended(first, again.transactionId)).body, rejected)
  t.match(seen(await own.download(first)), refused(400, '4002'), 'the last request counts')
  const { body: late } = await own.sign([first], credential_id)
  world.clock.advance(121_000)
  t.match((await own.ended(first, late.transactionId)).body, { status: 4001, url: null })
  world.clock.advance(3_500_000)
  const renewed = new MySignFilesClient(client, url, await client.tokenFor(person.login))
  t.match(seen(await renewed.download(second)), refused(400, '60000'), 'kept for an hour')
  t.match(seen(await renewed.sign([second], credential_id)), refused(400, '60000'))
})

t.test('what is no upload is refused, and says why', async (t) => {
  const fresh = new MySignFilesClient(client, url, await client.tokenFor(an))
  const says = async (answer: ReturnType<typeof fresh.raw>, status: number, error: string, text: RegExp) => {
    const { status: got, body } = await answer
    t.match({ got, ...body }, { got: status, error, error_description: text })
  }
  const request = JSON.stringify(look)
  const file: [string, Uint8Array, string] = ['file', small, 'a.pdf']
  await says(fresh.raw('{}', 'application/json'), 415, '30000', /multipart/)
  await says(fresh.raw('x', 'text/plain'), 415, '30000', /./)
  await says(fresh.raw('x', 'multipart/form-data'), 400, '30000', /cannot be read/)
  await says(
    fresh.raw('--b\r\nContent-Dis', 'multipart/form-data; boundary=b'),
    400,
    '30000',
    /cannot be read/
  )
  await says(fresh.raw('', 'multipart/form-data; boundary=b'), 400, '30000', /Send the parts/)
  await says(fresh.form([['request', request]]), 400, '30000', /Send the parts/)
  await says(fresh.form([file]), 400, '30000', /Send the part request first/)
  await says(fresh.form([file, ['request', request]]), 400, '30000', /first/)
  await says(
    fresh.form([['request', request], ['request', request], file]),
    400,
    '30000',
    /two parts request/
  )
  await says(fresh.form([['request', request], ['more', 'x'], file]), 400, '30000', /no other parts/)
  const many = Array.from({ length: 2000 }, (_, index): [string, string] => [`part${index}`, 'x'])
  await says(fresh.form(many), 400, '30000', /no other parts/)
  await says(fresh.form([['request', request], file, ...many]), 400, '30000', /no other parts/)
  await says(fresh.form([['__proto__', 'x']]), 400, '30000', /./)
  await says(fresh.form([['request', ' '.repeat(600_000)], file]), 413, '30000', /part request has at most/)
  const large = Buffer.concat([small, Buffer.alloc(10 * 1024 * 1024)])
  await says(
    fresh.form([
      ['request', request],
      ['file', large, 'a.pdf']
    ]),
    413,
    '30000',
    /part file has at most/
  )
  const headers = 'X-More: 1\r\n'.repeat(20_000)
  const bomb = `--b\r\n${headers}Content-Disposition: form-data; name="request"\r\n\r\n{}\r\n--b--\r\n`
  await says(fresh.raw(bomb, 'multipart/form-data; boundary=b'), 400, '30000', /./)

  await says(fresh.form([['request', '{'], file]), 400, '30000', /not JSON/)
  await says(fresh.form([['request', '[]'], file]), 400, '30000', /not acceptable/)
  await says(fresh.form([['request', '{"reason":"\\u0000"}'], file]), 400, '30000', /U\+0000/)
  await says(fresh.form([['request', '{"reason":"\\ud800"}'], file]), 400, '30000', /half characters/)
  await says(fresh.upload(small, { render: 6 }), 400, '30000', /render/)
  await says(fresh.upload(small, { display: [place, place] }), 501, 'not_implemented', /one place/)
  await says(fresh.upload(small, { display: [{ ...place, widthRectangle: 0 }] }), 400, '30000', /width/)
  await says(fresh.upload(small, { display: [{ ...place, coorX: -1 }] }), 400, '30000', /corner/)
  await says(fresh.upload(Buffer.from('Xin chào')), 400, '30000', /no PDF/)
  const nobody = new MySignFilesClient(client, url, 'x'.repeat(43))
  await says(nobody.upload(small), 401, 'invalid_token', /./)
  const { body: own } = await client.authenticate()
  const unnamed = new MySignFilesClient(client, url, own.access_token)
  await says(unnamed.upload(small), 403, 'insufficient_scope', /./)

  const broken = await fresh.upload(Buffer.from('%PDF-1.7 and nothing else'))
  t.equal(broken.status, 200)
  await says(fresh.sign([broken.body.file_id], credentialID), 400, '30000', /PDF|document/i)
  const nowhere = await fresh.upload(small, { display: [{ ...place, page: 9 }] })
  await says(fresh.sign([nowhere.body.file_id], credentialID), 400, '30000', /no page 9/)
  await says(fresh.sign(['nothing'], credentialID), 400, '60000', /no such file/)
  await says(fresh.sign([nowhere.body.file_id], 'nothing'), 400, '60000', /./)

  const lenient = await party(stage, url, { mode: 'lenient' })
  const forgiving = new MySignFilesClient(lenient.client, url, await lenient.client.tokenFor(an))
  const turned = await forgiving.form([file, ['request', request]])
  t.equal(turned.status, 200, 'in the other order it is clear what was meant')
  const noted = await eventually(async () => {
    const { status, body } = await stage.operator.get(
      `/requests/${String(turned.headers.get('x-request-id'))}`
    )
    return status === 200 ? body : undefined
  })
  t.match(JSON.stringify(noted), /file_before_request/)
})

/** A PNG of one red point. */
function png(): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
    const length = Buffer.alloc(4)
    length.writeUInt32BE(data.length)
    const sum = Buffer.alloc(4)
    sum.writeUInt32BE(crc32(body))
    return Buffer.concat([length, body, sum])
  }
  const head = Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0])
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(Buffer.from([0, 255, 0, 0]))),
    chunk('IEND', Buffer.alloc(0))
  ])
}

/** Of a PNG chunk (RFC 2083 §15). */
function crc32(octets: Buffer): number {
  let sum = 0xffffffff
  for (const octet of octets) {
    sum ^= octet
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1
  }
  return (sum ^ 0xffffffff) >>> 0
}
