import { createHash, generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import pg from 'pg'
import t from 'tap'
import { auditVerify } from '../../src/commands/verification.js'
import { type AssertionChanges, Authenticator, flags } from '../clients/authenticator.js'
import { Device, type ShownChallenge } from '../clients/device.js'
import { castAt, digestOf } from '../clients/journey.js'
import { ecdsaSha256Oid } from '../clients/portal.js'
import { startWorld } from '../world.js'

const origin = 'https://ky-so.example.vn'
const digest = digestOf('tờ khai')
const refused = { status: 400, body: { code: 'biometric_token_refused' } }

t.test('a device with an authenticator (WebAuthn Level 3 §7.2)', async (t) => {
  const world = await startWorld(t, { settings: { PUBLIC_URL: origin } })
  const cast = castAt({ url: world.url, provider: 'viettel', now: world.clock.now })
  const { operator, portal } = cast

  /** A person whose only device has this authenticator. */
  async function enrol(authenticator: Authenticator) {
    const created = await operator.post('/subscribers', {
      provider: 'viettel',
      login: `webauthn-${authenticator.credentialId}`,
      fullName: 'Đỗ Thị Thử',
      nationalId: '001099000001'
    })
    const id = String(created.body.id)
    const issued = await operator.post(`/subscribers/${id}/credentials`, {
      algorithm: 'P-256',
      publish: true
    })
    const device = new Device({ url: world.url, provider: 'viettel', now: world.clock.now })
    const { body } = await operator.post(`/subscribers/${id}/activation-codes`)
    const enrolled = await device.enrol(String(body.code), { webauthn: authenticator.registration })
    t.equal(enrolled.status, 201, JSON.stringify(enrolled.body))
    const credentialID = String(issued.body.credentialID)
    async function asked(): Promise<ShownChallenge> {
      const { body } = await portal.authorize(credentialID, [digest])
      return device.challenge(body.handle)
    }
    return { device, credentialID, asked }
  }
  async function sql<Row extends pg.QueryResultRow>(text: string, values: unknown[]): Promise<Row[]> {
    const client = new pg.Client(world.connection)
    await client.connect()
    const { rows } = await client.query<Row>(text, values)
    await client.end()
    return rows
  }
  async function lastRefusal(activationId: string): Promise<string> {
    const [row] = await sql<{ detail: string }>(
      `select about->>'detail' as detail from audit_events
        where type = 'activation.confirmation-refused' and about->>'activationId' = $1
        order by seq desc limit 1`,
      [activationId]
    )
    return row?.detail ?? ''
  }

  await t.test('confirms with an assertion over the hash of the display, and the key signs', async (t) => {
    for (const authenticator of [new Authenticator(), new Authenticator('rsa')]) {
      const { device, credentialID, asked } = await enrol(authenticator)
      const challenge = await asked()
      const webauthn = authenticator.assert(origin, challenge.displayHash)
      t.match(await device.confirm(challenge, { claims: { webauthn } }), { status: 200 })
      const { body } = await portal.answered(challenge.id)
      const signed = await portal.sign(credentialID, body.SAD, [digest], ecdsaSha256Oid)
      t.equal(signed.status, 200, JSON.stringify(signed.body))
      const shown = await operator.get(`/devices/${device.id}`)
      t.equal(shown.body.userVerification, 'webauthn')
    }
  })

  await t.test('without a true one nothing is confirmed, whatever amr says', async (t) => {
    const authenticator = new Authenticator()
    const { device, asked } = await enrol(authenticator)
    const [challenge, other] = [await asked(), await asked()]
    const made = (changes: AssertionChanges) => authenticator.assert(origin, challenge.displayHash, changes)
    const good = made({})
    const client = (changes: Record<string, unknown>) => made({ clientData: changes })
    const stranger = new Authenticator()
    const strangeKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

    const attempts: [name: string, detail: RegExp, webauthn: unknown][] = [
      ['none', /without the assertion/, undefined],
      ['null', /not an assertion/, null],
      ['members missing', /not an assertion/, { ...good, signature: undefined }],
      ['padded base64', /not an assertion/, { ...good, signature: `${good.signature}==` }],
      ['user verification missing', /without user verification/, made({ flags: flags.UP })],
      ['user presence missing', /without user presence/, made({ flags: flags.UV })],
      ['for another challenge', /another challenge/, authenticator.assert(origin, other.displayHash)],
      [
        'for a challenge of its own',
        /another challenge/,
        client({ challenge: createHash('sha256').update('x').digest('base64url') })
      ],
      ['of a registration', /another ceremony/, client({ type: 'webauthn.create' })],
      ['from another origin', /another origin/, client({ origin: 'https://ky-so.example.vn.evil.example' })],
      ['from another port', /another origin/, client({ origin: `${origin}:8443` })],
      ['from inside another page', /inside a page/, client({ crossOrigin: true })],
      ['from inside a named page', /inside a page/, client({ topOrigin: 'https://evil.example' })],
      ['for another relying party', /another relying party/, made({ rpId: 'example.vn' })],
      ['with another credential id', /another credential/, made({ credentialId: stranger.credentialId })],
      ['of another authenticator', /another credential/, stranger.assert(origin, challenge.displayHash)],
      ['signed by another key', /does not verify/, made({ key: strangeKey })],
      [
        'another signature',
        /does not verify/,
        { ...good, signature: authenticator.assert(origin, challenge.displayHash).signature }
      ],
      ['backed up but not to be', /authenticator data/, made({ flags: flags.UP | flags.UV | flags.BS })],
      ['with a credential', /authenticator data/, made({ flags: flags.UP | flags.UV | flags.AT })],
      ['with octets nobody announced', /authenticator data/, made({ extensions: Buffer.of(0xa0) })],
      [
        'with extensions that are not there',
        /authenticator data/,
        made({ flags: flags.UP | flags.UV | flags.ED })
      ],
      [
        'client data that is not JSON',
        /client data/,
        { ...good, clientDataJSON: Buffer.from('{').toString('base64url') }
      ]
    ]
    for (const [name, detail, webauthn] of attempts) {
      const answer = await device.confirm(challenge, { claims: { webauthn } })
      t.match(answer, refused, `${name}: ${JSON.stringify(answer.body)}`)
      t.notMatch(JSON.stringify(answer.body), detail, 'the device is not told why')
      t.match(await lastRefusal(challenge.id), detail, `${name}: the audit is`)
    }
    const spki = { alg: 'ES256', kid: device.id }
    t.match(
      await device.confirm(challenge, { claims: { webauthn: good }, header: spki, key: strangeKey }),
      refused,
      'nor does the assertion do without the device key'
    )
    t.equal((await portal.check(challenge.id)).status, 202, 'the challenge waits')
    const webauthn = made({})
    t.match(await device.confirm(challenge, { claims: { webauthn } }), { status: 200 }, 'and is confirmed')
  })

  await t.test('an assertion is good once, and a copied authenticator is noticed', async (t) => {
    const authenticator = new Authenticator()
    const { device, asked } = await enrol(authenticator)
    const first = await asked()
    const used = authenticator.assert(origin, first.displayHash, { signCount: 7 })
    t.match(await device.confirm(first, { claims: { webauthn: used } }), { status: 200 })
    t.match(await device.confirm(first, { claims: { webauthn: used } }), { status: 409 })

    const second = await asked()
    const confirm = (signCount: number) =>
      device.confirm(second, {
        claims: { webauthn: authenticator.assert(origin, second.displayHash, { signCount }) }
      })
    t.match(await device.confirm(second, { claims: { webauthn: used } }), refused, 'replayed')
    t.match(await confirm(6), refused, 'a counter behind the last one')
    t.match(await confirm(7), refused, 'the last one again')
    t.match(await confirm(0), refused, 'no counter where there was one')
    t.match(await confirm(8), { status: 200 })

    const third = await asked()
    const claims = () => ({
      webauthn: authenticator.assert(origin, third.displayHash, { signCount: 9 })
    })
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => device.confirm(third, { claims: claims() }))
    )
    t.equal(answers.filter(({ status }) => status === 200).length, 1, 'of several at once one')
  })

  await t.test('an authenticator that does not count stays at 0', async (t) => {
    const authenticator = new Authenticator()
    const { device, asked } = await enrol(authenticator)
    for (let turn = 0; turn < 2; turn += 1) {
      const challenge = await asked()
      const webauthn = authenticator.assert(origin, challenge.displayHash, {
        signCount: 0,
        flags: flags.UP | flags.UV | flags.BE | flags.BS
      })
      t.match(await device.confirm(challenge, { claims: { webauthn } }), { status: 200 })
    }
  })

  await t.test('only a credential that can be verified is registered', async (t) => {
    const { credentialId, publicKey } = new Authenticator().registration
    const { n, e } = new Authenticator('rsa').publicJwk
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
    const wrong: [string, unknown][] = [
      ['no key', { credentialId }],
      ['no id', { publicKey }],
      ['an id that is no base64url', { credentialId: 'a+b', publicKey }],
      ['an id written in another way', { credentialId: `${credentialId}=`, publicKey }],
      ['a private key', { credentialId, publicKey: { ...publicKey, d: publicKey.x } }],
      ['another curve', { credentialId, publicKey: { ...publicKey, crv: 'P-384' } }],
      ['a short RSA key', { credentialId, publicKey: weak }],
      ['another exponent', { credentialId, publicKey: { kty: 'RSA', n, e: 'Aw' } }],
      ['a private RSA key', { credentialId, publicKey: { kty: 'RSA', n, e, d: n } }],
      ['a symmetric key', { credentialId, publicKey: { kty: 'oct', k: 'AAAA' } }]
    ]
    for (const [name, webauthn] of wrong) {
      const device = new Device({ url: world.url, provider: 'viettel' })
      const answer = await device.enrol('0000-0000-0000-0000', { webauthn })
      t.match(answer, { status: 400, body: { code: 'request_invalid' } }, name)
    }
  })

  await t.test('nobody takes it away with SQL, and the evidence is verified offline', async (t) => {
    const authenticator = new Authenticator()
    const { device, asked } = await enrol(authenticator)
    const confirmed = await asked()
    const webauthn = authenticator.assert(origin, confirmed.displayHash)
    t.match(await device.confirm(confirmed, { claims: { webauthn } }), { status: 200 })
    const waiting = await asked()
    await world.close()

    const said: string[] = []
    const verify = (...args: string[]) => {
      said.length = 0
      return auditVerify(args, { out: (line) => said.push(line), err: (line) => said.push(line) })
    }
    const file = join(t.testdir(), 'export.jsonl')
    t.equal(await verify('--data-dir', world.dataDir), 0, said.join('\n'))
    t.equal(await verify('--data-dir', world.dataDir, '--write-export', file), 0, said.join('\n'))
    t.equal(await verify('--data-dir', world.dataDir, '--export', file), 0, said.join('\n'))

    await world.restart()
    await sql('update devices set webauthn_id = null, webauthn_spki = null where id = $1', [device.id])
    await world.restart()
    t.match(await device.confirm(waiting), { status: 500, body: { code: 'integrity_broken' } })
    await world.close()
    t.not(await verify('--data-dir', world.dataDir), 0)
    t.match(
      said.join('\n'),
      new RegExp(`device ${device.id}, which confirmed, was enrolled with another key`)
    )
  })
})
