import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import t from 'tap'
import { ServiceError } from '../../src/errors.js'
import { ceremony } from '../../src/pki/ceremony.js'
import { integer, integerOctets, octetString, oid, sequence, tlv } from '../../src/pki/der.js'
import type { PkiStore } from '../../src/pki/pki.js'
import { startWorld } from './world.js'

/** CAs with elliptic curves: what the ceremony allows besides the RSA it has, and quicker to make. */
function curves() {
  const copy = structuredClone(ceremony())
  return {
    ...copy,
    root: { ...copy.root, algorithm: 'P-384' as const },
    authorities: copy.authorities
      .filter(({ provider }) => provider !== 'viettel' && provider !== 'nacencomm')
      .map((of) => ({ ...of, algorithm: 'P-256' as const }))
  }
}

/** `[n] EXPLICIT`, and an OCSPRequest around a list and extensions (RFC 6960 §4.1.1). */
const tagged = (n: number, ...members: Uint8Array[]) => tlv(0xa0 | n, ...members)
const ocspRequest = (certIds: Uint8Array[], extensions: Uint8Array[] = [], version?: bigint) =>
  sequence(
    sequence(
      ...(version === undefined ? [] : [tagged(0, integer(version))]),
      sequence(...certIds.map((certId) => sequence(certId))),
      ...(extensions.length === 0 ? [] : [tagged(2, sequence(...extensions))])
    )
  )
const extension = (id: string, value: Uint8Array, critical = false) =>
  sequence(oid(id), ...(critical ? [tlv(0x01, Buffer.of(0xff))] : []), octetString(value))
const nonce = (octets: number) => extension('1.3.6.1.5.5.7.48.1.2', octetString(randomBytes(octets)))

const statuses = { malformedRequest: 1, internalError: 2, tryLater: 3, unauthorized: 6 }
const unsigned = (status: keyof typeof statuses) => Buffer.of(0x30, 3, 0x0a, 1, statuses[status])

