import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Device } from '../clients/device.js'
import { castAt, digestOf, type Person } from '../clients/journey.js'
import { Operator } from '../clients/operator.js'
import { ecdsaSha256Oid, Portal } from '../clients/portal.js'
import { ServerProcess } from '../clients/server-process.js'
import { event, killAt, type Place, type Victim } from './crash/kill-at.js'

/**
 * Kills server or database right before each write that enrolment and signing make. The database itself holds the
 * victim at the place: a trigger waits for a lock that this test holds, so that no step is missed by bad luck and no
 * hook is needed in the server. Then everything that was ever acknowledged must still be there.
 */
const provider = 'vnpt'

const enrolling: Place[] = [
  { name: 'the subscriber', table: 'subscribers', event: 'insert' },
  event('subscriber.created'),
  { name: 'the credential', table: 'credentials', event: 'insert' },
  event('credential.issued'),
  { name: 'its publication', table: 'credentials', event: 'update', when: `new.status = 'active'` },
  event('credential.published'),
  { name: 'the activation code', table: 'activation_codes', event: 'insert' },
  event('activation-code.created'),
  { name: 'the device', table: 'devices', event: 'insert' },
  event('device.enrolled')
]

const signing: Place[] = [
  { name: 'the activation', table: 'activations', event: 'insert' },
  event('activation.asked'),
  { name: 'the confirmation', table: 'confirmations', event: 'insert' },
  event('activation.confirmed'),
  {
    name: 'the SAD',
    table: 'activations',
    event: 'update',
    when: 'new.sad_sha256 is distinct from old.sad_sha256'
  },
  event('sad.issued'),
  { name: 'the reservation', table: 'reservations', event: 'insert' },
  event('signature.made'),
  { name: 'its outcome', table: 'reservations', event: 'update', when: 'new.outcome is not null' },
  { name: 'the revocation', table: 'credentials', event: 'update', when: `new.status = 'revoked'` },
  event('credential.revoked')
]

/** What was acknowledged, and how to see that it still holds. */
type Ledger = { what: string; holds: () => Promise<boolean> }[]

t.setTimeout(900_000)

