import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { type CertificateItem, type FailureBody, MisaClient } from '../clients/misa.js'
import { Operator } from '../clients/operator.js'
import { verifies } from '../dialects/openssl.js'
import { byCairo, byQpdf, seenSignatures, textOf, without } from '../documents/judges.js'
import { hostilePdfs, onePage, pdfOf } from '../documents/made-up-pdf.js'
import { startWorld } from '../world.js'

const demo = { login: 'binh.le@example.vn', password: 'misa-demo' }
const documents = '/external/esrm/service/document/api/v1/documents'
const octets = (base64: string) => Buffer.from(base64, 'base64')
const base64 = (content: Uint8Array) => Buffer.from(content).toString('base64')
const sha256 = (content: Uint8Array) => createHash('sha256').update(content).digest()
/** Made by Chromium (examples/documents/make-pdf.mjs). */
const form = readFileSync('examples/documents/tokhaidangkysudungdvc.pdf')

interface HashedPdf {
  documentId: string
  documentBytes: string
  documentHash: string
  sh: string
  signatureName: string
  digest: string
}
interface Signed {
  documentId: string
  document: string
}

t.test('MISA eSign signs whole documents', { skip: without('pdfsig') }, async (t) => {
  const world = await startWorld(t)
  const { url, clock } = world
  const operator = new Operator({ url })

  async function loggedIn(more: { clientId?: string; clientKey?: string } = {}): Promise<MisaClient> {
    const client = new MisaClient({ url, ...more })
    await client.login(demo.login, demo.password)
    return client
  }
  const client = await loggedIn()
  const item = await client.firstActive()

  const certificates = ({ certificate, certiticateChain }: CertificateItem) => ({
    certificate,
    certificateChain: certiticateChain
  })
  const hash = (by: MisaClient, pdfs: readonly Uint8Array[], info: object = {}) =>
    by.call<{ pdfDocs: HashedPdf[] } & FailureBody>('POST', `${documents}/hash`, {
      headers: by.bearer,
      body: {
        ...certificates(item),
        pdfDocs: pdfs.map((pdf, index) => ({
          DocumentId: `pdf-${index}`,
          FileToSign: base64(pdf),
          SignatureInfo: info
        }))
      }
    })
  const attach = (by: MisaClient, pdfDocs: readonly object[]) =>
    by.call<{ pdfDocs: Signed[] } & FailureBody>('POST', `${documents}/attachment`, {
      headers: by.bearer,
      body: { ...certificates(item), pdfDocs }
    })

  /** What the phone of the demo person signs of prepared documents. */
  async function signatures(hashed: readonly HashedPdf[]): Promise<string[]> {
    const { body } = await client.sign({
      DataToBeDisplayed: 'Ký tệp',
      UserId: item.userId,
      CertAlias: item.keyAlias,
      Documents: hashed.map(({ documentId, digest }) => ({
        DocumentId: documentId,
        FileToSign: digest,
        DocumentName: `${documentId}.pdf`
      }))
    })
    const outcome = await client.outcome(body.transactionId)
    return outcome.signatures?.map(({ signature }) => signature) ?? []
  }
  async function signed(pdfs: readonly Uint8Array[], info: object = {}): Promise<Uint8Array[]> {
    const hashed = (await hash(client, pdfs, info)).body.pdfDocs
    const made = await signatures(hashed)
    const { status, body, text } = await attach(
      client,
      hashed.map((one, index) => ({ ...one, signature: made[index] }))
    )
    if (status !== 200) throw new Error(text)
    return body.pdfDocs.map(({ document }) => octets(document))
  }
  const seen = {
    PositionX: 320,
    PositionY: 150,
    Width: 200,
    Height: 80,
    Page: 1,
    TextColor: '#CC0000',
    SignatureDescription: { Reason: 'Phê duyệt chứng từ', Location: 'Tuyên Quang' }
  }

  await t.test('the hash step answers what is signed, by member', async (t) => {
    const { status, body } = await hash(client, [form], { SignatureName: 'KeToanTruong' })
    t.equal(status, 200)
    const [hashed] = body.pdfDocs
    if (hashed === undefined) throw new Error('nothing was hashed')
    t.match(hashed, {
      documentId: 'pdf-0',
      signatureName: 'KeToanTruong',
      digest: /^MDEwDQYJYIZIAWUDBAIBBQAEI/
    })
    t.same(
      octets(hashed.digest).subarray(19),
      sha256(octets(hashed.sh)),
      'the digest of the signed attributes'
    )
    const prepared = octets(hashed.documentBytes)
    t.same(prepared.subarray(0, form.length), form, 'what was there is as it was')
    const range = /\/ByteRange \[ 0 (\d+) (\d+) (\d+) *\]/.exec(prepared.toString('latin1', form.length))
    const [, before, after, length] = range?.map(Number) ?? []
    t.equal((after ?? 0) + (length ?? 0), prepared.length)
    const covered = Buffer.concat([prepared.subarray(0, before), prepared.subarray(after)])
    t.same(octets(hashed.documentHash), sha256(covered))
    t.ok(octets(hashed.sh).includes(sha256(covered)), 'the message digest is among the signed attributes')
    const [signature = ''] = await signatures([hashed])
    t.ok(await verifies(octets(item.certificate), sha256(octets(hashed.sh)), octets(signature)))
  })

  await t.test('one signature after the other in one file, each valid', async (t) => {
    let pdf: Uint8Array = form
    for (const count of [1, 2, 3]) {
      const [next] = await signed([pdf], { ...seen, PositionY: 150 + 90 * count })
      pdf = next ?? pdf
      const found = await seenSignatures(pdf)
      t.equal(found.length, count)
      for (const [index, one] of found.entries())
        t.same(
          { type: one.type, valid: one.valid, whole: one.whole },
          { type: 'ETSI.CAdES.detached', valid: true, whole: index === count - 1 }
        )
      t.equal(new Set(found.map(({ field }) => field)).size, count, 'each has a field of its own')
    }
    const text = await textOf(pdf)
    t.match(text, 'Phê duyệt chứng từ')
    t.match(text, 'LÊ HÒA BÌNH')
    t.match(text, /\d{2}\/\d{2}\/\d{4} \d{2}:\d{2}:\d{2}\s+\+07:00/)
  })

  await t.test('documents of other producers, seen and not seen, in one batch', async (t) => {
    const others = [await byCairo(form), readFileSync('test/documents/object-streams.pdf'), pdfOf(onePage)]
    // A Chromium document, and one that cairo wrote, with another kind of cross-references.
    if (without('qpdf') === false)
      for (const pdf of [form, await byCairo(form)]) others.push(await byQpdf(pdf))
    for (const info of [{}, { ...seen, PositionX: 10, PositionY: 10 }])
      for (const pdf of await signed(others, info))
        t.match(await seenSignatures(pdf), [{ valid: true, whole: true }])
  })

  await t.test('a logo is shown, and only an image is one', async (t) => {
    const pixel =
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
    const [pdf] = await signed([form], { ...seen, LogoImage: pixel, RenderingMode: 1 })
    t.match(await seenSignatures(pdf ?? form), [{ valid: true }])
    const { status, body } = await hash(client, [form], { ...seen, LogoImage: base64(Buffer.from('<svg/>')) })
    t.match({ status, body }, { status: 400, body: { errorCode: 'e400', devMsg: /PNG or a JPEG/ } })
  })

  await t.test('a signature over something else is not put in, nor into a changed document', async (t) => {
    const [first, second] = (await hash(client, [form, pdfOf(onePage)])).body.pdfDocs
    const [signature, other] = await signatures([first, second].filter((one) => one !== undefined))
    const wrong = await attach(client, [{ ...first, signature: other }])
    t.match(wrong, { status: 400, body: { errorCode: 'e400', devMsg: /no signature over this document/ } })
    const bytes = octets(first?.documentBytes ?? '')
    bytes[100] = (bytes[100] ?? 0) ^ 1
    const changed = await attach(client, [{ ...first, documentBytes: base64(bytes), signature }])
    t.match(changed, { status: 400, body: { devMsg: /documentBytes is not what/ } })
    t.equal((await attach(client, [{ ...first, signature }])).status, 200, 'the right one is')
    t.equal((await attach(client, [{ ...first, signature }])).status, 200, 'also when asked again')
  })

  await t.test(
    "another relying party's document looks like none, and so does one that is over",
    async (t) => {
      const { body: party } = await operator.post<{ clientId: string; clientSecret: string }>(
        '/relying-parties',
        {
          provider: 'misa',
          name: 'Bên khác'
        }
      )
      const other = await loggedIn({ clientId: party.clientId, clientKey: party.clientSecret })
      const [hashed] = (await hash(client, [form])).body.pdfDocs
      const [signature] = await signatures(hashed === undefined ? [] : [hashed])
      const foreign = await attach(other, [{ ...hashed, signature }])
      t.match(foreign, { status: 404, body: { errorCode: 'e404' } })
      clock.advance(3_601_000)
      await client.login(demo.login, demo.password)
      const late = await attach(client, [{ ...hashed, signature }])
      t.same([late.status, late.body], [foreign.status, foreign.body])
    }
  )

  await t.test('what is not offered is said to be so, and an empty list is refused', async (t) => {
    for (const kind of ['wordDocs', 'excelDocs']) {
      const body = { ...certificates(item), [kind]: [{ DocumentId: 'a', FileToSign: 'UEs=' }] }
      const answer = await client.call('POST', `${documents}/hash`, { headers: client.bearer, body })
      t.match(answer, { status: 501, body: { errorCode: 'e501', devMsg: new RegExp(kind) } })
    }
    t.match(await hash(client, []), {
      status: 400,
      body: { validationFailures: [{ property: 'pdfDocs', failureReason: 'Phải có ít nhất 1 tài liệu' }] }
    })
  })

  await t.test('hostile documents are refused with a sentence, and the server goes on', async (t) => {
    for (const [what, pdf, says] of hostilePdfs()) {
      const { status, body } = await hash(client, [pdf])
      t.match({ status, body }, { status: 400, body: { errorCode: 'e400', devMsg: says } }, what)
      t.equal((await client.certificates()).status, 200)
    }
    const { status } = await hash(client, [Buffer.alloc(11 * 1024 * 1024, '%PDF-')])
    t.match([400, 413], [status === 413 ? 400 : status], 'one larger than the limit')
  })
})
