import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { v7 } from 'uuid'
import type { Audit, AuditEvent } from '../../src/audit/audit.js'
import { needsEvidence } from '../../src/audit/evidence.js'
import { openAudit } from '../../src/audit/open.js'
import { verifyAudit } from '../../src/audit/verify.js'
import { createRecovery } from '../../src/signing/recovery.js'
import { createAuditStore } from '../../src/store/audit.js'
import { createDatabaseHistory } from '../../src/store/audit-history.js'
import type { Database } from '../../src/store/database.js'
import { createReservationStore } from '../../src/store/reservations.js'
import { createServerStore } from '../../src/store/servers.js'
import { movableClock, opensslKey, silent, startWorld } from './world.js'

const world = await startWorld(t)
const keyPath = join(world.folder, 'audit.pem')
const key = opensslKey(keyPath)
const ending = 'the server stopped before it recorded how the signing ended'

/** A server process, as far as dying and recovering goes. Closing its database is its death. */
async function startServer(
  t: Parameters<typeof world.open>[0],
  name: string,
  oldestOpen: () => Date | null = () => null
) {
  const database = await world.open(t, name)
  const serverId = v7()
  const now = movableClock(Date.now())
  const opened = await openAudit({
    serverId,
    store: createAuditStore(database),
    checkpointKey: key,
    now,
    log: silent,
    appendCheckpoint: async () => {}
  })
  const servers = createServerStore(database)
  const recoveryBy = (audit: Pick<Audit, 'record'>) =>
    createRecovery({ servers, audit, now, serverId, oldestOpen })
  const recovery = recoveryBy(opened)
  await recovery.register()
  return { database, serverId, audit: opened, servers, recovery, recoveryBy }
}

/** Reserves for a server, as signing does before it asks the HSM. */
async function reserve(
  database: Database,
  serverId: string,
  count: number,
  ids: readonly string[] = Array.from({ length: count }, () => v7())
): Promise<string[]> {
  await database.query({
    text: `insert into reservations (id, activation_id, credential_id, credential_version, server_id, positions, scheme, reserved_at)
           select id, 'activation-' || id, 'credential', 1, $2, '{0,1}', 'ecdsa/SHA-256', now()
             from unnest($1::text[]) as u (id)`,
    values: [ids, serverId]
  })
  return [...ids]
}

const outcomes = async (database: Database) => {
  const { rows } = await database.query<{ outcome: string | null; detail: string | null; count: number }>({
    text: 'select outcome, detail, count(*)::integer as count from reservations group by 1, 2 order by 1, 2'
  })
  return rows
}

/** How often each reservation was told to have failed. */
const failures = async (database: Database) => {
  const { rows } = await database.query<{ id: string; count: number }>({
    text: `select about->>'reservationId' as id, count(*)::integer as count from audit_events
            where type = 'reservation.failed' group by 1 order by 1`
  })
  return rows
}

const once = (ids: readonly string[]) => [...ids].sort().map((id) => ({ id, count: 1 }))

const stopped = async (database: Database, serverId: string) => {
  const { rows } = await database.query<{ stopped: boolean }>({
    text: 'select stopped_at is not null as stopped from servers where id = $1',
    values: [serverId]
  })
  return rows[0]?.stopped
}

async function holds(t: Parameters<typeof world.open>[0], database: Database) {
  const trustedSpki = [Buffer.from(key.spki).toString('base64')]
  const report = await verifyAudit({
    source: createDatabaseHistory(database, needsEvidence),
    kept: null,
    trustedSpki
  })
  t.same(report.problems, [])
}

