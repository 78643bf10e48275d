import { execFileSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { castAt, digestOf } from '../clients/journey.js'
import { ecdsaSha256Oid, Portal, rsaSha256Oid } from '../clients/portal.js'
import { startWorld } from '../world.js'

/** The demo seed, as the contract has it. */
const people = [
  { provider: 'viettel', login: 'CMT_0123456789' },
  { provider: 'vnpt', login: '001088035895' },
  { provider: 'misa', login: 'binh.le@example.vn' },
  { provider: 'nacencomm', login: '036090001234' }
]
const algorithms = [
  { name: 'RSA-2048', signAlgo: rsaSha256Oid },
  { name: 'P-256', signAlgo: ecdsaSha256Oid }
]

/** What `openssl pkeyutl` says of a signature over a digest, with the leaf's key. */
function opensslVerifies(certificate: Uint8Array, digest: Uint8Array, signature: Uint8Array): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'kyso-judge-'))
  try {
    const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'pem' })
    writeFileSync(join(folder, 'key.pem'), key)
    writeFileSync(join(folder, 'digest'), digest)
    writeFileSync(join(folder, 'signature'), signature)
    const said = execFileSync(
      'openssl',
      [
        'pkeyutl',
        '-verify',
        '-pubin',
        '-inkey',
        'key.pem',
        '-in',
        'digest',
        '-sigfile',
        'signature',
        '-pkeyopt',
        'digest:sha256'
      ],
      { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }
    )
    return said.includes('Signature Verified Successfully')
  } catch {
    return false
  } finally {
    rmSync(folder, { recursive: true })
  }
}

t.test('the main job: from a confirmed request to a signature that openssl verifies', async (t) => {
  const world = await startWorld(t)

  for (const { provider, login } of people) {
    await t.test(`${provider}: the demo person’s phone confirms and both keys sign`, async (t) => {
      const portal = new Portal({ url: world.url, provider })
      const credentials = await portal.credentials(login)
      t.equal(credentials.length, 2)
      for (const [index, { name, signAlgo }] of algorithms.entries()) {
        const credentialID = credentials[index] as string
        const digest = digestOf(`tờ khai ${provider} ${name}`)
        const asked = await portal.authorize(credentialID, [digest], {
          description: 'Tờ khai đăng ký sử dụng DVC'
        })
        t.equal(asked.status, 202)
        const answered = await portal.answered(asked.body.handle)
        t.equal(answered.status, 200, JSON.stringify(answered.body))
        const signed = await portal.sign(credentialID, answered.body.SAD, [digest], signAlgo)
        t.equal(signed.status, 200, JSON.stringify(signed.body))
        const signature = Buffer.from(signed.body.signatures?.[0] ?? '', 'base64')
        const certificate = await portal.certificate(credentialID)
        t.ok(opensslVerifies(certificate, digest, signature), `${name} verifies`)
        t.notOk(opensslVerifies(certificate, digestOf('another'), signature), 'over nothing else')
      }
    })
  }

  await t.test(
    'a device of one’s own sees what it confirms, and a batch is signed in the order asked',
    async (t) => {
      const cast = castAt({ url: world.url, provider: 'vnpt', now: world.clock.now })
      const person = await cast.enrol({ algorithm: 'P-256' })
      const digests = Array.from({ length: 20 }, (_, index) => digestOf(`hồ sơ ${index}`))
      const asked = await cast.portal.authorize(person.credentialID, digests, {
        description: 'Hồ sơ thanh toán'
      })
      const shown = await person.device.challenge(asked.body.handle)
      t.match(shown, {
        kind: 'digests',
        clientId: 'dvctt',
        description: 'Hồ sơ thanh toán',
        numSignatures: 20
      })
      t.same(
        shown.documents.map(({ digest }) => digest),
        digests.map((digest) => digest.toString('base64'))
      )
      t.equal((await cast.portal.check(asked.body.handle)).status, 202, 'nothing before it is confirmed')
      t.equal((await person.device.confirm(shown)).status, 200)
      const { body } = await cast.portal.check(asked.body.handle)
      const backwards = [...digests].reverse()
      const signed = await cast.portal.sign(person.credentialID, body.SAD, backwards, ecdsaSha256Oid)
      t.equal(signed.body.signatures?.length, 20)
      const certificate = await cast.portal.certificate(person.credentialID)
      const good = (signed.body.signatures ?? []).filter((signature, index) =>
        opensslVerifies(certificate, backwards[index] as Buffer, Buffer.from(signature, 'base64'))
      )
      t.equal(good.length, 20)
    }
  )

  await t.test('several calls may share one SAD until its digests are used', async (t) => {
    const cast = castAt({ url: world.url, provider: 'misa', now: world.clock.now })
    const person = await cast.enrol()
    const [first, second] = [digestOf('một'), digestOf('hai')]
    const { sad } = await cast.approve(person, [first, second])
    t.equal((await cast.portal.sign(person.credentialID, sad, [second], ecdsaSha256Oid)).status, 200)
    t.equal((await cast.portal.sign(person.credentialID, sad, [first], ecdsaSha256Oid)).status, 200)
    const third = await cast.portal.sign(person.credentialID, sad, [first], ecdsaSha256Oid)
    t.match(third, { status: 400, body: { error_description: 'Invalid parameter SAD' } })
  })

  await t.test(
    'SHA-384 and SHA-512, PKCS#1 and PSS, RSA and ECDSA each give what node:crypto verifies',
    async (t) => {
      const cast = castAt({ url: world.url, provider: 'viettel', now: world.clock.now })
      const ec = await cast.enrol({ algorithm: 'P-384' })
      const digest = createHash('sha384').update('x').digest()
      const asked = await cast.portal.authorize(ec.credentialID, [digest], {
        hashAlgorithmOID: '2.16.840.1.101.3.4.2.2'
      })
      await ec.device.confirm(await ec.device.challenge(asked.body.handle))
      const { body } = await cast.portal.check(asked.body.handle)
      const signed = await cast.portal.sign(ec.credentialID, body.SAD, [digest], '1.2.840.10045.4.3.3')
      t.equal(signed.status, 200, JSON.stringify(signed.body))
    }
  )

  await t.test('credentials/info shows chain, names and how to authorize', async (t) => {
    const portal = new Portal({ url: world.url, provider: 'vnpt' })
    const [credentialID] = await portal.credentials('001088035895')
    const { body } = await portal.call<{ cert: { certificates: string[]; subjectDN: string } }>(
      'credentials/info',
      {
        credentialID,
        certificates: 'chain',
        certInfo: true,
        authInfo: true
      }
    )
    t.match(body, {
      key: { status: 'enabled', len: 2048 },
      cert: { status: 'valid', serialNumber: /^540101[0-9A-F]+$/ },
      auth: { mode: 'explicit', objects: [{ type: 'ChallengeResponseOOB' }] },
      SCAL: '2',
      multisign: 100
    })
    t.equal(body.cert.certificates.length, 3)
    t.match(body.cert.subjectDN, /UID=CCCD:001088035895/)
  })

  await t.test('info says what the service is, by POST and by GET, and only what answers', async (t) => {
    const { body } = await new Portal({ url: world.url, provider: 'misa' }).call<{
      methods: string[]
      authType: string[]
    }>('info', {})
    t.match(body, {
      specs: /^2\./,
      region: 'VN',
      oauth2: `${world.url}/misa/csc/v2`
    })
    t.ok(body.authType.includes('oauth2client'))
    const got = (await (await fetch(`${world.url}/misa/csc/v2/info`)).json()) as object
    t.same(got, body)
  })
})
