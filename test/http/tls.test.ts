import { execFile } from 'node:child_process'
import { createHash, generateKeyPairSync, randomUUID, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { promisify } from 'node:util'
import { pino } from 'pino'
import t from 'tap'
import { providerHosts } from '../../src/dialects.js'
import { createApp } from '../../src/http/app.js'
import { ceremony } from '../../src/pki/ceremony.js'
import { cryptoForX509, hsmCryptoKey } from '../../src/pki/engine.js'
import { openServerCertificates } from '../../src/pki/server-certificates.js'
import * as x509 from '../../src/pki/x509.js'
import { certifiedNames, openTls } from '../../src/tls.js'
import { ServerProcess } from '../clients/server-process.js'
import { dayMs, openssl, startWorld } from '../pki/world.js'
import { dataTemplate, templatePkiUrl } from '../world.js'

const run = promisify(execFile)
const has = (tool: string, version: string) =>
  run(tool, [version]).then(
    () => true,
    () => false
  )
const noCurl = (await has('curl', '--version')) ? false : 'curl is not installed'
const pem = (der: Uint8Array) => new X509Certificate(der).toString()
const spki = (): Uint8Array =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'der' })

t.test('the root for TLS', async (t) => {
  const world = await startWorld(t)
  const open = (names: readonly string[]) =>
    openServerCertificates({ ...world, names, ceremony: ceremony().tls })
  const names = certifiedNames('https://kyso.example:8443')
  const opened = await open(names)
  const rootFile = await world.file('root.pem', pem(opened.root))
  const text = async (path: string) =>
    (await world.openssl('x509', '-in', path, '-noout', '-text')).says.replace(/\s+/g, ' ')

  await t.test('says what it is for, and for whom alone', async (t) => {
    const says = await text(rootFile)
    t.match(says, /Subject: O = SIMULATED kyso, CN = SIMULATED kyso TLS root [0-9A-F]{8} /)
    t.match(says, 'Basic Constraints: critical CA:TRUE, pathlen:0 ')
    t.match(says, 'Key Usage: critical Certificate Sign ')
    t.match(says, 'Extended Key Usage: TLS Web Server Authentication X509v3')
    const [, permitted = ''] =
      /Name Constraints: critical Permitted: (.*?) Signature Algorithm/.exec(says) ?? []
    const dns = names.filter((name) => /[a-z]/.test(name)).map((name) => `DNS:${name}`)
    const ones = 'FFFF:'.repeat(8).slice(0, -1)
    t.same(
      permitted.split(' ').sort(),
      [...dns, 'IP:127.0.0.1/255.255.255.255', `IP:0:0:0:0:0:0:0:1/${ones}`].sort()
    )
    t.notMatch(permitted, 'Excluded')
    for (const name of ['gwsca.vnpt.vn', 'remotesigning.viettel.vn', 'esignapp.misa.vn', 'esign.neac.gov.vn'])
      t.ok(dns.includes(`DNS:${name}`), name)
  })

  await t.test('certifies a server for all of them, for a week', async (t) => {
    const { certificate, notAfter } = await opened.issue(spki())
    const leaf = await world.file('leaf.pem', pem(certificate))
    t.match(await text(leaf), 'Extended Key Usage: TLS Web Server Authentication X509v3')
    t.equal(notAfter.getTime(), world.now().getTime() + 7 * dayMs)
    const judged = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', rootFile]
    t.equal((await world.openssl(...judged, '-verify_hostname', 'kyso.example', leaf)).status, 0)
    t.equal((await world.openssl(...judged, '-verify_ip', '::1', leaf)).status, 0)
    const { subjectAltName = '' } = new X509Certificate(certificate)
    t.equal(subjectAltName.split(', ').length, names.length)
    const client = await world.openssl('verify', '-purpose', 'sslclient', '-CAfile', rootFile, leaf)
    t.not(client.status, 0, 'and nothing but a server')
  })

  await t.test('whatever else its key signs, openssl refuses it', async (t) => {
    const key = await world.hsm.tokenKey('ca:tls-root', 'P-256')
    const issuer = new x509.X509Certificate(Uint8Array.from(opened.root)).subjectName
    const forge = async (extensions: x509.Extension[], publicKey = spki()) => {
      const certificate = await x509.X509CertificateGenerator.create(
        {
          serialNumber: '01',
          subject: 'CN=somebody',
          issuer,
          notBefore: world.now(),
          notAfter: new Date(world.now().getTime() + dayMs),
          publicKey: Uint8Array.from(publicKey),
          signingKey: hsmCryptoKey(key),
          extensions
        },
        cryptoForX509
      )
      return world.file(`${randomUUID()}.pem`, certificate.toString('pem'))
    }
    const judge = async (...args: string[]) =>
      (await world.openssl('verify', '-CAfile', rootFile, ...args)).says
    const named = (type: 'dns' | 'ip', value: string) =>
      forge([new x509.SubjectAlternativeNameExtension([{ type, value }])])

    t.match(await judge(await named('dns', 'gwsca.vnpt.vn')), ': OK', 'the forger knows its trade')
    const strangers = await Promise.all([
      ...['www.vnpt.vn', 'vnpt.vn', 'gwsca.vnpt.vn.evil.example', 'x'].map((name) => named('dns', name)),
      ...['127.0.0.2', '10.0.0.1', '2001:db8::5'].map((address) => named('ip', address))
    ])
    const says = await judge(...strangers)
    for (const stranger of strangers) t.match(says, `error ${stranger}: verification failed`)
    t.equal(says.match(/permitted subtree violation/g)?.length, strangers.length)

    const usage = (oid: string) =>
      forge([
        new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }]),
        new x509.ExtendedKeyUsageExtension([oid])
      ])
    for (const [purpose, oid] of [
      ['sslclient', '1.3.6.1.5.5.7.3.2'],
      ['smimesign', '1.3.6.1.5.5.7.3.4'],
      ['timestampsign', '1.3.6.1.5.5.7.3.8']
    ] as const)
      t.notMatch(await judge('-purpose', purpose, await usage(oid)), ': OK', purpose)

    const below = await forge(
      [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true)
      ],
      key.spki
    )
    const itsOwn = await x509.X509CertificateGenerator.create(
      {
        serialNumber: '02',
        subject: 'CN=localhost',
        issuer: 'CN=somebody',
        notBefore: world.now(),
        notAfter: new Date(world.now().getTime() + dayMs),
        publicKey: Uint8Array.from(spki()),
        signingKey: hsmCryptoKey(key),
        extensions: []
      },
      cryptoForX509
    )
    const leaf = await world.file('below.pem', itsOwn.toString('pem'))
    t.match(await judge('-untrusted', below, leaf), 'path length constraint exceeded', 'no CA below it')
  })

  await t.test('is another one for another list of names, and the same for the same', async (t) => {
    const other = await open(certifiedNames('https://other.example'))
    t.notSame(other.root, opened.root)
    t.same((await open([...names].reverse())).root, opened.root, 'in whatever order they come')
    const leaf = await world.file('other.pem', pem((await other.issue(spki())).certificate))
    t.not((await world.openssl('verify', '-CAfile', rootFile, leaf)).status, 0)
    const { rows } = await world.db.query<{ count: string }>({
      text: `select count(*) as count from certificate_authorities where name like 'tls-root:%'`
    })
    t.equal(rows[0]?.count, '2')
  })

  await t.test('does not start with one that was put in its place', async (t) => {
    await world.db.query({
      text: `update certificate_authorities set certificate = (select certificate from certificate_authorities
              where name like 'tls-root:%' and certificate <> $1) where certificate = $1`,
      values: [opened.root]
    })
    await t.rejects(open(names), { name: 'StartError', message: /is not for these names/ })
  })

  await t.test('a running server takes a new certificate when half of the time is over', async (t) => {
    // The clients below look at the clock of the machine.
    const startedAt = new Date(world.now().getTime() - 4 * dayMs)
    world.setTime(startedAt)
    const tls = await openTls(await open(certifiedNames('https://renewed.example')), {
      dataDir: world.folder,
      now: world.now
    })
    if (tls === null) throw new TypeError('it speaks TLS')
    const app = createApp({
      log: pino({ level: 'silent' }),
      trustProxy: false,
      host: '127.0.0.1',
      publicUrl: () => 'https://renewed.example',
      tls: tls.server
    })
    app.get('/', async () => 'here')
    const port = Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port)
    t.teardown(() => app.close())
    const ca = await readFile(join(world.folder, 'tls-root.pem'), 'utf8')
    /** Serial numbers that are shown to a client that names a host, and to one that does not. */
    const serials = () =>
      Promise.all(
        [{ servername: 'gwsca.vnpt.vn' }, {}].map(async (options) => {
          const socket = connectTls({ ...options, host: '127.0.0.1', port, ca })
          await once(socket, 'secureConnect')
          const { serialNumber } = socket.getPeerCertificate()
          socket.destroy()
          return serialNumber
        })
      )
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca })
    t.teardown(async () => agent.destroy())
    const ask = async () => {
      const sent = request({ host: '127.0.0.1', port, agent }).end()
      const [answer] = await once(sent, 'response')
      answer.resume()
      await once(answer, 'end')
      return { status: answer.statusCode, again: sent.reusedSocket }
    }
    t.same(await ask(), { status: 200, again: false })

    const [first, same] = await serials()
    t.equal(first, same)
    const turn = async () => {
      for (const chore of tls.chores) await chore.run()
    }
    world.setTime(new Date(startedAt.getTime() + 3 * dayMs))
    await turn()
    t.same(await serials(), [first, first])
    world.setTime(new Date(startedAt.getTime() + 4 * dayMs))
    await turn()
    const [second, alike] = await serials()
    t.not(second, first)
    t.equal(second, alike)
    t.same(await ask(), { status: 200, again: true }, 'a connection that stood goes on')
  })
})

