import t from 'tap'
import { digestOf } from '../clients/journey.js'
import { MisaClient } from '../clients/misa.js'
import { Portal, rsaSha256Oid } from '../clients/portal.js'
import { MySignClient } from '../clients/viettel.js'
import { startWorld } from '../world.js'
import { poll, post } from './json-calls.js'

const sp = { sp_id: 'dvctt', sp_password: 'dvctt-secret' }
const digest = digestOf('tờ khai đăng ký')

t.test('one digest has one PKCS #1 value, whatever it was asked for through', async (t) => {
  const { url } = await startWorld(t)

  const file = (text: string) => [
    { data_to_be_signed: text, doc_id: 'D1', file_type: 'pdf', sign_type: 'hash' }
  ]
  type Annex = { data: { signatures: { signature_value: string }[] | null } }
  const annexValue = ({ data }: Annex) => data.signatures?.[0]?.signature_value || undefined

  /** By a provider's own dialect. */
  const native: Record<string, (login: string) => Promise<string>> = {
    async vnpt(user_id) {
      const sign = { ...sp, user_id, transaction_id: 'same-1', sign_files: file(digest.toString('hex')) }
      await post(`${url}/vnpt/sca/sp769/v1/signatures/sign`, sign)
      return poll(async () =>
        annexValue(await post<Annex>(`${url}/vnpt/sca/sp769/v1/signatures/sign/same-1/status`, sp))
      )
    },
    async nacencomm(user_id) {
      const sign = { ...sp, user_id, transaction_id: 'same-1', sign_files: file(digest.toString('base64')) }
      await post(`${url}/nacencomm/api/data/sign`, sign)
      const status = { ...sp, user_id, transaction_id: 'same-1' }
      return poll(async () => annexValue(await post<Annex>(`${url}/nacencomm/api/data/status`, status)))
    },
    async viettel(user_id) {
      const client = new MySignClient({ url })
      const { access_token } = (await client.login(user_id)).body
      const [item] = (
        await client.post<{ credential_id: string }[]>(
          'certificates/info',
          {
            client_id: 'dvctt',
            client_secret: 'dvctt-secret',
            profile_id: 'adss:ras:profile:001',
            user_id,
            certificates: 'single',
            certInfo: true,
            authInfo: true
          },
          access_token
        )
      ).body
      const { body } = await client.post<{ signatures: string[] }>(
        'signHash',
        {
          client_id: 'dvctt',
          client_secret: 'dvctt-secret',
          credentialID: item?.credential_id,
          numSignatures: 1,
          description: '',
          documents: [{ document_id: 'D1', document_name: 'to khai' }],
          hash: [digest.toString('base64')],
          hashAlgo: '2.16.840.1.101.3.4.2.1',
          signAlgo: '1.2.840.113549.1.1.1',
          async: 0
        },
        access_token
      )
      return body.signatures[0]?.replaceAll(/\s/g, '') ?? ''
    },
    async misa(userName) {
      const client = new MisaClient({ url })
      await client.login(userName, 'misa-demo')
      const { transactionId } = (await client.ask(await client.firstActive(), [digest])).body
      return (await client.outcome(transactionId)).signatures?.[0]?.signature ?? ''
    }
  }

  for (const [provider, login, caName] of [
    ['viettel', 'CMT_0123456789', 'Viettel-CA'],
    ['vnpt', '001088035895', 'VNPT-CA'],
    ['misa', 'binh.le@example.vn', 'MISA-CA'],
    ['nacencomm', '036090001234', 'CA2']
  ] as const) {
    await t.test(provider, async (t) => {
      const portal = new Portal({ url, provider })
      const [credentialID = ''] = await portal.credentials(login)
      const { body } = await portal.authorize(credentialID, [digest])
      const { SAD } = (await portal.answered(body.handle)).body
      const signed = await portal.sign(credentialID, SAD, [digest], rsaSha256Oid)
      const value = signed.body.signatures?.[0] ?? ''
      t.equal(Buffer.from(value, 'base64').length, 256)

      t.equal(await native[provider]?.(login), value, 'by its own dialect')

      const gateway = { ...sp, ca_name: caName, transaction_id: `neac-${provider}` }
      await post(`${url}/neac/sign_v2/sign`, {
        ...gateway,
        user_id: login,
        sign_files: file(digest.toString('base64'))
      })
      t.equal(
        await poll(async () => annexValue(await post<Annex>(`${url}/neac/sign_v2/status`, gateway))),
        value,
        'through the gateway'
      )
    })
  }
})
