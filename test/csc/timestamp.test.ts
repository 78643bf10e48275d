import { createHash, X509Certificate } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { Portal } from '../clients/portal.js'
import { openssl } from '../pki/world.js'
import { startWorld } from '../world.js'

const hashes = {
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3'
}
const digestOf = (name: string, data: string) => createHash(name).update(data).digest()

t.test('signatures/timestamp (CSC API v1 §11.10, v2 §11.13)', async (t) => {
  const world = await startWorld(t)
  const folder = world.dataDir
  const file = async (name: string, content: string | Uint8Array) => {
    await writeFile(join(folder, name), content)
    return join(folder, name)
  }
  const get = async (path: string) => Buffer.from(await (await fetch(`${world.url}${path}`)).arrayBuffer())
  const root = await file('root.pem', await get('/pki/root.pem'))
  const portals = {
    v1: new Portal({ url: world.url, provider: 'vnpt', version: 'v1' }),
    v2: new Portal({ url: world.url, provider: 'misa' })
  }
  const stamp = (body: unknown, portal = portals.v2) =>
    portal.call<{ timestamp?: string }>('signatures/timestamp', body)
  /** The token as openssl prints it. */
  async function read(timestamp: string | undefined): Promise<{ token: string; says: string }> {
    const token = await file('token.der', Buffer.from(timestamp ?? '', 'base64'))
    return { token, says: (await openssl(folder, ['ts', '-reply', '-token_in', '-in', token, '-text'])).says }
  }

  await t.test(
    'every hash in either version gives a token that openssl verifies below the root',
    async (t) => {
      for (const [version, portal] of Object.entries(portals)) {
        for (const [name, hashAlgo] of Object.entries(hashes)) {
          const data = `tờ khai ${version} ${name}`
          const { status, body } = await stamp(
            { hash: digestOf(name, data).toString('base64'), hashAlgo, nonce: '00c0FFEE01' },
            portal
          )
          t.equal(status, 200, JSON.stringify(body))
          const { token, says } = await read(body.timestamp)
          const verify = (of: string) =>
            openssl(folder, ['ts', '-verify', '-token_in', '-in', token, '-data', of, '-CAfile', root])
          t.match(await verify(await file('data', data)), { status: 0, says: /Verification: OK/ }, says)
          t.match(await verify(await file('other', 'another')), { says: /message imprint mismatch/ })
          t.match(says, new RegExp(`Hash Algorithm: ${name}`))
          t.match(says, /Nonce: 0xC0FFEE01\n/)
          t.match(says, /Policy OID: 1\.3\.6\.1\.4\.1\.32473\.1\.9\n/)
          t.match(says, /Accuracy: 0x01 seconds, unspecified millis, unspecified micros\n/)
          t.match(says, /Ordering: no\n/)
          const time = new Date(/Time stamp: (.+)/.exec(says)?.[1] ?? '')
          t.ok(Math.abs(time.getTime() - world.clock.now().getTime()) < 60_000, 'the time of the server')
        }
      }
    }
  )

  await t.test('no two tokens have one serial, and one without a nonce has none', async (t) => {
    const body = { hash: digestOf('sha256', 'a').toString('base64url'), hashAlgo: hashes.sha256 }
    const answers = await Promise.all(Array.from({ length: 12 }, () => stamp(body)))
    const texts = []
    for (const answer of answers) texts.push((await read(answer.body.timestamp)).says)
    const serials = texts.map((says) => /Serial number: 0x([0-9A-F]{32})\n/.exec(says)?.[1])
    t.equal(new Set(serials).size, 12)
    for (const says of texts) t.match(says, /Nonce: unspecified\n/)
  })

  await t.test('the token is DER, names its certificate by ESSCertIDv2 and carries it', async (t) => {
    const { body } = await stamp({
      hash: digestOf('sha256', 'a').toString('base64'),
      hashAlgo: hashes.sha256
    })
    const { token } = await read(body.timestamp)
    const again = join(folder, 'again.der')
    await openssl(folder, ['pkcs7', '-inform', 'DER', '-in', token, '-outform', 'DER', '-out', again])
    const certificate = new X509Certificate(await get('/pki/tsa.cer'))
    const cms = Buffer.from(body.timestamp ?? '', 'base64')
    t.ok(cms.includes(certificate.raw))
    t.ok(cms.includes(createHash('sha256').update(certificate.raw).digest()), 'the hash of the certificate')
    const { says } = await openssl(folder, ['asn1parse', '-inform', 'DER', '-in', token])
    t.match(says, /id-smime-aa-signingCertificateV2/)
    t.notMatch(says, /l=\s*inf|cons: OCTET STRING/, 'neither indefinite lengths nor strings in pieces')
  })

  await t.test(
    'its certificate serves time-stamps alone, and says so critically (RFC 3161 §2.3)',
    async (t) => {
      const chain = await file('tsa.pem', await get('/pki/tsa.pem'))
      t.match(
        await openssl(folder, [
          'verify',
          '-x509_strict',
          '-CAfile',
          root,
          '-purpose',
          'timestampsign',
          chain
        ]),
        {
          status: 0
        }
      )
      const { says } = await openssl(folder, ['x509', '-in', chain, '-noout', '-text'])
      t.match(
        says,
        /Subject: C\s?=\s?VN, O\s?=\s?SIMULATED .+, CN\s?=\s?SIMULATED Vietnam Time-Stamping Authority/
      )
      t.match(says, /Extended Key Usage: critical\s+Time Stamping\n/)
      t.match(says, /Key Usage: critical\s+Digital Signature\n/)
      t.match(says, /CA:FALSE/)
      t.equal((await get('/pki/tsa.pem')).toString().match(/BEGIN CERTIFICATE/g)?.length, 2, 'with the root')
      t.equal((await fetch(`${world.url}/pki/tsa.crl`)).status, 404, 'it issues nothing')
      t.equal((await fetch(`${world.url}/pki/tsa/ocsp`)).status, 404)
    }
  )

  const hash = digestOf('sha256', 'a').toString('base64')
  const hashAlgo = hashes.sha256
  const errors: [body: object, text: string][] = [
    [{ hashAlgo }, 'Missing (or invalid type) string parameter hash'],
    [{ hash: 5, hashAlgo }, 'Missing (or invalid type) string parameter hash'],
    [{ hash: [hash], hashAlgo }, 'Missing (or invalid type) string parameter hash'],
    [{ hash: '', hashAlgo }, 'Empty hash parameter'],
    [{ hash: 'AAAA', hashAlgo }, 'Invalid digest value length'],
    [{ hash, hashAlgo: hashes.sha512 }, 'Invalid digest value length'],
    [{ hash: '~no base64~', hashAlgo }, 'Invalid Base64 hash string parameter'],
    [{ hash }, 'Missing (or invalid type) string parameter hashAlgo'],
    [{ hash, hashAlgo: 'SHA256' }, 'Invalid parameter hashAlgo'],
    [{ hash, hashAlgo: '1.3.14.3.2.26' }, 'Invalid parameter hashAlgo'],
    [{ hash, hashAlgo, nonce: 'xyz' }, 'Invalid parameter nonce'],
    [{ hash, hashAlgo, nonce: '-1' }, 'Invalid parameter nonce'],
    [{ hash, hashAlgo, nonce: '' }, 'Invalid parameter nonce'],
    [{ hash, hashAlgo, nonce: 17 }, 'Invalid parameter nonce'],
    [{ hash, hashAlgo, nonce: 'f'.repeat(65) }, 'Invalid parameter nonce'],
    [{ hash, hashAlgo, clientData: 1 }, 'Invalid parameter clientData']
  ]
  for (const [version, portal] of Object.entries(portals)) {
    await t.test(`${version}: the error table`, async (t) => {
      for (const [body, error_description] of errors) {
        t.match(
          await stamp(body, portal),
          { status: 400, body: { error: 'invalid_request', error_description } },
          JSON.stringify(body)
        )
      }
      const nobody = await fetch(`${portal.base}/signatures/timestamp`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}'
      })
      t.equal(nobody.status, 400, 'a malformed header')
    })
  }

  await t.test('tokens made are counted', async (t) => {
    const metrics = (await get('/metrics')).toString()
    t.match(metrics, /^kyso_timestamps_made 19$/m)
  })
})