t.test('a server with TLS=on', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'kyso-tls-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const dataDir = join(folder, 'data')
  await cp(await dataTemplate('demo'), dataDir, { recursive: true })
  const settings = { TLS: 'on', SEED: 'demo', PKI_URL: templatePkiUrl, KEY_POOL: '0' }
  const server = await ServerProcess.start(dataDir, settings)
  t.teardown(() => server.stop().then(() => undefined))
  const { port, protocol } = new URL(server.url)
  const rootFile = join(dataDir, 'tls-root.pem')
  const root = await readFile(rootFile, 'utf8')

  const client = async (...args: string[]) => {
    const asked = execFile('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...args])
    let says = ''
    for (const stream of [asked.stdout, asked.stderr]) stream?.on('data', (chunk) => (says += String(chunk)))
    asked.stdin?.end()
    await once(asked, 'close')
    return says
  }

  await t.test('shows each name a certificate that openssl accepts by that root, and no other', async (t) => {
    t.equal(protocol, 'https:')
    for (const host of [...providerHosts, 'localhost']) {
      const says = await client(
        ...['-CAfile', rootFile, '-verify_return_error', '-servername', host, '-verify_hostname', host]
      )
      t.match(says, 'Verification: OK', host)
      t.match(says, `Verified peername: ${host}`)
    }
    t.match(await client('-CAfile', rootFile, '-noservername', '-verify_ip', '127.0.0.1'), 'Verification: OK')
    t.match(await client('-CAfile', rootFile, '-verify_hostname', 'vnpt.vn'), 'hostname mismatch')
    t.match(await client('-verify_return_error'), /unable to (get|verify)/, 'nobody trusts it unasked')
  })

  await t.test('TLS 1.2 and 1.3, not 1.1', async (t) => {
    t.match(await client('-tls1_2'), 'Protocol  : TLSv1.2')
    t.match(await client('-tls1_3'), /New, TLSv1\.3/)
    t.match(await client('-tls1_1', '-cipher', 'DEFAULT:@SECLEVEL=0'), 'alert protocol version')
    t.match(await client('-tls1_2', '-alpn', 'h2,http/1.1'), 'ALPN protocol: http/1.1')
  })

  /** As a client whose address is fixed, and a hosts file that leads here. */
  const curl = async (host: string, path: string, body?: unknown) => {
    const to = ['--cacert', rootFile, '--connect-to', `${host}:443:127.0.0.1:${port}`]
    const sent = body === undefined ? [] : ['--json', JSON.stringify(body)]
    const { stdout } = await run('curl', [
      ...['--silent', '--show-error', '--max-time', '10', '--write-out', '\n%{http_code}'],
      ...[...to, ...sent, `https://${host}${path}`]
    ])
    const cut = stdout.lastIndexOf('\n')
    return { status: Number(stdout.slice(cut + 1)), body: stdout.slice(0, cut) }
  }

  await t.test(
    'every provider’s host answers with its dialect, and nothing else',
    { skip: noCurl },
    async (t) => {
      for (const host of providerHosts) {
        const { status, body } = await curl(host, '/pki/root.cer')
        t.equal(status, 404, `${host}: ${body}`)
      }
      const own = { 'esign.neac.gov.vn': '/sign_v2/get_certificate' }
      for (const [host, path] of Object.entries({
        ...own,
        'gwsca.vnpt.vn': '/sca/sp769/v1/credentials/get_certificate',
        'rmgateway.vnptit.vn': '/sca/sp769/v1/credentials/get_certificate',
        'remotesigning.viettel.vn': '/vtss/service/ras/v1/login',
        'esignapp.misa.vn': '/webdev/api/auth/api/v1/auth/login-api',
        'testesignappv1.misa.vn': '/webdev/api/auth/api/v1/auth/login-api',
        'rmsca2.nacencomm.vn': '/api/data/get_certificate'
      }))
        t.not((await curl(host, path, {})).status, 404, host)
      t.equal((await curl('localhost', '/health/ready')).status, 200)
    }
  )

  await t.test(
    'a portal signs at its fixed address, confirmed by a virtual phone',
    { skip: noCurl },
    async (t) => {
      const party = { sp_id: 'dvctt', sp_password: 'dvctt-secret' }
      const user = { ...party, user_id: '001088035895' }
      const digest = createHash('sha256').update('a document').digest()
      const call = async (path: string, body: object) =>
        JSON.parse((await curl('gwsca.vnpt.vn', `/sca/sp769/v1${path}`, body)).body)
      const listed = await call('/credentials/get_certificate', user)
      const { cert_data, serial_number } = listed.data.user_certificates[0]
      const asked = await call('/signatures/sign', {
        ...user,
        transaction_id: randomUUID(),
        serial_number,
        sign_files: [
          { data_to_be_signed: digest.toString('hex'), doc_id: 'doc-1', file_type: 'pdf', sign_type: 'hash' }
        ]
      })
      const path = `/signatures/sign/${asked.data.transaction_id}/status`
      let signed = null
      for (let turn = 0; turn < 100 && signed === null; turn += 1) {
        signed = (await call(path, {})).data?.signatures?.[0]?.signature_value ?? null
        if (signed === null) await sleep(100)
      }
      const file = async (name: string, content: string | Uint8Array) => {
        await writeFile(join(folder, name), content)
        return name
      }
      const judged = await openssl(folder, [
        ...[
          'pkeyutl',
          '-verify',
          '-certin',
          '-pkeyopt',
          'digest:sha256',
          '-pkeyopt',
          'rsa_padding_mode:pkcs1'
        ],
        ...['-inkey', await file('signer.pem', pem(Buffer.from(cert_data, 'base64')))],
        ...['-in', await file('digest', digest)],
        ...['-sigfile', await file('signature', Buffer.from(String(signed), 'base64'))]
      ])
      t.match(judged.says, 'Signature Verified Successfully')
    }
  )

  await t.test('publishes the root, which is no CA of subscribers', async (t) => {
    const agent = new Agent({ ca: root, servername: 'localhost' })
    t.teardown(async () => agent.destroy())
    const call = async (method: string, path: string, headers: Record<string, string>, body = '') => {
      const sent = request(`${server.url}${path}`, { method, agent, headers }).end(body)
      const [answer] = await once(sent, 'response')
      const chunks: Buffer[] = []
      for await (const chunk of answer) chunks.push(chunk)
      return { status: answer.statusCode, body: Buffer.concat(chunks) }
    }
    const get = (path: string, headers = {}) => call('GET', path, headers)
    t.equal((await get('/pki/tls-root.pem')).body.toString(), root)
    t.equal(pem((await get('/pki/tls-root.cer')).body), root)
    for (const path of ['tls-root.crl', 'tls-root/ocsp', 'tls-root/ocsp/MAA='])
      t.equal((await get(`/pki/${path}`)).status, 404, path)
    t.equal((await get('/health/live', { host: 'evil.example' })).status, 421)
    const info = await call('POST', '/vnpt/csc/v2/info', { 'content-type': 'application/json' }, '{}')
    t.match(JSON.parse(info.body.toString()), { oauth2: `${server.url}/vnpt/csc/v2` })
    for (const name of ['root', 'vnpt', 'viettel', 'misa', 'nacencomm', 'tsa']) {
      const file = join(folder, `${name}.cer`)
      await writeFile(file, (await get(`/pki/${name}.cer`)).body)
      const { says } = await openssl(folder, ['x509', '-in', file, '-inform', 'DER', '-noout', '-text'])
      t.match(says, 'Issuer:')
      t.notMatch(says, /TLS Web Server|Any Extended/, `${name} is for no server`)
    }
  })

  await t.test('what is no TLS gets no answer, and does no harm', async (t) => {
    const plain = connect(Number(port), '127.0.0.1')
    plain.end('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n')
    let said = ''
    plain.on('data', (chunk) => (said += chunk.toString('latin1')))
    plain.on('error', () => undefined)
    await once(plain, 'close')
    t.notMatch(said, 'HTTP/')
    t.match(await client('-CAfile', rootFile), 'Verification: OK')
  })

  await t.test(
    'a stop does not wait for one who never shakes hands; the next start has the same root',
    async (t) => {
      const silent = connect(Number(port), '127.0.0.1')
      silent.on('error', () => undefined)
      await once(silent, 'connect')
      const before = await client('-showcerts')
      t.equal(await server.stop(), 0)
      const [lock = ''] = (await readdir(dataDir)).filter((name) => name.endsWith('.lock'))
      const { state } = JSON.parse(await readFile(join(dataDir, lock), 'utf8'))
      t.equal(state, 'released', 'everything was closed in time')
      const again = await ServerProcess.start(dataDir, { ...settings, PORT: port })
      t.teardown(() => again.stop().then(() => undefined))
      t.equal(await readFile(rootFile, 'utf8'), root)
      const after = await client('-CAfile', rootFile, '-showcerts')
      t.match(after, 'Verification: OK')
      const leaf = (says: string) => /-----BEGIN CERTIFICATE-----[^-]+/.exec(says)?.[0]
      t.not(leaf(after), leaf(before), 'with a key of its own each time')
      t.equal(await again.stop(), 0)
    }
  )
})
