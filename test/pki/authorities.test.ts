import { generateKeyPairSync } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import t from 'tap'
import type { PkiStore, SubjectFields } from '../../src/pki/pki.js'
import { providers } from '../../src/providers/registry.js'
import { binh, countChange, dayMs, startWorld } from './world.js'

const names = ['misa', 'nacencomm', 'root', 'tsa', 'viettel', 'vnpt']

t.test('the certificate authorities of an installation', async (t) => {
  const world = await startWorld(t)
  const { store, hsm, openssl, db } = world
  const rows = async () => (await store.authorities()).map(({ name }) => name)
  const refusal = (work: Promise<unknown>) =>
    work.then(
      () => null,
      (error: unknown) => error
    )

  await t.test(
    'are resumed after a crash half-way, and made once by servers that start together',
    async (t) => {
      const dying: PkiStore = {
        ...store,
        addAuthority: async (row) => {
          if (row.name === 'misa') throw new Error('killed')
          return store.addAuthority(row)
        }
      }
      t.match(await refusal(world.open({ store: dying })), { message: 'killed' })
      t.same(await rows(), ['root', 'tsa', 'viettel', 'vnpt'])
      const before = (await store.authorities()).find(({ name }) => name === 'root')?.certificate

      const [one, other] = await Promise.all([world.open(), world.open()])
      t.same(await rows(), names)
      t.same(one.authority('root'), before, 'what stood is still there')
      for (const name of names) t.same(one.authority(name), other.authority(name), name)
      t.equal(world.lines.filter((line) => /^made the key of .+ in \d+\.\d s$/.test(line)).length >= 5, true)

      const count = world.lines.length
      await world.open()
      t.equal(world.lines.length, count, 'a later start makes nothing')
    }
  )

  await t.test('publish no signature that is wrong, whatever the HSM says', async (t) => {
    const faulty = {
      tokenKey: async (label: string, algorithm: Parameters<typeof hsm.tokenKey>[1]) => {
        const key = await hsm.tokenKey(label, algorithm)
        return {
          ...key,
          sign: async (...of: Parameters<typeof key.sign>) => {
            const signature = Uint8Array.from(await key.sign(...of))
            signature[9] = (signature[9] ?? 0) ^ 1
            return signature
          }
        }
      }
    }
    const broken = await world.open({ hsm: faulty })
    t.match(await refusal(broken.crl('nacencomm')), { code: 'hsm_unavailable' })
    t.equal(await store.list('nacencomm'), null)
    t.match(await refusal(world.leaf('nacencomm')), { code: 'hsm_unavailable' })
  })

  await t.test('are refused where token and database belong to different installations', async (t) => {
    const foreign = {
      tokenKey: async (label: string, algorithm: Parameters<typeof hsm.tokenKey>[1]) => {
        const key = await hsm.tokenKey('ca:vnpt', 'RSA-3072')
        return { ...key, label, algorithm }
      }
    }
    t.match(await refusal(world.open({ hsm: foreign })), {
      name: 'StartError',
      message: /different installations/
    })
    const other = { tokenKey: (label: string) => hsm.tokenKey(label.replace('root', 'vnpt'), 'RSA-3072') }
    t.match(await refusal(world.open({ hsm: other })), { name: 'StartError', message: /says RSA-4096/ })
  })

  const pki = await world.open()
  const root = await world.file('root.pem', await (await world.fetch('/pki/root.pem')).text())
  const issuing = new Map<string, string>()
  for (const { id } of providers) {
    issuing.set(id, await world.file(`${id}-ca.pem`, await (await world.fetch(`/pki/${id}.pem`)).text()))
  }
  const issuer = (provider: string) => issuing.get(provider) ?? ''
  /** The CRL as anybody fetches it, as PEM by openssl. */
  async function list(name: string): Promise<string> {
    const der = await world.file(
      `${name}.crl`,
      Buffer.from(await (await world.fetch(`/pki/${name}.crl`)).arrayBuffer())
    )
    const pem = der.replace(/\.crl$/, '.crl.pem')
    t.equal((await openssl('crl', '-inform', 'DER', '-in', der, '-out', pem)).status, 0)
    return pem
  }
  const verify = async ({ provider, path }: { provider: string; path: string }) =>
    openssl(
      ...['verify', '-x509_strict', '-crl_check_all', '-CAfile', root, '-untrusted', issuer(provider)],
      ...['-CRLfile', await list('root'), '-CRLfile', await list(provider), path]
    )

  await t.test('form two levels below a visibly simulated root', async (t) => {
    const { says } = await openssl(
      'x509',
      '-in',
      root,
      '-noout',
      '-text',
      '-nameopt',
      'RFC2253,utf8,-esc_msb'
    )
    t.match(says, /Subject: CN=SIMULATED Vietnam National Root CA,OU=.+,O=SIMULATED .+,C=VN/)
    t.match(says, /Public-Key: \(4096 bit\)/)
    t.match(says, /Basic Constraints: critical\s+CA:TRUE\n/)
    t.match(says, /Key Usage: critical\s+Certificate Sign, CRL Sign\n/)
    const from = new Date(pki.describe(pki.authority('root') ?? new Uint8Array()).notBefore)
    const { notAfter } = pki.describe(pki.authority('root') ?? new Uint8Array())
    t.equal(notAfter.getUTCFullYear() - from.getUTCFullYear(), 25)
    t.ok(from < world.now(), 'backdated a little, for clocks that run behind')
    for (const { id } of providers) {
      const { says } = await openssl(
        'x509',
        '-in',
        issuer(id),
        '-noout',
        '-text',
        '-nameopt',
        'RFC2253,utf8,-esc_msb'
      )
      t.match(says, /Subject: CN=.*SIMULATED.*,C=VN/, id)
      t.match(says, /Public-Key: \(3072 bit\)/)
      t.match(says, /CA:TRUE, pathlen:0/)
      t.match(says, `URI:${world.base}/pki/root.crl`)
      t.match(says, `CA Issuers - URI:${world.base}/pki/root.cer`)
      const [ca, above] = pki.chain(id)
      t.same([ca, above], [pki.authority(id), pki.authority('root')])
      t.equal((await openssl('verify', '-x509_strict', '-CAfile', root, issuer(id))).status, 0)
    }
    t.equal(pki.authority('nobody'), null)
    t.equal(await pki.crl('nobody'), null)
  })

  await t.test('issue leaves in each provider’s manner', async (t) => {
    const manners = {
      viettel: {
        serial: /^5403/,
        subject:
          'UID=CCCD:001088035895,UID=MNS:1001163,CN=TRẦN THỊ BÌNH,title=Chủ tài khoản,OU=SIMULATED,O=Trường THCS Sông Lô,L=Hà Nội,C=VN',
        usage: 'Digital Signature, Non Repudiation, Key Encipherment',
        extended: /Extended Key Usage: \n\s+E-mail Protection, 1\.3\.6\.1\.4\.1\.311\.10\.3\.12\n/,
        email: false
      },
      vnpt: {
        serial: /^540101/,
        subject:
          'UID=CCCD:001088035895,UID=MNS:1001163,CN=TRẦN THỊ BÌNH,title=Chủ tài khoản,OU=SIMULATED,O=Trường THCS Sông Lô,L=Hà Nội,C=VN',
        usage: 'Digital Signature, Non Repudiation, Key Encipherment, Data Encipherment',
        extended:
          /Extended Key Usage: \n\s+E-mail Protection, 1\.3\.6\.1\.4\.1\.311\.10\.3\.12, 1\.2\.840\.113583\.1\.1\.5\n/,
        email: true
      },
      misa: {
        serial: /^5404/,
        subject:
          'emailAddress=binh.tran@example.vn,UID=CCCD:001088035895,UID=MNS:1001163,CN=TRẦN THỊ BÌNH,title=Chủ tài khoản,OU=SIMULATED,O=Trường THCS Sông Lô,L=Hà Nội,C=VN',
        usage: 'Digital Signature, Non Repudiation, Key Encipherment',
        extended: /Extended Key Usage: \n\s+E-mail Protection/,
        email: true
      },
      nacencomm: {
        serial: /^5402/,
        subject:
          'CN=TRẦN THỊ BÌNH,title=Chủ tài khoản,OU=SIMULATED,O=Trường THCS Sông Lô,L=Hà Nội,UID=MNS:1001163,UID=CCCD:001088035895,C=VN',
        usage: 'Digital Signature, Non Repudiation, Key Encipherment',
        extended: /Extended Key Usage: critical\n\s+1\.3\.6\.1\.4\.1\.311\.10\.3\.12, E-mail Protection\n/,
        email: false
      }
    }
    for (const [provider, manner] of Object.entries(manners)) {
      for (const algorithm of ['RSA-2048', 'P-256'] as const) {
        const leaf = await world.leaf(provider, binh, algorithm)
        t.match(leaf.serialNumber, manner.serial)
        const options = ['-noout', '-text', '-nameopt', 'RFC2253,utf8,-esc_msb']
        const { says } = await openssl('x509', '-in', leaf.path, ...options)
        t.match(says, `Subject: ${manner.subject}\n`, provider)
        // RFC 8813 §3: no encipherment with an EC key
        const usage = algorithm === 'P-256' ? 'Digital Signature, Non Repudiation' : manner.usage
        t.match(says, new RegExp(`Key Usage: critical\\s+${usage}\n`))
        t.match(says, manner.extended)
        t.match(says, /Basic Constraints: critical\s+CA:FALSE/)
        t.match(says, `URI:${world.base}/pki/${provider}.crl`)
        t.match(says, `OCSP - URI:${world.base}/pki/${provider}/ocsp`)
        t.match(says, `CA Issuers - URI:${world.base}/pki/${provider}.cer`)
        t.match(says, /Explicit Text: SIMULATED/)
        t.equal(says.includes('email:binh.tran@example.vn'), manner.email)
        const verdict = await verify(leaf)
        t.equal(verdict.status, 0, verdict.says)
        t.match(pki.describe(leaf.certificate), {
          subject: manner.subject,
          commonName: 'TRẦN THỊ BÌNH',
          organisation: 'Trường THCS Sông Lô',
          serialNumber: leaf.serialNumber
        })
        const shown = await openssl(
          'x509',
          '-in',
          leaf.path,
          '-noout',
          '-serial',
          '-issuer',
          ...options.slice(2)
        )
        t.equal(shown.says, `serial=${leaf.serialNumber}\nissuer=${pki.describe(leaf.certificate).issuer}\n`)
      }
    }
    const text = await openssl('x509', '-in', (await world.leaf('vnpt')).path, '-noout', '-text')
    t.match(text.says, /Policy: 1\.3\.6\.1\.4\.1\.30339\.1\.1\.3\n\s+CPS: http:\/\/pub\.vnpt-ca\.vn\/rpa\n/)
  })

  await t.test(
    'name people as the law numbers them, and nothing that no certificate can carry',
    async (t) => {
      const subject = async (over: Partial<SubjectFields>) =>
        pki.describe((await world.leaf('misa', { ...binh, ...over }, 'P-256')).certificate).subject
      t.match(await subject({ nationalId: '012345678' }), /^emailAddress=[^,]+,UID=CMND:012345678,/)
      t.match(await subject({ nationalId: 'C1234567' }), /,UID=HC:C1234567,/)
      t.equal(
        await subject({ organisation: null, title: null, locality: null, email: null }),
        'UID=CCCD:001088035895,CN=TRẦN THỊ BÌNH,OU=SIMULATED,C=VN',
        'what somebody does not have is left out'
      )
      const both = { name: 'A "B", C+D;<E>\\', taxCode: '0100000000-001', budgetUnitCode: '1001163' }
      t.match(
        await subject({ organisation: both, province: '#1 tỉnh' }),
        /,UID=MST:0100000000-001,UID=MNS:1001163,.*,O=A \\"B\\"\\, C\\\+D\\;\\<E\\>\\\\,L=Hà Nội,ST=\\#1 tỉnh,C=VN$/
      )
      t.match(await subject({ email: 'bình@ví-dụ.vn' }), /^UID=/, 'an IA5String cannot carry that address')
      t.match(await subject({ fullName: 'Nguyễn Văn An'.normalize('NFD') }), /CN=NGUYỄN VĂN AN,/, 'in NFC')
      for (const [field, over] of Object.entries({
        fullName: { fullName: '   ' },
        title: { title: 'a\u0000b' },
        'organisation.name': { organisation: { name: 'x'.repeat(257) } }
      })) {
        t.match(await refusal(subject(over)), { code: 'request_invalid', field })
      }
    }
  )

  await t.test('issue under the serial that was given, within their own time', async (t) => {
    const now = world.now()
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const request = {
      provider: 'vnpt',
      subject: binh,
      spki: publicKey.export({ type: 'spki', format: 'der' }),
      serialNumber: pki.stableSerialNumber('vnpt', 'demo'),
      notBefore: now,
      notAfter: new Date(now.getTime() + dayMs)
    }
    t.equal(pki.describe(await pki.issue(request)).serialNumber, request.serialNumber)
    t.equal(pki.stableSerialNumber('vnpt', 'demo'), request.serialNumber, 'the same again')
    t.not(pki.stableSerialNumber('vnpt', 'other'), request.serialNumber)
    for (const wrong of [
      { serialNumber: pki.newSerialNumber('misa') },
      { serialNumber: '540101'.padEnd(42, '0') },
      { notAfter: now },
      { notAfter: new Date(now.getTime() + 11 * 366 * dayMs) },
      { provider: 'bcy' }
    ]) {
      t.match(await refusal(pki.issue({ ...request, ...wrong })), { name: 'RangeError' })
    }
  })

  await t.test('publish CRLs that follow every change of status', async (t) => {
    const leaf = await world.leaf('viettel')
    const text = async () => (await openssl('crl', '-in', await list('viettel'), '-noout', '-text')).says
    const number = async () => BigInt(/CRL Number: \n\s+(\S+)/.exec(await text())?.[1] ?? '')
    await world.setStatus({ ...leaf, status: 'active' })
    const first = await number()
    t.equal(await number(), first, 'none is made where nothing changed')
    t.equal((await verify(leaf)).status, 0)

    await world.setStatus({ ...leaf, status: 'suspended' })
    t.match(await text(), new RegExp(`Serial Number: ${leaf.serialNumber}\n[\\s\\S]*Certificate Hold`))
    t.equal(await number(), first + 1n)
    const held = await verify(leaf)
    t.match(held.says, /certificate revoked/)
    t.not(held.status, 0)

    await world.setStatus({ ...leaf, status: 'active' })
    t.notMatch(await text(), leaf.serialNumber)
    t.match(await text(), /No Revoked Certificates/)
    t.equal((await verify(leaf)).status, 0)

    await world.setStatus({ ...leaf, status: 'revoked', reason: 'keyCompromise' })
    t.match(await text(), new RegExp(`Serial Number: ${leaf.serialNumber}\n[\\s\\S]*Key Compromise`))
    t.match((await verify(leaf)).says, /certificate revoked/)

    const plain = await world.leaf('viettel')
    await world.setStatus({ ...plain, status: 'revoked', reason: 'unspecified' })
    t.notMatch(await text(), /Unspecified/, 'RFC 5280 §5.3.1: left out')
    t.match((await verify(plain)).says, /certificate revoked/)
  })

  await t.test('publish one CRL, whoever asks and however many at once', async (t) => {
    const other = await world.open() // another server process: memory of its own, the same database
    await db.transaction((tx) => countChange(tx, 'vnpt'))
    const lists = await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 ? pki : other).crl('vnpt')))
    const stored = await store.list('vnpt')
    for (const der of lists) t.same(Buffer.from(der ?? []), Buffer.from(stored?.der ?? []))

    await db.transaction((tx) => countChange(tx, 'vnpt'))
    const [early] = await Promise.all([
      pki.crl('vnpt'),
      (async () => {
        const revoked = await world.leaf('vnpt')
        await world.setStatus({ ...revoked, status: 'revoked' })
        const mine = Buffer.from((await pki.crl('vnpt')) ?? [])
        t.ok(
          mine.includes(Buffer.from(revoked.serialNumber, 'hex')),
          'a list asked for after a change has it'
        )
      })()
    ])
    t.ok(early)
  })

  await t.test(
    'renew CRLs at half of their time, the root’s too, and OCSP certificates before their end',
    async (t) => {
      const start = world.now()
      t.teardown(() => world.setTime(start))
      const rootBefore = await pki.crl('root')
      const before = await store.list('misa').then(async (row) => (row === null ? pki.crl('misa') : row.der))
      const shortlyAfter = new Date(start.getTime() + 3 * dayMs)
      world.setTime(shortlyAfter)
      t.same(await pki.crl('misa'), before ?? undefined, 'half of seven days is not over')
      world.setTime(new Date(start.getTime() + 4 * dayMs))
      t.notSame(await pki.crl('misa'), before)
      t.equal(
        (await store.list('misa'))?.nextUpdate.getTime(),
        Math.floor(world.now().getTime() / 1000) * 1000 + 7 * dayMs
      )
      t.same(await pki.crl('root'), rootBefore)
      world.setTime(new Date(start.getTime() + 16 * dayMs))
      t.notSame(await pki.crl('root'), rootBefore)

      const responderOf = async () =>
        (await store.authorities()).find(({ name }) => name === 'misa')?.ocspCertificate ?? new Uint8Array()
      const leaf = await world.leaf('misa')
      await world.setStatus({ ...leaf, status: 'active' })
      const request = await world.file('misa.req', '')
      await openssl('ocsp', '-issuer', issuer('misa'), '-cert', leaf.path, '-reqout', request)
      const first = await responderOf()
      await pki.ocsp('misa', await readFile(request))
      t.same(await responderOf(), first)
      world.setTime(new Date(start.getTime() + 61 * dayMs))
      await pki.ocsp('misa', await readFile(request))
      const second = await responderOf()
      t.notSame(second, first, 'with less than a third of 90 days left')
      t.ok(pki.describe(second).notAfter > pki.describe(first).notAfter)
    }
  )

  await t.test('stamp a few digests at a time, and send away whom the line has no place for', async (t) => {
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const slow = {
      tokenKey: async (label: string, algorithm: Parameters<typeof hsm.tokenKey>[1]) => {
        const key = await hsm.tokenKey(label, algorithm)
        const sign: typeof key.sign = async (...of) => {
          if (label === 'tsa') await held
          return key.sign(...of)
        }
        return { ...key, sign }
      }
    }
    const { timestamps } = await world.open({ hsm: slow })
    const stamp = (digest = Buffer.alloc(32), nonce: bigint | null = null) =>
      timestamps.stamp({ hash: 'SHA-256', digest, nonce })
    const under = Array.from({ length: 4 + 64 }, () => stamp())
    t.match(await refusal(stamp()), { code: 'hsm_busy', retryAfterS: 1 })
    release()
    t.equal((await Promise.all(under)).length, 68)
    t.same(timestamps.stats(), { made: 68, refused: 1 })
    t.match(await refusal(stamp(Buffer.alloc(20))), { name: 'RangeError' })
    t.match(await refusal(stamp(Buffer.alloc(32), 1n << 256n)), { name: 'RangeError' })
    t.match(await refusal(stamp(Buffer.alloc(32), -1n)), { name: 'RangeError' })
    const start = world.now()
    t.teardown(() => world.setTime(start))
    world.setTime(pki.describe(pki.authority('tsa') ?? new Uint8Array()).notAfter)
    t.match(
      await refusal(stamp()),
      { code: 'internal' },
      'with a certificate that is over nothing is stamped'
    )
  })

  await t.test('sign a CRL of five thousand entries that openssl reads and verifies', async (t) => {
    await world.setStatus({ ...(await world.leaf('nacencomm')), status: 'active' }) // its subscriber is there then
    await db.transaction(async (tx) => {
      await tx.query({
        text: `
          insert into credentials
            (id, provider, subscriber_id, algorithm, status, serial_number, spki, certificate, wrapped_key,
             not_before, not_after, auth, scal, multisign, issued_at, revoked_at, revocation_reason, version, seal)
          select 'many-' || i, 'nacencomm', 'nacencomm', 'P-256', 'revoked', '5402' || upper(substr(md5(i::text), 1, 28)),
                 '', '', '', $1, $1, 'phone', '2', 1, $1, $1,
                 (array['superseded', 'cessationOfOperation', 'unspecified'])[1 + i % 3], 1, ''
            from generate_series(1, 5000) as i`,
        values: [world.now()]
      })
      await countChange(tx, 'nacencomm')
    })
    const startedAt = performance.now()
    await pki.crl('nacencomm')
    t.comment(`5,000 entries: ${Math.round(performance.now() - startedAt)} ms`)
    const path = await list('nacencomm')
    const { says } = await openssl('crl', '-in', path, '-noout', '-text')
    t.equal(says.match(/Serial Number: 5402/g)?.length, 5000)
    t.equal(says.match(/Superseded/g)?.length, 1666)
    const verdict = await openssl('crl', '-in', path, '-noout', '-CAfile', issuer('nacencomm'))
    t.match(verdict.says, /verify OK/)
  })
})
