import { cpSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { v7 } from 'uuid'
import { canonicalText, eventHash } from '../../src/audit/chain.js'
import { needsEvidence } from '../../src/audit/evidence.js'
import { openAudit } from '../../src/audit/open.js'
import type { AuditReport } from '../../src/audit/report.js'
import { createRetention } from '../../src/audit/retention.js'
import { type Retirement, signRetirement } from '../../src/audit/retirement.js'
import { verifyAudit } from '../../src/audit/verify.js'
import { createAuditStore } from '../../src/store/audit.js'
import { createDatabaseHistory } from '../../src/store/audit-history.js'
import { openCheckpointFile, readCheckpointFile } from '../../src/store/checkpoint-file.js'
import type { Database, Queryable, Transaction } from '../../src/store/database.js'
import { openMonths } from '../../src/store/months.js'
import { createRetentionStore } from '../../src/store/retention.js'
import { confirmAndSign, enrolPhone, type Phone } from '../audit/evidence.js'
import { movableClock, opensslKey, silent, startWorld } from '../audit/world.js'

const world = await startWorld(t)
const keyPath = join(world.folder, 'audit.pem')
const key = opensslKey(keyPath)
const trustedSpki = [Buffer.from(key.spki).toString('base64')]
const days = 30

/** The day on which each process of the history began; the last one lives. */
const starts = [Date.UTC(2026, 0, 5), Date.UTC(2026, 0, 20), Date.UTC(2026, 3, 10), Date.UTC(2026, 4, 3)]

interface Server {
  serverId: string
  audit: Awaited<ReturnType<typeof openAudit>>
  now: ReturnType<typeof movableClock>
}

/** A server process at a time, as far as its audit goes. */
async function start(database: Database, folder: string, at: number): Promise<Server> {
  const now = movableClock(at)
  const months = await openMonths({ database, now, log: silent })
  const serverId = v7({ msecs: at })
  const file = await openCheckpointFile({ dataDir: folder, spki: key.spki })
  const audit = await openAudit({
    serverId,
    store: createAuditStore(database, months),
    checkpointKey: key,
    now,
    log: silent,
    appendCheckpoint: file.append
  })
  await database.query({
    text: 'insert into servers (id, started_at, settled_until) values ($1, $2, $2)',
    values: [serverId, new Date(at)]
  })
  return { serverId, audit, now }
}

/**
 * Four processes: the phone is enrolled in the first one's chain, and confirms in all. The last one lives.
 * @returns The living one, and the chains in order.
 */
async function seed(
  database: Database,
  folder: string
): Promise<{ living: Server; chains: string[]; phone: Phone }> {
  const phone = await enrolPhone(database, 'viettel')
  const chains: string[] = []
  for (const at of starts) {
    const server = await start(database, folder, at)
    chains.push(server.serverId)
    if (at === starts[0]) await server.audit.record(phone.enrolled)
    for (let number = 0; number < 5; number++) {
      await server.audit.record({ type: 'client.authenticated', actor: 'anyone', about: { number } })
    }
    await server.audit.record(...(await confirmAndSign(database, phone, 2, server.now())))
    await server.audit.checkpoint()
    if (at === starts.at(-1)) return { living: server, chains, phone }
    await stop(database, server)
  }
  throw new Error('nobody lives')
}

/** Its job, by small steps. */
const retentionOf = (database: Database, { serverId, audit, now }: Server, limit: number | null = days) =>
  createRetention({
    store: createRetentionStore(database, 3),
    audit,
    checkpointKey: key,
    now,
    log: silent,
    serverId,
    days: limit,
    pause: async () => {}
  })

const verified = (database: Database, folder: string): Promise<AuditReport> =>
  verifyAudit({
    source: createDatabaseHistory(database, needsEvidence),
    kept: readCheckpointFile(folder),
    trustedSpki
  })

async function chainsIn(database: Database): Promise<string[]> {
  return (await createAuditStore(database).heads()).map(({ chain }) => chain).sort()
}

let folders = 0
async function history(t: Test) {
  folders += 1
  const folder = join(world.folder, `history-${folders}`)
  const name = await world.make()
  const database = await world.open(t, name)
  return { folder, name, database, ...(await seed(database, folder)) }
}

t.test('without a limit everything is kept', async (t) => {
  const { database, living } = await history(t)
  t.equal(await retentionOf(database, living, null)(), null)
  t.equal((await chainsIn(database)).length, 4)
})

t.test('what is older than the limit goes, and what is kept is whole', async (t) => {
  const { database, folder, living, chains, phone } = await history(t)
  const [first = '', second = '', third = '', last = ''] = chains
  t.match(await verified(database, folder), { whole: true, chains: 4, signatures: 4 })

  const months = (table: string) => ['01', '02', '03'].map((month) => `${table}_2026_${month}`)
  t.same(await retentionOf(database, living)(), {
    chains: [first, second],
    dropped: ['audit_events', 'activations', 'confirmations', 'reservations'].flatMap(months)
  })
  t.same(await chainsIn(database), [third, last])
  t.match(
    await verified(database, folder),
    { whole: true, chains: 2, signatures: 2, confirmations: 2, problems: [] },
    'and the enrolment of the phone is still told of'
  )
  t.match(
    (await retirements(database)).map(({ about }) => about),
    [
      { chain: first, seq: 9, devices: [{ deviceId: phone.id }] },
      { chain: second, seq: 8, devices: [] }
    ]
  )
  t.same(await retentionOf(database, living)(), { chains: [], dropped: [] }, 'nothing is left to do')

  await living.audit.checkpoint()
  living.now.set(new Date(Date.UTC(2026, 5, 20)))
  t.match(await retentionOf(database, living)(), { chains: [third] })
  t.same(await chainsIn(database), [last], 'a chain lives as long as its process')
  t.match(await verified(database, folder), { whole: true, chains: 1, signatures: 1, problems: [] })

  // The living one ends, and with it who told of all the others.
  await stop(database, living)
  const next = await start(database, folder, Date.UTC(2026, 7, 1))
  await next.audit.record(...(await confirmAndSign(database, phone, 1, next.now())))
  await next.audit.checkpoint()
  t.match(await retentionOf(database, next)(), { chains: [last] })
  t.match(await verified(database, folder), { whole: true, chains: 1, signatures: 1, problems: [] })
})

t.test('another server does it: this one does nothing', async (t) => {
  const { database, name, living } = await history(t)
  const other = await world.open(t, name)
  t.ok(await createRetentionStore(other).tryHold())
  t.equal(await retentionOf(database, living)(), null)
})

t.test(
  'killed between any two steps, the audit is whole, and the next server ends what was begun',
  async (t) => {
    const { database: made, name: template, folder } = await history(t)
    await made.close()
    // One by one while chains go; the months of evidence are much the same.
    for (let steps = 0; ; steps += steps < 28 ? 1 : 9) {
      const name = await world.make(template)
      const keptIn = `${folder}-${steps}`
      cpSync(folder, keptIn, { recursive: true })
      const database = await world.open(t, name)
      const mortal = dying(database)
      const server = await start(mortal.database, keptIn, Date.UTC(2026, 4, 4))
      await server.audit.checkpoint()
      mortal.dieAfter(steps)
      const ended = await retentionOf(mortal.database, server)().then(
        () => true,
        () => false
      )
      await database.close()

      const after = await world.open(t, name)
      t.same((await verified(after, keptIn)).problems, [], `whole after ${steps} statements`)
      const next = await start(after, keptIn, Date.UTC(2026, 4, 5))
      await next.audit.checkpoint()
      await retentionOf(after, next)()
      await next.audit.checkpoint()
      t.match(await verified(after, keptIn), { problems: [], signatures: 2 }, 'and after the next run')
      t.equal((await retirements(after)).length, 2, 'each retirement is told of once')
      const { rows } = await after.query({ text: `select 1 from retired_chains` })
      t.equal(rows.length, 0)
      await after.close()
      if (ended) break
    }
  }
)

t.test('a chain that somebody changed is not retired', async (t) => {
  const { database, living, chains, folder } = await history(t)
  const [first = '', second = ''] = chains
  await database.query({
    text: `update audit_events set about = '{"number": 7}' where chain = $1 and seq = 4`,
    values: [first]
  })
  t.match(await retentionOf(database, living)(), { chains: [second] })
  t.match((await verified(database, folder)).problems, [{ code: 'event-changed', chain: first, seq: 4 }])
})

t.test('who can write SQL cannot retire a chain:', async (t) => {
  const { database: made, name: template, folder, chains } = await history(t)
  await made.close()
  const [first = '', second = '', third = ''] = chains
  const removed = `delete from audit_events where chain = '${third}'`
  const cases: [string, (database: Database) => Promise<unknown>, string[]][] = [
    ['by removing it', (database) => database.query({ text: removed }), ['chain-missing']],
    [
      'by removing its beginning',
      (database) => database.query({ text: `${removed} and seq < 4` }),
      ['events-missing']
    ],
    [
      'by noting it as retired',
      async (database) => {
        await database.query({ text: removed })
        await database.query({
          text: `insert into retired_chains (chain, seq, hash) values ('${third}', 8, 'x')`
        })
      },
      ['chain-missing']
    ],
    [
      'by an event with a right hash behind a chain whose server is gone',
      async (database) => {
        const head = await createAuditStore(database).head(third)
        if (head === null) throw new Error('no head')
        await forge(database, second, { ...head, earlier: [], devices: [] })
        await database.query({ text: removed })
      },
      ['retirement-wrong', 'chain-missing']
    ]
  ]
  for (const [how, work, finds] of cases) {
    await t.test(how, async (t) => {
      const database = await world.open(t, await world.make(template))
      await work(database)
      const { problems } = await verified(database, folder)
      t.same(
        problems.map(({ code }) => code),
        finds
      )
      await database.close()
    })
  }
  t.ok(first)
})

/** Adds a `chain.retired` to the end of a chain, signed by a key of the attacker's that is called the right one. */
async function forge(database: Database, chain: string, retirement: Retirement): Promise<void> {
  const forger = opensslKey(join(world.folder, 'forger.pem'))
  const [signed] = await signRetirement(forger, retirement)
  const about = { ...signed, spki: trustedSpki[0] ?? '' }
  const head = await createAuditStore(database).head(chain)
  const unhashed = {
    chain,
    seq: (head?.seq ?? 0) + 1,
    at: '2026-01-21T00:00:00.000Z',
    type: 'chain.retired',
    actor: `server:${chain}`,
    aboutCanonical: canonicalText(about),
    previousHash: head?.hash ?? ''
  }
  await createAuditStore(database).append([{ ...unhashed, hash: eventHash(unhashed) }])
}

const retirements = async (database: Database) => {
  const { rows } = await database.query<{ about: Record<string, unknown> }>({
    text: `select about from audit_events where type = 'chain.retired' order by chain, seq`
  })
  return rows
}

async function stop(database: Database, { serverId, audit, now }: Server): Promise<void> {
  await audit.close()
  await database.query({
    text: 'update servers set stopped_at = $2 where id = $1',
    values: [serverId, now()]
  })
}

/** A database that answers no more after so many statements, as for a process that was killed. */
function dying(database: Database) {
  let left = Number.POSITIVE_INFINITY
  const mortal = (on: Queryable): Queryable => ({
    query(statement) {
      left -= 1
      return left < 0 ? Promise.reject(new Error('killed')) : on.query(statement)
    }
  })
  return {
    database: {
      ...database,
      ...mortal(database),
      transaction: <T>(work: (tx: Transaction) => Promise<T>) =>
        database.transaction((tx) => work({ ...tx, ...mortal(tx) }))
    },
    dieAfter(statements: number) {
      left = statements
    }
  }
}