t.test(
  'whatever was acknowledged survives kill -9 of server and database (I3, I7)',
  { timeout: 900_000 },
  async (t) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'kyso-crash-'))
    let server = await ServerProcess.start(dataDir)
    t.teardown(async () => {
      await server.stop()
      await rm(dataDir, { recursive: true, force: true })
    })
    const ledger: Ledger = []
    const operator = () => new Operator({ url: server.url })
    /** Occurrences a signature was asked for, and how often one was handed out. */
    let handedOut = 0

    /** Kills the victim while `work` is held at `place`, and brings the house back up. */
    const killedAt = async (place: Place, victim: Victim, work: () => Promise<unknown>): Promise<void> => {
      server = await killAt({ server, dataDir }, place, victim, work)
    }

    /** All that enrolment does, each answer written into the ledger as soon as it is there. */
    async function enrol(name: string): Promise<Person | null> {
      const login = `crash-${name}`
      const made = await operator().post('/subscribers', {
        provider,
        login,
        fullName: 'Đỗ Thị Thử',
        nationalId: '001099000001'
      })
      if (made.status !== 201) return null
      const id = String(made.body.id)
      ledger.push({
        what: `subscriber ${login}`,
        holds: async () => (await operator().get(`/subscribers/${id}`)).status === 200
      })

      const issued = await operator().post(`/subscribers/${id}/credentials`, { algorithm: 'P-256' })
      if (issued.status !== 201) return null
      const credentialID = String(issued.body.credentialID)
      const status = async () => (await operator().get(`/credentials/${credentialID}`)).body.status
      ledger.push({ what: `credential of ${login}`, holds: async () => (await status()) !== undefined })

      if ((await operator().post(`/credentials/${credentialID}/publish`)).status !== 200) return null
      ledger.push({ what: `publication of ${login}`, holds: async () => (await status()) !== 'issued' })

      const code = await operator().post(`/subscribers/${id}/activation-codes`)
      if (code.status !== 201) return null
      const device = new Device({ url: server.url, provider })
      if ((await device.enrol(String(code.body.code))).status !== 201) return null
      ledger.push({
        what: `device of ${login}`,
        holds: async () => (await operator().get(`/devices/${device.id}`)).status === 200
      })
      return { id, login, credentialID, device }
    }

    async function everythingHolds(t: Test): Promise<void> {
      const lost = []
      for (const { what, holds } of ledger) if (!(await holds())) lost.push(what)
      t.same(lost, [], 'nothing acknowledged is lost')
      const sql = await server.sql()
      const { rows } = await sql.query(
        `select id from credentials where wrapped_key is null and token_key_id is null
       union select activation_id from reservations where outcome is null and server_id not in (select id from servers where stopped_at is null)
       union select a.id from activations a join confirmations c on c.activation_id = a.id where a.status = 'waiting'`
      )
      t.same(rows, [], 'no half of anything')
      const unheard = await sql.query(
        `select id, status from credentials c
        where not exists (select 1 from audit_events where type = 'credential.issued' and about->>'credentialID' = c.id)
           or (status = 'revoked' and not exists
               (select 1 from audit_events where type = 'credential.revoked' and about->>'credentialID' = c.id))
       union all
       select id, 'device' from devices d
        where not exists (select 1 from audit_events where type = 'device.enrolled' and about->>'deviceId' = d.id)`
      )
      t.same(unheard.rows, [], 'no credential or device the audit does not know')
      await sql.end()
    }

    for (const victim of ['server', 'postgres'] as const) {
      for (const [index, place] of enrolling.entries()) {
        await t.test(`enrolment, ${victim} killed before ${place.name}`, async (t) => {
          await killedAt(place, victim, () => enrol(`${victim}-${index}`))
          await everythingHolds(t)
        })
      }

      for (const place of signing) {
        await t.test(`signing, ${victim} killed before ${place.name}`, async (t) => {
          const cast = castAt({ url: server.url, provider })
          const person = await cast.enrol()
          const digest = digestOf(`${victim} ${place.name}`)
          let handle: string | undefined
          let sad: string | undefined

          async function job(): Promise<void> {
            const asked = await cast.portal.authorize(person.credentialID, [digest])
            if (asked.status !== 202) return
            handle = String(asked.body.handle)
            const shown = await person.device.challenge(handle)
            const confirmed = await person.device.confirm(shown)
            if (confirmed.status !== 200) return
            const checked = await cast.portal.check(handle)
            if (checked.status !== 200) return
            sad = String(checked.body.SAD)
            const signed = await cast.portal.sign(person.credentialID, sad, [digest], ecdsaSha256Oid)
            if (signed.status !== 200) return
            handedOut += 1
            const { credentialID } = person
            const revoked = await operator().post(`/credentials/${credentialID}/revoke`, {
              reason: 'superseded'
            })
            if (revoked.status !== 200) return
            const status = async () => (await operator().get(`/credentials/${credentialID}`)).body.status
            ledger.push({
              what: `revocation of ${credentialID}`,
              holds: async () => (await status()) === 'revoked'
            })
          }

          await killedAt(place, victim, job)
          if (handle !== undefined && sad !== undefined) {
            // The relying party tries again: it gets its signature if none was reserved, and never a second one.
            const reserved = await reservations(server, handle)
            const portal = new Portal({ url: server.url, provider })
            const again = await portal.sign(person.credentialID, sad, [digest], ecdsaSha256Oid)
            const usable =
              (await operator().get(`/credentials/${person.credentialID}`)).body.status === 'active'
            t.equal(
              again.status,
              reserved === 0 && usable ? 200 : 400,
              `${reserved} reserved before, ${again.body.error_description}`
            )
            t.equal(await reservations(server, handle), 1)
          }
          await everythingHolds(t)
        })
      }
    }

    await t.test('every occurrence was signed at most once, and the audit is whole', async (t) => {
      const sql = await server.sql()
      const { rows } = await sql.query<{ activation: string; times: string }>(
        `select about->>'activationId' as activation, count(*) as times from audit_events
        where type = 'signature.made' group by 1 having count(*) > 1`
      )
      t.same(rows, [])
      await sql.end()
      t.ok(handedOut > 0)
      await server.stop()
      const verify = new URL('../../src/commands/audit-verify.js', import.meta.url).pathname
      const said = execFileSync(process.execPath, [verify, '--data-dir', dataDir], { encoding: 'utf8' })
      t.comment(said)
      server = await ServerProcess.start(dataDir)
      await everythingHolds(t)
    })
  }
)

/** Reservations of an activation that took its occurrence for good. */
async function reservations(server: ServerProcess, activationId: string): Promise<number> {
  const sql = await server.sql()
  const { rows } = await sql.query<{ count: string }>(
    `select count(*) from reservations where activation_id = $1 and outcome is distinct from 'refused'`,
    [activationId]
  )
  await sql.end()
  return Number(rows[0]?.count)
}
