import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import t from 'tap'
import { findSoftHsmModule, prepareSoftHsm } from '../../src/hsm/softhsm.js'
import { type AnnexBody, AnnexClient } from '../clients/annex.js'
import { ServerProcess } from '../clients/server-process.js'
import { seenSignatures, without } from '../documents/judges.js'
import { onePage, pdfOf } from '../documents/made-up-pdf.js'
import { startWorld, templatePkiUrl } from '../world.js'

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
    const { host, user, password, database } = world.connection
    const modulePath = findSoftHsmModule()
    if (modulePath === null) throw new Error('SoftHSM is not installed')
    const { confPath } = prepareSoftHsm(join(world.dataDir, 'softhsm'))
    const there = await ServerProcess.start(t.testdir(), {
      PUBLIC_URL: world.url,
      PKI_URL: templatePkiUrl,
      DATABASE_URL: `postgres://${user}:${encodeURIComponent(String(password))}@localhost/${database}?host=${host}`,
      PKCS11_MODULE: modulePath,
      PKCS11_PIN_FILE: join(world.dataDir, 'pkcs11-pin'),
      SOFTHSM2_CONF: confPath,
      SIGNING_WORKERS: '1',
      KEY_POOL: '0'
    })
    t.teardown(() => there.stop())
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