t.test('a dead server’s reservations end as failed, visibly, each with one event', async (t) => {
  const name = await world.make()
  const dead = await startServer(t, name)
  const ids = await reserve(dead.database, dead.serverId, 450)
  const living = await startServer(t, name)
  const others = await reserve(living.database, living.serverId, 3)
  t.same(
    await living.recovery.recoverDeadServers(),
    { self: 'kept', servers: [], reservations: 0 },
    'both live'
  )
  t.same(await failures(living.database), [])

  await dead.database.close()
  const [one, same] = await Promise.all([
    living.recovery.recoverDeadServers(),
    living.recovery.recoverDeadServers()
  ])
  t.equal(one, same, 'one run at a time')
  t.same(one, { self: 'kept', servers: [dead.serverId], reservations: 450 })
  t.same(await outcomes(living.database), [
    { outcome: 'failed', detail: ending, count: 450 },
    { outcome: null, detail: null, count: others.length }
  ])
  t.same(await failures(living.database), once(ids))
  t.equal(await stopped(living.database, dead.serverId), true)
  t.same(await living.recovery.recoverDeadServers(), { self: 'kept', servers: [], reservations: 0 })

  const events = await createAuditStore(living.database).list({ cursor: null, limit: 1_000 })
  t.match(
    events.find(({ type }) => type === 'reservation.failed'),
    {
      actor: `server:${living.serverId}`,
      about: { serverId: dead.serverId, positions: [0, 1], detail: ending }
    }
  )
  t.match(
    events.filter(({ type }) => type === 'server.recovered').map(({ about }) => about),
    [{ serverId: dead.serverId, reservationsFailed: 450 }]
  )
  await living.audit.close()
  await holds(t, living.database)
})

t.test('a server that stopped in order is not looked at any more', async (t) => {
  const name = await world.make()
  const first = await startServer(t, name)
  await first.recovery.unregister()
  t.equal(await stopped(first.database, first.serverId), true)
  await first.database.close()
  const second = await startServer(t, name)
  t.same(await second.recovery.recoverDeadServers(), { self: 'kept', servers: [], reservations: 0 })
})

t.test('one that stops in order with something unfinished leaves it to others', async (t) => {
  const name = await world.make()
  let oldest: Date | null = null
  const first = await startServer(t, name, () => oldest)
  const [id = ''] = await reserve(first.database, first.serverId, 1)
  oldest = new Date()
  await first.recovery.unregister()
  t.equal(await stopped(first.database, first.serverId), false)
  await first.database.close()
  const second = await startServer(t, name)
  t.match(await second.recovery.recoverDeadServers(), { servers: [first.serverId], reservations: 1 })
  t.same(await failures(second.database), once([id]))
})

t.test(
  'what a server left open is found however long ago it was made, and only that is looked for',
  async (t) => {
    const name = await world.make()
    const hourMs = 3_600_000
    const oldest: Date | null = new Date(Date.now() - 5 * hourMs)
    const first = await startServer(t, name, () => oldest)
    const old = v7({ msecs: oldest.getTime() })
    const settled = v7({ msecs: oldest.getTime() - hourMs })
    await reserve(first.database, first.serverId, 0, [old, settled])
    await first.recovery.recoverDeadServers()
    await first.database.close()
    const second = await startServer(t, name)
    t.match(await second.recovery.recoverDeadServers(), { servers: [first.serverId], reservations: 1 })
    t.same(await failures(second.database), once([old]))
  }
)

for (const [when, says] of [
  ['before', 'before the events'],
  ['after', 'between events and outcomes']
] as const) {
  t.test(`kill -9 of the recovering server ${says} neither loses nor doubles an event`, async (t) => {
    const name = await world.make()
    const dead = await startServer(t, name)
    const ids = await reserve(dead.database, dead.serverId, 250)
    await dead.database.close()
    const recoverer = fileURLToPath(new URL('./recoverer.js', import.meta.url))
    const args = [recoverer, JSON.stringify(world.connection(name)), keyPath, when]
    t.equal(spawnSync(process.execPath, args).signal, 'SIGKILL')

    const living = await startServer(t, name)
    t.equal((await failures(living.database)).length, when === 'before' ? 0 : 200)
    t.match(await outcomes(living.database), [{ outcome: null, count: 250 }])
    const { servers, reservations } = await recoverAll(living)
    t.equal(servers.length, 2, 'the server and the one that recovered it')
    t.equal(reservations, 250)
    t.same(await failures(living.database), once(ids))
    t.same(await outcomes(living.database), [{ outcome: 'failed', detail: ending, count: 250 }])
    await living.audit.close()
    await holds(t, living.database)
  })
}

