import { execFile } from 'node:child_process'
import { verify, X509Certificate } from 'node:crypto'
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { readEvents } from '../../examples/device/server-sent-events.js'
import { Device } from '../clients/device.js'
import { castAt, digestOf } from '../clients/journey.js'
import { findNginx } from '../clients/nginx.js'
import { ecdsaSha256Oid, Portal } from '../clients/portal.js'
import { type Load, provider, startLoad } from './several/load.js'
import { isStopped, openStage } from './several/stage.js'

const nginx = findNginx()
const auditVerify = new URL('../../src/commands/audit-verify.js', import.meta.url).pathname
const run = promisify(execFile)

t.test(
  'three servers on one PostgreSQL and one token, behind one address (I2, I3, I4, I5, I8)',
  { timeout: 600_000, skip: nginx === null && 'nginx is not installed' },
  async (t) => {
    const stage = await openStage(nginx ?? '')
    t.teardown(() => stage.close())
    const { url, members, sql } = stage
    const direct = members.map((member) => new Portal({ url: member.url, provider }))
    const [first, second, third] = direct as [Portal, Portal, Portal]

    await t.test('what one server has given out, every other one takes', async (t) => {
      const { enrol } = castAt({ url, provider })
      const { credentialID, device } = await enrol()
      const digest = digestOf('a hợp đồng')
      const token = await first.token()
      const asked = await second.call(
        'credentials/authorize',
        {
          credentialID,
          numSignatures: 1,
          hashes: [digest.toString('base64')],
          hashAlgorithmOID: '2.16.840.1.101.3.4.2.1',
          authData: [{ id: 'biometric' }]
        },
        token
      )
      t.equal(asked.status, 202, 'an access token')
      t.equal((await device.confirm(await device.challenge(asked.body.handle))).status, 200, 'a challenge')
      const { body } = await third.check(asked.body.handle)
      t.type(body.SAD, 'string', 'a handle')
      const signed = await first.sign(credentialID, body.SAD, [digest], ecdsaSha256Oid)
      t.equal(signed.status, 200, 'a SAD')

      const bearer = await device.bearer()
      const rejections = members.map(({ url }) =>
        fetch(`${url}/${provider}/phone/challenges/none/reject`, {
          method: 'POST',
          headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
          body: '{}'
        })
      )
      const statuses = (await Promise.all(rejections)).map(({ status }) => status).sort()
      t.same(statuses, [401, 401, 404], 'but a device token that one has taken, no other one takes')
    })

    await t.test('a phone hears of a request at once, whichever server it was made at', async (t) => {
      const { device, credentialID } = await castAt({ url, provider }).enrol()
      const stop = new AbortController()
      const stream = await fetch(`${url}/${provider}/phone/events`, {
        headers: { authorization: `Bearer ${await device.bearer()}` },
        signal: stop.signal
      })
      t.equal(stream.headers.get('content-type'), 'text/event-stream')
      const events = readEvents(stream.body as unknown as AsyncIterable<Uint8Array>)
      for (const portal of direct) {
        const { body } = await portal.authorize(credentialID, [digestOf('heard of')])
        const { value } = await events.next()
        t.match(value, { event: 'challenge', data: `"id":"${body.handle}"` })
      }
      stop.abort()
    })

    await t.test('X-Forwarded-For names the client: who guesses codes stops nobody else', async (t) => {
      const guess = (from: string, forwarded?: string) => tryCode(url, from, forwarded)
      const guesses = await Promise.all(Array.from({ length: 40 }, () => guess('127.0.0.2')))
      t.equal(
        guesses.filter((status) => status === 400).length,
        10 * members.length,
        'ten a minute and server'
      )
      t.equal(guesses.filter((status) => status === 429).length, 40 - 10 * members.length)
      t.equal(await guess('127.0.0.2', '192.0.2.7'), 429, 'whatever such a client says of itself')
      t.equal(await guess('127.0.0.1'), 400, 'another client may still try')
      await t.resolves(castAt({ url, provider }).enrol(), 'and enrol')
    })

    let load: Load
    let killedAt = 0
    let goneAt = 0
    let dead = ''
    await t.test(
      'under load, a server is killed and comes back, another is restarted, and work goes on',
      async (t) => {
        load = await startLoad(stage)
        await load.further(2)
        t.same(load.cut, [], 'with all three there, no answer is missing')

        const victim = members[1]
        if (victim === undefined) throw new Error('there are three')
        dead = victim.serverId
        // Stopped first, to see that it leaves a reservation open; else it may go on, and is stopped again.
        for (let open = 0; open === 0; ) {
          process.kill(victim.process.pid, 'SIGSTOP')
          killedAt = Date.now()
          while (!isStopped(victim.process.pid)) await sleep(1)
          await sleep(50) // what it had sent is done
          const { rows } = await sql.query(
            'select 1 from reservations where server_id = $1 and outcome is null',
            [dead]
          )
          open = rows.length
          if (open > 0) break
          process.kill(victim.process.pid, 'SIGCONT')
          await sleep(5)
        }
        await victim.process.kill()
        // Once nginx has answered, it has heard of the connections that ended before.
        await fetch(`${url}/health/live`)
        goneAt = Date.now()
        await until(async () => {
          const { rows } = await sql.query('select stopped_at from servers where id = $1', [dead])
          return rows[0]?.stopped_at !== null
        })
        t.pass('another server has found it dead')
        await load.further(2)
        await stage.restart(1)
        const backAt = Date.now()
        await load.further(2)
        await until(async () =>
          load.ledger.redemptions.some(
            ({ via, sentAt, outcome }) => via === 1 && sentAt > backAt && outcome === 'signed'
          )
        )
        t.pass('it signs again')
        const stoppingAt = Date.now()
        t.equal(await members[2]?.process.stop(), 0)
        // A request may be on its way over a kept connection just when the server closes it: nginx, which must not send
        // it to another one, answers 502. Once it has answered this, it has heard of all that were closed.
        await fetch(`${url}/health/live`)
        await sleep(50) // what it had sent is here
        const stoppedAt = Date.now()
        const whileStopping = (at: number) => at >= stoppingAt && at <= stoppedAt
        await stage.restart(2)
        await load.further(1)
        t.same(
          load.cut.filter(({ at }) => at > backAt && !whileStopping(at)),
          [],
          'a server restarted in order costs nobody an answer, but for what meets the closing of its connections'
        )
        await load.stop()
        t.comment(
          JSON.stringify({ ...load.done, cut: load.cut.length, redemptions: load.ledger.redemptions.length })
        )
        t.same(
          load.cut
            .filter(({ at }) => (at < killedAt || at > backAt) && !whileStopping(at))
            .map(({ job, why }) => `${job}: ${why}`),
          [],
          'jobs were cut short by its end alone'
        )
        t.same(
          load.ledger.unanswered.filter(
            ({ via, sentAt }) =>
              via === 'front' && (sentAt < killedAt - 5_000 || sentAt > goneAt) && !whileStopping(sentAt)
          ),
          [],
          'but for the moments in which one ends, the one address answers every request'
        )
      }
    )

    await t.test('whatever was tried, nothing happened that must not', async (t) => {
      const { violations, redemptions } = load.ledger
      t.same(violations, [], 'no answer that breaks a rule')
      for (const how of ['signed', 'refused'])
        t.ok(
          redemptions.some(({ outcome }) => outcome === how),
          how
        )
    })

    await t.test(
      'each occurrence was signed at most once, by the answers and by the database (I3)',
      async (t) => {
        const { redemptions, approved } = load.ledger
        const answered = new Map<string, number>()
        for (const { activationId, digests } of redemptions.filter(({ outcome }) => outcome === 'signed')) {
          for (const digest of digests) {
            const key = `${activationId} ${digest}`
            answered.set(key, (answered.get(key) ?? 0) + 1)
          }
        }
        const tooOften = [...answered].filter(([key, times]) => times > (approved.get(key) ?? 0))
        t.same(tooOften, [], 'by the answers')
        const { rows: doubles } = await sql.query(
          `select activation_id, position, count(*) from reservations, unnest(positions) position
          where outcome is distinct from 'refused' group by 1, 2 having count(*) > 1`
        )
        t.same(doubles, [], 'by the reservations')
        const { rows: mismatched } = await sql.query(
          `select a.id from activations a
           left join lateral (
             select count(*) as taken from reservations r, unnest(r.positions)
              where r.activation_id = a.id and r.outcome is distinct from 'refused') taken on true
          where bit_count(a.occurrences) <> taken.taken`
        )
        t.same(mismatched, [], 'and what activations have lost, reservations have')
      }
    )

    await t.test('a batch was taken whole or not at all (I4)', async (t) => {
      const { rows } = await sql.query(
        `select id from reservations where outcome = 'signed'
            and (cardinality(signatures) <> cardinality(positions) or array_position(signatures, null) is not null)`
      )
      t.same(rows, [])
      const partly = load.ledger.redemptions.filter(
        ({ outcome, signatures, digests }) => outcome === 'signed' && signatures.length !== digests.length
      )
      t.same(partly, [])
    })

    await t.test(
      'nothing was reserved unconfirmed, nor for a credential that had ended (I2, I7)',
      async (t) => {
        const { rows: unconfirmed } = await sql.query(
          `select r.id from reservations r left join confirmations c on c.activation_id = r.activation_id
          where c.token is null or c.confirmed_at > r.reserved_at`
        )
        t.same(unconfirmed, [], 'each has a confirmation that came before it')
        const late = []
        for (const { credentialID, from, to } of load.ledger.ends) {
          const { rows } = await sql.query(
            'select id from reservations where credential_id = $1 and reserved_at > $2 and reserved_at < $3',
            [credentialID, from, to]
          )
          late.push(...rows)
        }
        t.ok(load.ledger.ends.length > 0)
        t.same(late, [], 'nor after a suspension or revocation was answered')
      }
    )

    await t.test('every signature that was answered verifies, and is in the audit (I8)', async (t) => {
      const keys = new Map(
        await Promise.all(
          load.people.map(async ({ credentialID }) => {
            const certificate = await load.cast.portal.certificate(credentialID)
            return [credentialID, new X509Certificate(certificate).publicKey] as const
          })
        )
      )
      const { rows } = await sql.query<{ about: { activationId: string; digests: string[] } }>(
        `select about from audit_events where type = 'signature.made'`
      )
      const audited = new Set(
        rows.flatMap(({ about }) => about.digests.map((digest) => `${about.activationId} ${digest}`))
      )
      const wrong: string[] = []
      for (const { activationId, credentialID, digests, signatures } of load.ledger.redemptions) {
        const key = keys.get(credentialID)
        for (const [index, signature] of signatures.entries()) {
          const digest = digests[index] ?? ''
          const document = Buffer.from(load.ledger.documents.get(digest) ?? '')
          if (key === undefined || !verify('sha256', document, key, Buffer.from(signature, 'base64')))
            wrong.push(`${activationId} ${index} does not verify`)
          if (!audited.has(`${activationId} ${digest}`))
            wrong.push(`${activationId} ${index} is not in the audit`)
        }
      }
      t.same(wrong, [])
    })

    await t.test('what the dead server left open has ended as failed, with an event each (I3)', async (t) => {
      const { rows } = await sql.query<{ id: string; outcome: string; events: number }>(
        `select r.id, r.outcome, (select count(*)::integer from audit_events e
                  where e.type = 'reservation.failed' and e.about->>'reservationId' = r.id) as events
           from reservations r where r.server_id = $1 and r.outcome is distinct from 'signed'`,
        [dead]
      )
      t.ok(rows.length > 0, 'it had left something')
      t.same([...new Set(rows.map(({ outcome, events }) => `${outcome} ${events}`))], ['failed 1'])
      const { rows: recovered } = await sql.query(
        `select 1 from audit_events where type = 'server.recovered' and about->>'serverId' = $1`,
        [dead]
      )
      t.equal(recovered.length, 1)
    })

    await t.test('all stop in order, nothing stays open, and the audit is whole (I8)', async (t) => {
      t.same(await stage.stopServers(), [0, 0, 0])
      const { rows } = await sql.query(
        `select id from reservations where outcome is null union all select id from servers where stopped_at is null`
      )
      t.same(rows, [])
      for (const { dataDir } of members) {
        const { stdout } = await run(process.execPath, [
          auditVerify,
          ...['--database', stage.databaseUrl, '--data-dir', dataDir]
        ])
        t.match(stdout, /whole/)
        t.comment(stdout)
      }
    })
  }
)

/** Enrols with a wrong activation code, from an address of this machine. @returns The status. */
function tryCode(url: string, localAddress: string, forwarded?: string): Promise<number> {
  const body = JSON.stringify({
    activationCode: '0000000000000000',
    name: 'Đoán',
    platform: 'test',
    publicKey: new Device({ url, provider }).publicJwk
  })
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      ...(forwarded === undefined ? {} : { 'x-forwarded-for': forwarded })
    }
    const sent = request(
      `${url}/${provider}/phone/devices`,
      { method: 'POST', localAddress, headers, agent: false },
      (answer) => {
        answer.resume()
        answer.on('end', () => resolve(answer.statusCode ?? 0))
      }
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 600; turn += 1) {
    if (await holds()) return
    await sleep(50)
  }
  throw new Error('it does not come about')
}