t.test('the certificate repository', async (t) => {
  const world = await startWorld(t)
  const { openssl, store, db, hsm } = world
  const pki = await world.open({ ceremony: curves() })
  const root = await world.file('root.pem', await (await world.fetch('/pki/root.pem')).text())
  const vnpt = await world.file('vnpt-ca.pem', await (await world.fetch('/pki/vnpt.pem')).text())
  const url = `${world.base}/pki/vnpt/ocsp`
  const ask = (...args: string[]) =>
    openssl('ocsp', '-CAfile', root, '-issuer', vnpt, '-url', url, '-timeout', '10', ...args)
  const octets = async (response: Response) => Buffer.from(await response.arrayBuffer())

  /** CertID of a serial at vnpt; the same for another name or key (RFC 6960 §4.1.1). */
  const der = pki.authority('vnpt') ?? new Uint8Array()
  const { spki } = pki.describe(der)
  const point = Buffer.from(spki).subarray(-65)
  const subjectStart = Buffer.from(der).lastIndexOf(Buffer.from('VNPT SmartCA RS SIMULATED'))
  t.ok(subjectStart > 0)
  const leaf = await world.leaf('vnpt')
  await world.setStatus({ ...leaf, status: 'active' })
  const asked = await world.file('asked.der', '')
  await openssl('ocsp', '-issuer', vnpt, '-cert', leaf.path, '-no_nonce', '-reqout', asked)
  const request = await readFile(asked)
  // openssl's request is SEQUENCE { SEQUENCE { SEQUENCE OF SEQUENCE { CertID } } }, each of two octets' header
  const certId = request.subarray(8)
  /** The same with another serial, which is the last member; the leaf's has 16 octets. */
  const withSerial = (serial: Buffer) =>
    sequence(certId.subarray(2, -18), integerOctets(Buffer.concat([Buffer.of(1), serial])))

  await t.test('answers good, revoked and unknown, as openssl verifies', async (t) => {
    const good = await ask('-cert', leaf.path)
    t.match(good.says, /Response verify OK/)
    t.match(good.says, new RegExp(`${leaf.path}: good\\n\\s+This Update: .+\\n\\s+Next Update: .+`))
    t.notMatch(good.says, /WARNING/, 'the nonce came back')
    t.match((await ask('-sha256', '-cert', leaf.path)).says, /: good\n/, 'a CertID with SHA-256')

    const plain = await world.leaf('vnpt')
    t.match((await ask('-cert', plain.path)).says, /: unknown\n/, 'a serial that nobody stored')
    await world.setStatus({ ...plain, status: 'issued' })
    t.match((await ask('-cert', plain.path)).says, /: unknown\n/, 'not in effect before it is published')
    await world.setStatus({ ...plain, status: 'active' })
    t.match((await ask('-cert', plain.path)).says, /: good\n/)
    await world.setStatus({ ...plain, status: 'suspended' })
    t.match(
      (await ask('-cert', plain.path)).says,
      /: revoked\n[\s\S]*Reason: certificateHold\n\s+Revocation Time: /
    )
    await world.setStatus({ ...plain, status: 'active' })
    t.match((await ask('-cert', plain.path)).says, /: good\n/)
    await world.setStatus({ ...plain, status: 'revoked', reason: 'cessationOfOperation' })
    t.match((await ask('-cert', plain.path)).says, /: revoked\n[\s\S]*Reason: cessationOfOperation\n/)
    await world.setStatus({ ...plain, status: 'revoked', reason: 'unspecified' })
    const unspecified = (await ask('-cert', plain.path)).says
    t.match(unspecified, /: revoked\n/)
    t.notMatch(unspecified, /Reason:/)

    const both = await ask('-cert', leaf.path, '-cert', plain.path, '-serial', '0x540101ABCD', '-resp_text')
    t.match(
      both.says,
      /: good\n[\s\S]*: revoked\n[\s\S]*0x540101ABCD: unknown\n/,
      'several CertIDs in one request'
    )
    t.match(both.says, /Response verify OK/)
  })

  await t.test('delegates to a short-lived responder that needs no status of its own', async (t) => {
    const { says } = await ask('-cert', leaf.path, '-resp_text')
    t.match(says, /Responder Id: [0-9A-F]{40}/)
    t.match(says, /Extended Key Usage: \n\s+OCSP Signing/)
    t.match(says, /OCSP No Check:/)
    t.match(says, /Subject: .*CN ?= ?VNPT SmartCA RS SIMULATED OCSP/)
    t.match(says, /Signature Algorithm: ecdsa-with-SHA256/)
    const { ocspCertificate } = (await store.authorities()).find(({ name }) => name === 'vnpt') ?? {}
    const { notBefore, notAfter } = pki.describe(ocspCertificate ?? new Uint8Array())
    t.equal(Math.round((notAfter.getTime() - notBefore.getTime()) / 86_400_000), 90)
  })

  await t.test('takes GET with base64 in the path, encoded or not, slashes and all', async (t) => {
    for (let i = 0, withSlash = 0; withSlash < 3 && i < 200; i += 1) {
      const base64 = ocspRequest([certId], [nonce(24)]).toString('base64')
      if (!base64.includes('/')) continue
      withSlash += 1
      for (const path of [encodeURIComponent(base64), base64, base64.replace(/=+$/, '')]) {
        const response = await world.fetch(`/pki/vnpt/ocsp/${path}`)
        t.equal(response.headers.get('content-type'), 'application/ocsp-response')
        const file = await world.file('get.der', await octets(response))
        const says = (
          await openssl(
            'ocsp',
            '-no_nonce',
            '-respin',
            file,
            '-CAfile',
            root,
            '-issuer',
            vnpt,
            '-cert',
            leaf.path
          )
        ).says
        t.match(says, /: good\n[\s\S]*Response verify OK/)
      }
    }
    t.same(await octets(await world.fetch('/pki/vnpt/ocsp')), unsigned('malformedRequest'))
    t.same(await octets(await world.fetch('/pki/vnpt/ocsp/not%20base64')), unsigned('malformedRequest'))
    t.same(
      await octets(await world.fetch(`/pki/vnpt/ocsp/${'A'.repeat(13_000)}`)),
      unsigned('malformedRequest')
    )
  })

  await t.test('echoes a nonce of 1 to 128 octets and refuses any other (RFC 9654 §2.1)', async (t) => {
    for (const length of [1, 16, 32, 128]) {
      const sent = nonce(length)
      const answer = Buffer.from(await pki.ocsp('vnpt', ocspRequest([certId], [sent])))
      t.ok(answer.includes(sent), `${length} octets`)
    }
    for (const extensions of [[nonce(0)], [nonce(129)], [nonce(16), nonce(16)]]) {
      t.same(await pki.ocsp('vnpt', ocspRequest([certId], extensions)), unsigned('malformedRequest'))
    }
    const raw = extension('1.3.6.1.5.5.7.48.1.2', Buffer.from('no octet string'))
    t.same(await pki.ocsp('vnpt', ocspRequest([certId], [raw])), unsigned('malformedRequest'))
  })

  await t.test('refuses what it cannot read, without a signature', async (t) => {
    const malformed = {
      nothing: Buffer.alloc(0),
      'no DER': Buffer.from('GET / HTTP/1.1'),
      'a tail': Buffer.concat([request, Buffer.of(0)]),
      'an empty list': ocspRequest([]),
      'another version': ocspRequest([certId], [], 1n),
      'too many CertIDs': ocspRequest(Array.from({ length: 33 }, () => certId)),
      'a critical extension nobody knows': ocspRequest(
        [certId],
        [extension('1.2.3.4', Buffer.of(5, 0), true)]
      ),
      'deep nesting': Array.from({ length: 2000 }).reduce<Buffer>(
        (inner) => sequence(inner),
        Buffer.alloc(0)
      ),
      'too many octets': ocspRequest([certId], [extension('1.2.3.4', Buffer.alloc(9000))])
    }
    for (const [what, octets] of Object.entries(malformed)) {
      t.same(await pki.ocsp('vnpt', octets), unsigned('malformedRequest'), what)
    }
    const harmless = ocspRequest([certId], [extension('1.2.3.4', Buffer.of(5, 0))], 0n)
    t.ok((await pki.ocsp('vnpt', harmless)).length > 100, 'an extension that is not critical is ignored')
    const most = ocspRequest(Array.from({ length: 32 }, () => certId))
    t.ok((await pki.ocsp('vnpt', most)).length > 1000)
  })

  await t.test('has no say about other CAs', async (t) => {
    t.same(await pki.ocsp('misa', request), unsigned('unauthorized'))
    const id = (hash: string, algorithm: string, name: Buffer, key: Buffer) => {
      const h = (value: Buffer) => octetString(createHash(hash).update(value).digest())
      return sequence(sequence(oid(algorithm), tlv(5)), h(name), h(key), integer(0x540101n))
    }
    const stranger = id('sha256', '2.16.840.1.101.3.4.2.1', Buffer.from('another'), point)
    t.same(await pki.ocsp('vnpt', ocspRequest([stranger])), unsigned('unauthorized'))
    const md5 = id('md5', '1.2.840.113549.2.5', Buffer.from('another'), point)
    t.same(await pki.ocsp('vnpt', ocspRequest([md5])), unsigned('unauthorized'))
    const mixed = await world.file('mixed.der', await pki.ocsp('vnpt', ocspRequest([certId, stranger])))
    const { says } = await openssl('ocsp', '-no_nonce', '-respin', mixed, '-noverify', '-resp_text')
    t.match(says, /Cert Status: good[\s\S]*Cert Status: unknown/)
  })

  await t.test('says so when it cannot know at the moment', async (t) => {
    const failing = (error: Error): PkiStore => ({ ...store, statusesOf: () => Promise.reject(error) })
    const away = new ServiceError('database_unavailable', 'gone')
    const later = await world.open({ ceremony: curves(), store: failing(away) })
    t.same(await later.ocsp('vnpt', request), unsigned('tryLater'))
    const broken = await world.open({ ceremony: curves(), store: failing(new Error('a fault')) })
    t.same(await broken.ocsp('vnpt', request), unsigned('internalError'))
    t.equal(world.lines.at(-1), 'OCSP of vnpt')
    await world.open({ ceremony: curves() })
  })

  await t.test('gives an answer again while it is fresh, to requests without a nonce', async (t) => {
    const start = world.now()
    t.teardown(() => world.setTime(start))
    const answer = async (to: Uint8Array = request) => Buffer.from(await pki.ocsp('vnpt', to))
    world.setTime(new Date(start.getTime() + 60_000))
    const crowd = await Promise.all(Array.from({ length: 40 }, () => answer()))
    const distinct = new Set(crowd.map((der) => der.toString('hex')))
    t.ok(distinct.size <= 4, `${distinct.size} were signed for 40 that asked at once`)
    const first = await answer()
    t.same(await answer(), first, 'the signature is the same, which ECDSA never makes twice')
    const own = ocspRequest([certId], [nonce(16)])
    t.notSame(await answer(own), await answer(own), 'whoever sends a nonce gets a signature of his own')
    const unknown = ocspRequest([withSerial(randomBytes(15))])
    t.notSame(await answer(unknown), await answer(unknown), 'an unknown serial may be good at once')

    await world.setStatus({ ...leaf, status: 'suspended' })
    const says = async () => {
      const file = await world.file('again.der', await answer())
      return (await openssl('ocsp', '-respin', file, '-noverify', '-resp_text')).says
    }
    t.match(await says(), /Cert Status: revoked/, 'a change is seen at once')
    await world.setStatus({ ...leaf, status: 'active' })
    t.match(await says(), /Cert Status: good/)

    const second = await answer()
    world.setTime(new Date(start.getTime() + 64_000))
    t.same(await answer(), second)
    world.setTime(new Date(start.getTime() + 66_000))
    t.notSame(await answer(), second, 'older than five seconds')
  })

  await t.test('leaves database and HSM to those who sign, however many strangers ask', async (t) => {
    const key = await hsm.keys.generate('signer', 'P-256')
    const digest = createHash('sha256').update('a document').digest()
    const most = { statements: 0, digests: 0 }
    const answers = { signed: 0, tryLater: 0 }
    const flood = Array.from({ length: 200 }, async () => {
      const serials = Array.from({ length: 32 }, () => withSerial(randomBytes(15)))
      const answer = Buffer.from(await pki.ocsp('vnpt', ocspRequest(serials)))
      if (answer.equals(unsigned('tryLater'))) answers.tryLater += 1
      else if (answer.length > 1000) answers.signed += 1
      most.statements = Math.max(most.statements, db.stats().waiting)
      most.digests = Math.max(most.digests, hsm.stats().queued)
    })
    await db.check()
    await db.transaction(async (tx) => {
      await tx.query({ text: 'select 1' })
      await tx.query({ text: 'select 1' })
    })
    const [result] = await hsm.keys.sign(key, { type: 'ecdsa', hash: 'SHA-256' }, [digest])
    t.equal(result?.outcome, 'signed')
    const meanwhile = answers.signed
    await Promise.all(flood)
    t.same(answers, { signed: 68, tryLater: 132 }, 'four at a time, 64 wait, the rest is told to come back')
    t.ok(meanwhile < 34, `a signature was made while the flood had ${meanwhile} of its 68`)
    t.ok(most.statements <= 2, `${most.statements} statements waited for a connection at most`)
    t.ok(most.digests <= 5, `${most.digests} digests in the queue of the HSM`)
    t.notSame(await pki.ocsp('vnpt', request), unsigned('tryLater'), 'and then it answers again')
  })

  await t.test('publishes CA files for those who check certificates', async (t) => {
    const types = {
      cer: 'application/pkix-cert',
      pem: 'application/pem-certificate-chain',
      crl: 'application/pkix-crl'
    }
    for (const name of ['root', 'vnpt', 'misa']) {
      for (const [ending, type] of Object.entries(types)) {
        const response = await world.fetch(`/pki/${name}.${ending}`)
        t.equal(response.status, 200)
        t.equal(response.headers.get('content-type'), type)
        t.equal(response.headers.get('cache-control'), 'public, no-cache')
        const etag = response.headers.get('etag') ?? ''
        const again = await world.fetch(`/pki/${name}.${ending}`, {
          headers: { 'if-none-match': `"x", W/${etag}` }
        })
        t.equal(again.status, 304)
        t.equal((await again.arrayBuffer()).byteLength, 0)
      }
      t.same(await octets(await world.fetch(`/pki/${name}.cer`)), Buffer.from(pki.authority(name) ?? []))
      t.same(await octets(await world.fetch(`/pki/${name}.crl`)), Buffer.from((await pki.crl(name)) ?? []))
    }
    t.equal((await (await world.fetch('/pki/vnpt.pem')).text()).match(/BEGIN CERTIFICATE/g)?.length, 2)
    const crl = await world.file('vnpt.crl', await octets(await world.fetch('/pki/vnpt.crl')))
    const check = await openssl('crl', '-inform', 'DER', '-in', crl, '-noout', '-CAfile', vnpt)
    t.match(check.says, /verify OK/, 'an ECDSA signature too')
  })

  await t.test('answers problems for what is not there', async (t) => {
    for (const path of [
      '/pki/nobody.cer',
      '/pki/nobody.pem',
      '/pki/nobody.crl',
      '/pki/nobody/ocsp',
      '/pki/root/ocsp'
    ]) {
      const response = await world.fetch(path)
      t.equal(response.status, 404, path)
      t.equal(response.headers.get('content-type')?.split(';')[0], 'application/problem+json')
    }
    const post = (body: Uint8Array, type: string) =>
      world.fetch('/pki/vnpt/ocsp', { method: 'POST', body, headers: { 'content-type': type } })
    t.equal((await post(request, 'application/json')).status, 415)
    t.equal((await post(Buffer.alloc(9000), 'application/ocsp-request')).status, 413)
    t.equal((await post(request, 'application/ocsp-request')).status, 200)
    const description = (await (await world.fetch('/docs/json')).json()) as { paths: object }
    const paths = Object.keys(description.paths)
    t.ok(paths.filter((path) => path.startsWith('/pki/')).length === 5, 'all of it is in the API description')
  })
})
