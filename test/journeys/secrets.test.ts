import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import t from 'tap'
import { castAt, digestOf } from '../clients/journey.js'
import { ecdsaSha256Oid, Portal } from '../clients/portal.js'
import { startWorld } from '../world.js'

/** What every request sends and gets, collected on its way through fetch. */
function overhear(t: { teardown(work: () => void): void }): { sent: string[] } {
  const sent: string[] = []
  const real = globalThis.fetch
  globalThis.fetch = async (input, init) => {
    const authorization = new Headers(init?.headers).get('authorization')
    if (authorization !== null) sent.push(authorization.replace(/^\w+ /, ''))
    return real(input, init)
  }
  t.teardown(() => {
    globalThis.fetch = real
  })
  return { sent }
}

/** The content of all tables as text. */
async function everyRow(connection: pg.ClientConfig): Promise<string> {
  const client = new pg.Client(connection)
  await client.connect()
  const tables = await client.query<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'public'`
  )
  let text = ''
  for (const { name } of tables.rows) {
    const { rows } = await client.query<{ line: string }>(
      `select row_to_json(r)::text as line from ${name} r`
    )
    text += rows.map(({ line }) => line).join('\n')
  }
  await client.end()
  return text
}

t.test('nothing secret is in the log of all journeys at the level trace', async (t) => {
  const { sent } = overhear(t)
  const world = await startWorld(t)
  const secrets = new Map<string, string>()
  const cast = castAt({ url: world.url, provider: 'misa', now: world.clock.now })
  const { operator, portal } = cast

  // A whole job with a device of one's own, and one with a virtual phone.
  const person = await cast.enrol()
  const digest = digestOf('tờ khai')
  const asked = await portal.authorize(person.credentialID, [digest])
  const shown = await person.device.challenge(asked.body.handle)
  const biometric = await person.device.biometricToken(shown)
  secrets.set('a biometric challenge token', biometric)
  await person.device.confirmWith(shown.id, biometric)
  const { body } = await portal.check(asked.body.handle)
  secrets.set('a SAD', String(body.SAD))
  secrets.set('an access token', await portal.token())
  await portal.sign(person.credentialID, body.SAD, [digest], ecdsaSha256Oid)
  await portal.sign(person.credentialID, body.SAD, [digest], ecdsaSha256Oid)
  const [demo] = await portal.credentials('binh.le@example.vn')
  const virtual = await portal.authorize(String(demo), [digest])
  secrets.set('a SAD by a virtual phone', String((await portal.answered(virtual.body.handle)).body.SAD))

  // What operators make, and what is refused with a secret in it.
  const party = await operator.post('/relying-parties', { provider: 'misa', name: 'Cổng' })
  secrets.set('a client secret', String(party.body.clientSecret))
  const key = await operator.post('/keys', { name: 'Kiểm toán', role: 'auditor' })
  secrets.set('an operator key', String(key.body.key))
  const code = await operator.post(`/subscribers/${person.id}/activation-codes`)
  secrets.set('an activation code', String(code.body.code))
  secrets.set('a password', 'mật-khẩu-rất-riêng-42')
  await operator.post(`/subscribers/${person.id}/password`, { password: secrets.get('a password') })
  secrets.set('the demo secret', 'dvctt-secret')
  secrets.set('a wrong secret', 'not-the-secret-0815')
  await new Portal({ url: world.url, provider: 'misa', clientSecret: 'not-the-secret-0815' }).token()
  secrets.set('a wrong bearer token', 'wrong-bearer-token-4711')
  await portal.call('credentials/list', { userID: 'x' }, 'wrong-bearer-token-4711')
  secrets.set('a malformed body', 'half-a-secret-in-broken-json')
  await fetch(`${portal.base}/signatures/signHash`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await portal.token()}`, 'content-type': 'application/json' },
    body: '{"SAD":"half-a-secret-in-broken-json'
  })
  secrets.set('a secret in a query', 'secret-in-the-query-23')
  await fetch(`${world.url}/misa/csc/v2/info?SAD=secret-in-the-query-23`)

  // What lies in the data folder for nobody else.
  for (const name of ['postgres-password', 'pkcs11-pin', 'pkcs11-so-pin']) {
    secrets.set(name, readFileSync(join(world.dataDir, name), 'utf8').trim())
    t.equal(statSync(join(world.dataDir, name)).mode & 0o777, 0o600, `${name} is for the owner alone`)
  }
  for (const [index, bearer] of [...new Set(sent)].entries())
    secrets.set(`what was sent as bearer ${index}`, bearer)

  const rows = await everyRow(world.connection)
  t.ok(rows.length > 10_000, 'the database holds much')
  for (const [name, secret] of secrets) {
    // The one secret that is kept, as evidence: nobody can use it again.
    const kept = name === 'a biometric challenge token'
    t.equal(rows.includes(secret), kept, `${name}, in the database`)
  }

  await world.close()
  const log = world.log.join('\n')
  t.ok(world.log.length > 30, `the log says much: ${world.log.length} lines`)
  t.ok(
    secrets.size > 20 && [...secrets.values()].every((secret) => secret.length >= 10),
    'and many secrets were used'
  )
  for (const [name, secret] of secrets) t.notOk(log.includes(secret), name)

  const kept = readdirSync(join(world.dataDir, 'audit')).map((file) =>
    readFileSync(join(world.dataDir, 'audit', file), 'utf8')
  )
  for (const [name, secret] of secrets)
    t.notOk(kept.join('\n').includes(secret), `${name}, in the checkpoints`)
})
