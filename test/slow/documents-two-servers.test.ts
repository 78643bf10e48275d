import { randomUUID } from 'node:crypto'
import t from 'tap'
import { type AnnexBody, AnnexClient } from '../clients/annex.js'
import { startSecond } from '../clients/second-server.js'
import { seenSignatures, without } from '../documents/judges.js'
import { onePage, pdfOf } from '../documents/made-up-pdf.js'
import { startWorld } from '../world.js'

const demo = '001088035895'
const below = '/vnpt/sca/sp769/v1'
const manners = {
  certificates: `${below}/credentials/get_certificate`,
  sign: `${below}/signatures/sign`,
  status: (id: string) => `${below}/signatures/sign/${id}/status`,
  namesInStatus: false,
  form: 'hex'
} as const
const proof = { sp_id: 'dvctt', sp_password: 'dvctt-secret' }

t.test(
  'a document that one server has prepared, another one finishes',
  { skip: without('pdfsig') },
  async (t) => {
    const world = await startWorld(t)
    const there = await startSecond(t, world)
    const here = new AnnexClient({ url: world.url, manners })
    const elsewhere = new AnnexClient({ url: there.url, manners })
    const { cert_data } = await here.certificate(demo)

    const { body: hashed } = await here.post('/vnpt/rest/v2/signature/calculateHash', {
      ...proof,
      signerCert: cert_data,
      sign_files: [{ pdfContent: pdfOf(onePage).toString('base64') }]
    })
    const { tranId, hashResps } = hashed as unknown as {
      tranId: string
      hashResps: { hash: string; fileID: string }[]
    }
    const [{ hash, fileID } = { hash: '', fileID: '' }] = hashResps
    const id = randomUUID()
    await here.sign(demo, id, here.files([Buffer.from(hash, 'base64')]))
    const outcome = await here.outcome(id, ({ message }: AnnexBody) => message === 'PENDING')
    const signature = outcome.body.data?.signatures?.[0]?.signature_value ?? ''
    const { status, body: put } = await elsewhere.post('/vnpt/rest/v2/signature/signExternal', {
      ...proof,
      tranId,
      signatures: [{ fileID, signature }]
    })
    t.equal(status, 200)
    const { signResps } = put as unknown as { signResps: { signedData: string }[] }
    const signed = Buffer.from(signResps[0]?.signedData ?? '', 'base64')
    t.match(await seenSignatures(signed), [{ valid: true, whole: true }])
  }
)
