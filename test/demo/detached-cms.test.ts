import { execFileSync, spawnSync } from 'node:child_process'
import { createPrivateKey, sign, X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type CmsContent, prepareDetachedCms } from '../../examples/signing/detached-cms.js'

const folder = t.testdir({ 'leaf.cnf': 'keyUsage=critical,digitalSignature,nonRepudiation\n' })
const at = (name: string) => join(folder, name)
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })

const document = Buffer.from('Tờ khai đăng ký sử dụng dịch vụ công trực tuyến')
writeFileSync(at('document'), document)

/** A CA and a leaf that openssl makes, with a Vietnamese name. */
function makeLeaf(name: string, newKey: string[]): void {
  const ca = ['-CA', 'root.pem', '-CAkey', 'root.key', '-days', '2', '-extfile', 'leaf.cnf']
  openssl(
    'req',
    '-utf8',
    ...newKey,
    '-nodes',
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.csr`,
    '-subj',
    subject
  )
  openssl('x509', '-req', '-in', `${name}.csr`, ...ca, '-out', `${name}.pem`)
}
const subject = '/C=VN/O=Trường THCS Sông Lô/CN=NGUYỄN VĂN AN'
const newRsa = ['-newkey', 'rsa:2048']
const root = ['-x509', '-days', '3', '-subj', '/C=VN/CN=Root']
openssl('req', ...root, ...newRsa, '-nodes', '-keyout', 'root.key', '-out', 'root.pem')
makeLeaf('rsa', newRsa)
makeLeaf('ec', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'])

/** Signs as the service would: the digest's signature, and nothing known of the document. */
async function signed(name: string, content: Partial<CmsContent> = {}): Promise<Uint8Array> {
  const certificate = new X509Certificate(readFileSync(at(`${name}.pem`)))
  const key = createPrivateKey(readFileSync(at(`${name}.key`)))
  const signingTime = content.signingTime ?? new Date()
  const cms = await prepareDetachedCms({ document, certificate: certificate.raw, signingTime, ...content })
  return cms.complete(sign('sha256', cms.signedAttributes, key), [])
}

function verify(cms: Uint8Array, ...more: string[]): { status: number | null; said: string } {
  writeFileSync(at('signature.p7s'), cms)
  const { status, stderr } = spawnSync(
    'openssl',
    ['cms', '-verify', '-binary', '-cades', '-inform', 'DER', '-in', 'signature.p7s', '-content', 'document']
      .concat(['-CAfile', 'root.pem', '-purpose', 'any', '-out', '/dev/null'])
      .concat(more),
    { cwd: folder, encoding: 'utf8' }
  )
  return { status, said: stderr }
}

for (const name of ['rsa', 'ec']) {
  t.test(`openssl verifies a detached CMS around a signature by an ${name} key`, async (t) => {
    const { status, said } = verify(await signed(name))
    t.equal(status, 0, said)
    t.match(said, 'CAdES Verification successful')
  })
}

t.test('openssl refuses it for another document', async (t) => {
  const cms = await signed('rsa', { document: Buffer.from('another') })
  t.match(verify(cms), { status: 4, said: /digest failure|verification failure/i })
})

t.test('openssl refuses it when signing-certificate-v2 names another certificate', async (t) => {
  const other = new X509Certificate(readFileSync(at('ec.pem'))).raw
  const key = createPrivateKey(readFileSync(at('rsa.key')))
  const rsa = new X509Certificate(readFileSync(at('rsa.pem'))).raw
  const named = await prepareDetachedCms({ document, certificate: other, signingTime: new Date() })
  const mine = await prepareDetachedCms({ document, certificate: rsa, signingTime: new Date() })
  // The attributes of one, the identity of the other.
  const whole = Buffer.from(mine.complete(sign('sha256', named.signedAttributes, key), []))
  const ownSet = Buffer.from(mine.signedAttributes).subarray(1)
  const offset = whole.indexOf(ownSet)
  t.ok(offset > 0)
  Buffer.from(named.signedAttributes).subarray(1).copy(whole, offset)
  t.match(verify(whole), { status: 4, said: /ess.signing.certid|cert.*mismatch|not.found/i })
})

t.test('the CMS is DER, with sorted attributes and a NULL only for RSA', async (t) => {
  for (const [name, identifier] of [
    ['rsa', '300d06092a864886f70d01010b0500'],
    ['ec', '300a06082a8648ce3d040302']
  ] as const) {
    const cms = Buffer.from(await signed(name))
    t.ok(cms.includes(Buffer.from(`${identifier}04`, 'hex')), `${name}: identifier, then the signature`)
    const parsed = openssl('asn1parse', '-inform', 'DER', '-in', writeTo(`${name}.p7s`, cms)).toString()
    const types = [
      ...parsed.matchAll(/OBJECT\s+:(contentType|messageDigest|signingTime|id-smime-aa-sign\S+)/g)
    ]
    t.same(
      types.map(([, type]) => type),
      ['contentType', 'signingTime', 'messageDigest', 'id-smime-aa-signingCertificateV2']
    )
    t.notMatch(parsed, /l=inf/, 'no indefinite length')
    const leaf = new X509Certificate(readFileSync(at(`${name}.pem`))).raw
    t.ok(cms.includes(leaf), 'the certificate is carried octet for octet')
  }
})

t.test('signing-time is UTCTime to the end of 2049 and GeneralizedTime from then on', async (t) => {
  const times = async (signingTime: string) => {
    const cms = await signed('ec', { signingTime: new Date(signingTime) })
    return Buffer.from(cms).toString('latin1')
  }
  t.match(await times('2049-12-31T23:59:59.900Z'), '\x17\x0d491231235959Z')
  t.match(await times('2050-01-01T00:00:00Z'), '\x18\x0f20500101000000Z')
})

function writeTo(name: string, content: Uint8Array): string {
  writeFileSync(at(name), content)
  return name
}
