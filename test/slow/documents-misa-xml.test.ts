import { createHash } from 'node:crypto'
import t from 'tap'
import { type FailureBody, MisaClient } from '../clients/misa.js'
import { verifiesXml, without } from '../documents/judges.js'
import { startWorld } from '../world.js'

const demo = { login: 'binh.le@example.vn', password: 'misa-demo' }
const documents = '/external/esrm/service/document/api/v1/documents'
const octets = (base64: string) => Buffer.from(base64, 'base64')
const voucher = `<?xml version="1.0" encoding="UTF-8"?>
<ChứngTừ xmlns="urn:kbnn:thu-chi" xmlns:b="urn:b"><NộiDung Id="nd1" b:loại="chi">Chi &amp; thu &lt;5 tỉ&gt;</NộiDung><ChữKý/></ChứngTừ>`

interface HashedXml {
  documentId: string
  document: string
  signatureId: string
  digest: string
  sh: string
}

t.test('MISA eSign signs XML', { skip: without('xmlsec1') }, async (t) => {
  const world = await startWorld(t)
  const client = new MisaClient({ url: world.url })
  await client.login(demo.login, demo.password)
  const item = await client.firstActive()
  const root = octets(item.certiticateChain[2])
  const issuer = octets(item.certiticateChain[1])
  const common = { certificate: item.certificate, certificateChain: item.certiticateChain }

  const hash = (xml: string, info: object = {}) =>
    client.call<{ xmlDocs: HashedXml[] } & FailureBody>('POST', `${documents}/hash`, {
      headers: client.bearer,
      body: { ...common, xmlDocs: [{ DocumentId: 'ct-1', FileToSign: xml, SignatureInfo: info }] }
    })
  const attach = (xmlDocs: readonly object[]) =>
    client.call<{ xmlDocs: { documentId: string; document: string }[] } & FailureBody>(
      'POST',
      `${documents}/attachment`,
      { headers: client.bearer, body: { ...common, xmlDocs } }
    )
  async function signatureOf({ documentId, digest }: HashedXml): Promise<string> {
    const { body } = await client.sign({
      DataToBeDisplayed: 'Ký XML',
      UserId: item.userId,
      CertAlias: item.keyAlias,
      Documents: [{ DocumentId: documentId, FileToSign: digest, DocumentName: 'chung-tu.xml' }]
    })
    return (await client.outcome(body.transactionId)).signatures?.[0]?.signature ?? ''
  }
  async function hashed(xml: string, info: object = {}): Promise<HashedXml> {
    const { body, text } = await hash(xml, info)
    const [one] = body.xmlDocs ?? []
    if (one === undefined) throw new Error(text)
    return one
  }

  await t.test('the whole document, or nodes of it, and xmlsec1 agrees', async (t) => {
    for (const info of [{}, { Id: 'KyKeToan', NodeToSign: ['nd1'], SignatureLocation: '/ChứngTừ/ChữKý' }]) {
      const one = await hashed(voucher, info)
      t.match(one, { documentId: 'ct-1', signatureId: 'Id' in info ? 'KyKeToan' : /^sig-/ })
      t.match(one.digest, /^MDEwDQYJYIZIAWUDBAIBBQAEI/)
      t.same(octets(one.digest).subarray(19), octets(one.sh))
      const { status, body } = await attach([{ ...one, signature: await signatureOf(one) }])
      t.equal(status, 200)
      const signed = octets(body.xmlDocs[0]?.document ?? '')
      t.ok(await verifiesXml(signed, { issuer, root, idOf: ['urn:kbnn:thu-chi:NộiDung'] }))
      const changed = Buffer.from(signed.toString('utf8').replace('5 tỉ', '6 tỉ'))
      t.notOk(await verifiesXml(changed, { issuer, root, idOf: ['urn:kbnn:thu-chi:NộiDung'] }))
    }
  })

  await t.test('documents as other producers write them', async (t) => {
    const styles: [what: string, xml: string][] = [
      ['a byte order mark and Windows lines', '\ufeff<?xml version="1.0"?>\r\n<a>\r\n  <b>1</b>\r\n</a>\r\n'],
      ['single quotes, and attributes in no order', "<a z='1' b:y='\"2\"' xmlns:b='urn:b' x='&#9;&#x20;3'/>"],
      [
        'CDATA, references and empty elements',
        '<a><![CDATA[5 < 6 & 7]]><b/><c></c>&#x1F4C4;&#13;&gt;&apos;</a>'
      ],
      ['comments within and around', '<!-- a --><a><!-- b -->1</a><!-- c -->'],
      [
        'namespaces that are undone and not used',
        '<a xmlns="urn:a" xmlns:u="urn:u"><b xmlns=""><c xmlns="urn:c"/></b></a>'
      ],
      ['white space everywhere', '<a> \t\n <b  c = "1\n2" /> </a>']
    ]
    for (const [what, xml] of styles) {
      const one = await hashed(xml)
      const { status, body, text } = await attach([{ ...one, signature: await signatureOf(one) }])
      t.equal(status, 200, text.slice(0, 200))
      const signed = octets(body.xmlDocs[0]?.document ?? '')
      t.ok(await verifiesXml(signed, { issuer, root, idOf: [] }), what)
    }
  })

  await t.test('a signature over something else is not put in, nor into a changed document', async (t) => {
    const one = await hashed(voucher)
    const signature = await signatureOf(one)
    const other = await hashed(voucher.replace('5 tỉ', '6 tỉ'))
    t.match(await attach([{ ...other, signature }]), { status: 400, body: { devMsg: /no signature over/ } })
    const changed = { ...one, document: one.document.replace('5 tỉ', '6 tỉ'), signature }
    t.match(await attach([changed]), { status: 400, body: { devMsg: /document is not what/ } })
    const unknown = Buffer.concat([octets(one.digest).subarray(0, 19), createHash('sha256').digest()])
    const nothing = { ...one, digest: unknown.toString('base64'), signature }
    t.match(await attach([nothing]), { status: 404, body: { errorCode: 'e404' } })
  })

  await t.test('hostile XML is refused with a sentence, and the server goes on', async (t) => {
    const laughs = Array.from(
      { length: 9 },
      (_, level) => `<!ENTITY l${level + 1} "${`&l${level};`.repeat(10)}">`
    )
    const hostile: [what: string, xml: string, says: RegExp, info?: object][] = [
      ['billion laughs', `<!DOCTYPE a [<!ENTITY l0 "ha">${laughs.join('')}]><a>&l9;</a>`, /document type/],
      [
        'an external entity',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        /document type/
      ],
      ['an entity of nowhere', '<a>&x;</a>', /well-formed/],
      ['10,000 deep', '<a>'.repeat(10_000) + '</a>'.repeat(10_000), /deep/],
      ['200,000 elements', `<r>${'<a/>'.repeat(200_000)}</r>`, /elements/],
      [
        'two of one Id: a wrapped signature',
        '<r><d Id="x"/><e><d Id="x"/></e></r>',
        /Two elements have the Id/
      ],
      ['another XPath', '<r/>', /named by its Id/, { NodeToSign: ['xpath://*[contains(., "a")]'] }],
      ['a node that is not there', '<r/>', /is not there/, { NodeToSign: ['nd9'] }],
      ['a second signature that would break the first', (await signedOnce()).toString(), /signature/],
      ['a processing instruction', '<a><?do it?></a>', /processing instructions/],
      ['one before the root', '<?xml-stylesheet href="a.xsl"?><a/>', /processing instructions/],
      ['an attribute that others inherit', '<a xml:lang="vi"/>', /xml:lang/],
      ['another encoding', '<?xml version="1.0" encoding="ISO-8859-1"?><a/>', /UTF-8 alone/],
      ['a control character', '<a>\u0001</a>', /character that XML does not have/],
      ['a reference to one', '<a>&#x1;</a>', /character that XML does not have/],
      ['what is no XML', 'không phải XML', /well-formed|no element|cannot be read/]
    ]
    for (const [what, xml, says, info = {}] of hostile) {
      const { status, body } = await hash(xml, info)
      t.match({ status, body }, { status: 400, body: { errorCode: 'e400', devMsg: says } }, what)
    }
    t.equal((await client.certificates()).status, 200)
    t.match(await hash(voucher, { ShowSigningTime: true }), { status: 501, body: { errorCode: 'e501' } })
  })

  async function signedOnce(): Promise<Buffer> {
    const one = await hashed(voucher)
    const { body } = await attach([{ ...one, signature: await signatureOf(one) }])
    return octets(body.xmlDocs[0]?.document ?? '')
  }
})
