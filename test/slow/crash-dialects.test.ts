import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { castAt, digestOf } from '../clients/journey.js'
import { ServerProcess } from '../clients/server-process.js'
import { event, killAt, type Place } from './crash/kill-at.js'

const provider = 'vnpt'
/** Everything that a transaction of a dialect writes between the question and its outcome. */
const places: Place[] = [
  { name: 'the transaction', table: 'transactions', event: 'insert' },
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
  {
    name: 'the end of the reservation',
    table: 'reservations',
    event: 'update',
    when: 'new.outcome is not null'
  },
  { name: 'the outcome', table: 'transactions', event: 'update', when: 'new.outcome is not null' }
]
/** Devices know their server by this name, whatever port it gets. */
const env = { PUBLIC_URL: 'http://kyso.test' }
/** How long a server that was just started may take for what its predecessor left. */
const patienceMs = 60_000

t.setTimeout(600_000)

t.test(
  'what was confirmed in a dialect survives kill -9 and ends in exactly one recorded outcome (I3, I7)',
  { timeout: 600_000 },
  async (t) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'kyso-crash-'))
    let server = await ServerProcess.start(dataDir, env)
    t.teardown(async () => {
      await server.stop()
      await rm(dataDir, { recursive: true, force: true })
    })
    const person = await castAt({ url: server.url, provider }).enrol({ algorithm: 'RSA-2048' })
    const outcomes = new Map<string, number>()

    const post = async (path: string, body: object) => {
      const response = await fetch(`${server.url}/vnpt/sca/sp769/v1/signatures${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ sp_id: 'dvctt', sp_password: 'dvctt-secret', ...body })
      })
      return (await response.json()) as {
        status_code: number
        message: string
        data: Record<string, unknown> | null
      }
    }

    for (const victim of ['server', 'postgres'] as const) {
      for (const place of places) {
        await t.test(`${victim} killed before ${place.name}`, async (t) => {
          const id = `${victim}-${places.indexOf(place)}`
          const digest = digestOf(id)
          const ask = () =>
            post('/sign', {
              user_id: person.login,
              transaction_id: id,
              sign_files: [
                { data_to_be_signed: digest.toString('hex'), doc_id: id, file_type: 'pdf', sign_type: 'hash' }
              ]
            })
          let asked: string | undefined
          let confirmed = false
          person.device.moveTo(server.url)
          server = await killAt({ server, dataDir, env }, place, victim, async () => {
            const answer = await ask()
            if (answer.status_code !== 200) return
            asked = String(answer.data?.tran_code)
            confirmed = (await person.device.confirm(await person.device.challenge(asked))).status === 200
            if (!confirmed) return
            // What was confirmed is signed by itself: wait until that is held, or its server dead.
            for (const until = Date.now() + patienceMs; Date.now() < until; await sleep(50)) {
              if ((await post(`/sign/${id}/status`, {})).message !== 'PENDING') return
            }
          })
          person.device.moveTo(server.url)

          const again = await ask()
          t.equal(again.status_code, 200, again.message)
          const tranCode = String(again.data?.tran_code)
          if (asked !== undefined) t.equal(tranCode, asked, 'the same name is the same transaction')
          const shown = (await person.device.challenges()).find((challenge) => challenge.id === tranCode)
          if (shown !== undefined) {
            t.notOk(confirmed, 'what was confirmed is not asked again')
            await person.device.confirm(shown)
          }

          let status = await post(`/sign/${id}/status`, {})
          for (const until = Date.now() + patienceMs; status.message === 'PENDING' && Date.now() < until; ) {
            await sleep(100)
            status = await post(`/sign/${id}/status`, {})
          }
          t.ok(['SUCCESS', 'SERVER_INTERNAL_ERROR'].includes(status.message), status.message)
          outcomes.set(status.message, (outcomes.get(status.message) ?? 0) + 1)

          const sql = await server.sql()
          const { rows } = await sql.query<{ outcome: string; taken: number; made: number }>(
            `select t.outcome,
                    (select count(*)::integer from reservations r
                      where r.activation_id = t.id and r.outcome is distinct from 'refused') as taken,
                    (select count(*)::integer from audit_events e
                      where e.type = 'signature.made' and e.about->>'activationId' = t.id) as made
               from transactions t where t.name = $1`,
            [id]
          )
          await sql.end()
          t.equal(rows.length, 1, 'one transaction')
          t.equal(rows[0]?.outcome, status.message === 'SUCCESS' ? 'signed' : 'failed')
          t.equal(rows[0]?.taken, 1, 'reserved once')
          t.ok((rows[0]?.made ?? 0) <= 1, 'signed at most once')
          t.same(await post(`/sign/${id}/status`, {}), status, 'it says the same for ever')
        })
      }
    }
    t.ok(outcomes.get('SUCCESS'), 'what had not reached the HSM was signed by the next server')
    t.ok(outcomes.get('SERVER_INTERNAL_ERROR'), 'what was with the HSM is burned, and says so')
  }
)