/** PostgreSQL may take a moment to notice that a process is gone. */
async function recoverAll({ recovery }: Awaited<ReturnType<typeof startServer>>) {
  const servers: string[] = []
  let reservations = 0
  for (let attempt = 0; attempt < 100 && servers.length < 2; attempt++) {
    const recovered = await recovery.recoverDeadServers()
    servers.push(...recovered.servers)
    reservations += recovered.reservations
    if (servers.length < 2) await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return { servers, reservations }
}

t.test('an audit that fails, or is not sure, leaves the reservations to the next run', async (t) => {
  const name = await world.make()
  const dead = await startServer(t, name)
  const ids = await reserve(dead.database, dead.serverId, 3)
  await dead.database.close()
  const living = await startServer(t, name)
  let recorded = false
  const shaky = living.recoveryBy({
    async record(...events: readonly AuditEvent[]) {
      if (recorded) await living.audit.record(...events)
      throw new Error(recorded ? 'recorded, but nobody said so' : 'not recorded')
    }
  })
  await t.rejects(shaky.recoverDeadServers(), /not recorded/)
  t.match(await outcomes(living.database), [{ outcome: null, count: 3 }])
  recorded = true
  await t.rejects(shaky.recoverDeadServers(), /nobody said so/)
  t.match(await outcomes(living.database), [{ outcome: null, count: 3 }])
  t.match(await living.recovery.recoverDeadServers(), { servers: [dead.serverId], reservations: 3 })
  t.same(await failures(living.database), once(ids))
})

t.test('of several servers that find it dead, one recovers', async (t) => {
  const name = await world.make()
  const dead = await startServer(t, name)
  const ids = await reserve(dead.database, dead.serverId, 50)
  await dead.database.close()
  const living = [await startServer(t, name), await startServer(t, name), await startServer(t, name)]
  const runs = await Promise.all(living.map(({ recovery }) => recovery.recoverDeadServers()))
  t.equal(
    runs.reduce((sum, { reservations }) => sum + reservations, 0),
    50
  )
  const database = living[0]?.database ?? dead.database
  t.same(await failures(database), once(ids))
})

t.test('a server taken for dead cannot finish what was ended, and comes back', async (t) => {
  const name = await world.make()
  const away = await startServer(t, name)
  const [id = ''] = await reserve(away.database, away.serverId, 1)
  const living = await startServer(t, name)
  // The connections with the locks are cut; those for statements go on.
  const ofThisDatabase = `locktype = 'advisory' and database = (select oid from pg_database where datname = $1)`
  await living.database.query({
    text: `select pg_terminate_backend(pid, 5000) from pg_locks where ${ofThisDatabase}`,
    values: [name]
  })
  const locks = { text: `select 1 from pg_locks where ${ofThisDatabase}`, values: [name] }
  while ((await living.database.query(locks)).rows.length === 0) {
    await away.servers.keep(away.serverId, new Date()).catch(() => 'lost')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  t.match(
    await living.recovery.recoverDeadServers(),
    { servers: [], reservations: 0 },
    'alive again: hands off'
  )
  t.match(await outcomes(living.database), [{ outcome: null, count: 1 }])

  // Marked as stopped by another, it takes that back.
  await living.servers.markStopped(away.serverId, new Date())
  t.equal((await away.recovery.recoverDeadServers()).self, 'regained')
  t.equal(await stopped(living.database, away.serverId), false)

  // What another ended, it cannot finish.
  await living.database.query({
    text: `update reservations set outcome = 'failed' where id = $1`,
    values: [id]
  })
  const finished = await createReservationStore(away.database).finish({
    id,
    activationId: `activation-${id}`,
    outcome: 'signed',
    signatures: [],
    returned: null,
    detail: null,
    now: new Date()
  })
  t.equal(finished, false)
})

t.test('while a reservation is being ended, its server’s own finish waits, and is refused', async (t) => {
  const name = await world.make()
  const away = await startServer(t, name)
  const [id = ''] = await reserve(away.database, away.serverId, 1)
  const living = await startServer(t, name)
  // As a server whose lock was lost, but which goes on: its reservations name a process that nobody holds.
  await living.database.query({
    text: `insert into servers (id, started_at, settled_until) values ('gone', $1, $1)`,
    values: [new Date()]
  })
  await living.database.query({
    text: `update reservations set server_id = 'gone' where id = $1`,
    values: [id]
  })
  let finishing: Promise<boolean> | null = null
  const recovery = living.recoveryBy({
    async record(...events) {
      finishing ??= createReservationStore(away.database).finish({
        id,
        activationId: `activation-${id}`,
        outcome: 'signed',
        signatures: [],
        returned: null,
        detail: null,
        now: new Date()
      })
      await new Promise((resolve) => setTimeout(resolve, 50))
      await living.audit.record(...events)
    }
  })
  t.match(await recovery.recoverDeadServers(), { reservations: 1 })
  t.equal(await finishing, false)
  t.match(await outcomes(living.database), [{ outcome: 'failed', count: 1 }])
})
