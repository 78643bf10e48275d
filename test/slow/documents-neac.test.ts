import { readFileSync } from 'node:fs'
import t from 'tap'
import { fileOf, NeacTokenClient } from '../clients/neac-token.js'
import { seenSignatures, verifiesXml, without } from '../documents/judges.js'
import { startWorld } from '../world.js'

const login = '036090001234'
const pdf = readFileSync('examples/documents/tokhaidangkysudungdvc.pdf')
const xml = Buffer.from('<tờKhai xmlns="urn:kbnn:thu-chi"><sốTiền>42</sốTiền></tờKhai>')

t.test(
  'what the NEAC gateway signs by token is found good by poppler and xmlsec1',
  { skip: without('pdfsig') || without('xmlsec1') },
  async (t) => {
    const { url } = await startWorld(t)
    const client = new NeacTokenClient({ url })
    await client.login()
    const [listed] = (await client.certificates(login)).body.data?.user_certificates ?? []
    if (listed === undefined) throw new Error('nothing is listed')
    const { body } = await client.signFiles(login, '', [fileOf('a.pdf', pdf), fileOf('b.xml', xml)])
    const [signedPdf = '', signedXml = ''] = (body.data?.signFiles ?? []).map(
      ({ file_base64 }) => file_base64
    )
    const seen = await seenSignatures(Buffer.from(signedPdf, 'base64'))
    t.match(seen, [{ type: 'ETSI.CAdES.detached', valid: true, whole: true }])
    const trust = {
      issuer: Buffer.from(listed.chain_data.ca_cert, 'base64'),
      root: Buffer.from(listed.chain_data.root_cert, 'base64'),
      idOf: []
    }
    const octets = Buffer.from(signedXml, 'base64')
    t.ok(await verifiesXml(octets, trust))
    t.notOk(await verifiesXml(Buffer.from(octets.toString().replace('42', '43')), trust))
  }
)
