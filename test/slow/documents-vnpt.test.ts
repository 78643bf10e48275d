import { createHash, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { type AnnexBody, AnnexClient, certificateOctets } from '../clients/annex.js'
import { Operator } from '../clients/operator.js'
import { verifies } from '../dialects/openssl.js'
import { seenSignatures, textOf, without } from '../documents/judges.js'
import { startWorld } from '../world.js'

const demo = '001088035895'
const form = readFileSync('examples/documents/tokhaidangkysudungdvc.pdf')
const below = '/vnpt/sca/sp769/v1'
const manners = {
  certificates: `${below}/credentials/get_certificate`,
  sign: `${below}/signatures/sign`,
  status: (id: string) => `${below}/signatures/sign/${id}/status`,
  namesInStatus: false,
  form: 'hex'
} as const
const proof = { sp_id: 'dvctt', sp_password: 'dvctt-secret' }
const helper = '/vnpt/rest/v2/signature'

interface Hashed {
  tranId: string
  hashResps: { code: string; hash: string; fileID: string }[]
}
interface Put {
  tranId: string
  signResps: { code: string; fileID: string; signedData: string }[]
}
const as = <Body>(body: unknown) => body as Body

t.test('VNPT lays out PDFs for clients that cannot', { skip: without('pdfsig') }, async (t) => {
  const world = await startWorld(t)
  const { url } = world
  const client = new AnnexClient({ url, manners })
  const { cert_data } = await client.certificate(demo)
  const sigOptions = {
    renderMode: 0,
    fontColor: '#0000FF',
    signatureText: 'Chủ tài khoản\nTrần Thị Bình\u202e',
    signatures: [{ page: 1, rectangle: '330,60,530,130' }]
  }
  const hash = (pdfs: readonly Uint8Array[], more: object = {}) =>
    client.post(`${helper}/calculateHash`, {
      ...proof,
      transaction_id: randomUUID(),
      signerCert: cert_data,
      digestAlgorithm: 'sha256',
      sign_files: pdfs.map((pdf) => ({
        storage_file_name: 'to-khai.pdf',
        name: 'to-khai.pdf',
        pdfContent: Buffer.from(pdf).toString('base64'),
        sigOptions
      })),
      ...more
    })
  const put = (tranId: string, signatures: readonly object[], more: object = {}) =>
    client.post(`${helper}/signExternal`, { ...proof, tranId, signatures, ...more })

  /** The hash comes in base64 and is asked for in hexadecimal. */
  async function signatureOf(digest: Buffer): Promise<string> {
    const id = randomUUID()
    await client.sign(demo, id, client.files([digest]))
    const { body } = await client.outcome(id, ({ message }: AnnexBody) => message === 'PENDING')
    return body.data?.signatures?.[0]?.signature_value ?? ''
  }

  await t.test('from calculateHash over sign to signExternal, twice in one file', async (t) => {
    let pdf: Uint8Array = form
    for (const count of [1, 2]) {
      const { status, body } = await hash([pdf])
      t.equal(status, 200)
      const { tranId, hashResps } = as<Hashed>(body)
      const [{ code, hash: text, fileID } = { code: '', hash: '', fileID: '' }] = hashResps
      t.match({ code, fileID }, { code: 'sigSuccess', fileID: /^[\w-]{43}$/ })
      const digest = Buffer.from(text, 'base64')
      const signature = await signatureOf(digest)
      t.ok(await verifies(certificateOctets(cert_data), digest, Buffer.from(signature, 'base64')))
      const answer = await put(tranId, [{ fileID, signature }])
      t.match(answer, { status: 200, body: { tranId, signResps: [{ code: 'sigSuccess', fileID }] } })
      pdf = Buffer.from(as<Put>(answer.body).signResps[0]?.signedData ?? '', 'base64')
      const seen = await seenSignatures(pdf)
      t.same(
        seen.map(({ valid, type }) => ({ valid, type })),
        Array(count).fill({ valid: true, type: 'ETSI.CAdES.detached' })
      )
    }
    const text = await textOf(pdf)
    t.match(text, 'Chủ tài khoản')
    t.notMatch(text, '\u202e')
  })

  await t.test('on the real host name, too', async (t) => {
    const native = new AnnexClient({ url, manners, host: 'gwsca.vnpt.vn' })
    const { status, body } = await native.post('/rest/v2/signature/calculateHash', {
      ...proof,
      signerCert: 'AAAA',
      sign_files: [{ pdfContent: 'AAAA' }]
    })
    t.match({ status, body }, { status: 400, body: { message: 'BAD_REQUEST', description: /signerCert/ } })
  })

  await t.test(
    'a file of another relying party, of another tranId, and none at all look alike',
    async (t) => {
      const { tranId, hashResps } = as<Hashed>((await hash([form])).body)
      const { fileID = '', hash: text = '' } = hashResps[0] ?? {}
      const signature = await signatureOf(Buffer.from(text, 'base64'))
      const { body: party } = await new Operator({ url }).post<{ clientId: string; clientSecret: string }>(
        '/relying-parties',
        { provider: 'vnpt', name: 'Bên khác' }
      )
      const other = { sp_id: party.clientId, sp_password: party.clientSecret }
      const answers = [
        await put(tranId, [{ fileID, signature }], other),
        await put(randomUUID(), [{ fileID, signature }]),
        await put(tranId, [{ fileID: createHash('sha256').update(fileID).digest('base64url'), signature }])
      ]
      for (const { status, body } of answers)
        t.same({ status, body }, { status: 400, body: answers[0]?.body })
      t.equal((await put(tranId, [{ fileID, signature }])).status, 200)
      const wrong = `${signature.slice(0, 10)}${signature[10] === 'A' ? 'B' : 'A'}${signature.slice(11)}`
      t.match(await put(tranId, [{ fileID, signature: wrong }]), {
        status: 400,
        body: { description: /no signature over/ }
      })
    }
  )

  await t.test('refuses a wrong secret, a certificate of somebody else, and another hash', async (t) => {
    t.match(await hash([form], { sp_password: 'sai' }), { status: 401 })
    const foreign = Buffer.from(certificateOctets(cert_data))
    foreign[foreign.length - 1] = (foreign[foreign.length - 1] ?? 0) ^ 1
    t.match(await hash([form], { signerCert: foreign.toString('base64') }), { status: 400 })
    t.match(await hash([form], { digestAlgorithm: 'sha1' }), { status: 400 })
    t.match(await hash([Buffer.from('không phải PDF')]), { status: 400, body: { description: /not a PDF/ } })
  })
})
