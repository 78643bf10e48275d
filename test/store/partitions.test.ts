import t from 'tap'
import { v7 } from 'uuid'
import { type StoredEvent, zeroHash } from '../../src/audit/chain.js'
import { createAuditStore } from '../../src/store/audit.js'
import type { Database, Statement } from '../../src/store/database.js'
import { type Months, openMonths } from '../../src/store/months.js'
import { listPartitions, makePartitions, partitionAt } from '../../src/store/partitions.js'
import { silent, startWorld } from '../audit/world.js'
import { person, steps, waiting } from './approvals.js'

const world = await startWorld(t)
const march = () => new Date(Date.UTC(2026, 2, 31, 23, 59))
const monthMs = 30 * 86_400_000

const rowsOf = async (database: Database, table: string) => {
  const { rows } = await database.query<{ tableoid: string; chain: string }>({
    text: `select tableoid::regclass::text as tableoid, chain from ${table} order by chain`
  })
  return rows.map(({ tableoid }) => tableoid)
}

/** The first event of a chain that began at a time. */
const eventAt = (time: Date): StoredEvent => ({
  chain: v7({ msecs: time.getTime() }),
  seq: 1,
  at: time.toISOString(),
  type: 'chain.started',
  actor: 'anyone',
  aboutCanonical: '{}',
  previousHash: zeroHash,
  hash: zeroHash
})

t.test('this month and the next two are made, once, by servers that start together', async (t) => {
  const name = await world.make()
  const databases = await Promise.all([1, 2, 3].map(() => world.open(t, name)))
  await Promise.all(databases.map((database) => openMonths({ database, now: march, log: silent })))
  const [database] = databases
  if (database === undefined) throw new Error('no database')
  t.same(
    (await listPartitions(database)).map((partition) => partition.name),
    ['activations', 'audit_events', 'confirmations', 'reservations'].flatMap((table) =>
      ['03', '04', '05'].map((month) => `${table}_2026_${month}`)
    )
  )
  t.same(await database.transaction((tx) => makePartitions(tx, march())), [])
})

t.test('a month begins and ends with its ids', async (t) => {
  const { from, to, name } = partitionAt('reservations', march())
  t.equal(name, 'reservations_2026_03')
  const at = (ms: number) => v7({ msecs: ms, random: Buffer.alloc(16) })
  const [begin, end] = [Date.UTC(2026, 2, 1), Date.UTC(2026, 3, 1)]
  t.ok(at(begin) >= from && at(begin - 1) < from)
  t.ok(at(end - 1) < to && at(end) >= to)
  t.equal(partitionAt('reservations', new Date(Date.UTC(2026, 11, 5)), 2).name, 'reservations_2027_02')
})

t.test('no row is refused because a clock is off, and it comes to its month when there is one', async (t) => {
  const database = await world.open(t, await world.make())
  const warnings: unknown[] = []
  const log = { ...silent, info() {}, warn: (about: unknown) => warnings.push(about) } as typeof silent
  let now = march()
  const months = await openMonths({ database, now: () => now, log })
  const later = new Date(now.getTime() + 24 * monthMs)
  const store = createAuditStore(database, months)
  t.ok(await store.append([eventAt(new Date(0))]))
  t.ok(await store.append([eventAt(now)]))
  t.ok(await store.append([eventAt(later)]))
  t.same(await rowsOf(database, 'audit_events'), [
    'audit_events_default',
    'audit_events_2026_03',
    'audit_events_default'
  ])
  await months.refresh()
  t.match(warnings, [{ tables: ['audit_events'] }])

  now = later
  await months.refresh()
  t.same(await rowsOf(database, 'audit_events'), [
    'audit_events_default',
    'audit_events_2026_03',
    'audit_events_2028_03'
  ])
  t.equal((await store.heads()).length, 3)
})

t.test('what became of a month that was dropped is looked for in the whole table', async (t) => {
  const name = await world.make()
  const database = await world.open(t, name)
  const months = await openMonths({ database, now: march, log: silent })
  const other = await openMonths({ database: await world.open(t, name), now: march, log: silent })
  const owner = await person(database)
  const activation = waiting(owner, 1, march())
  t.equal(await steps(database, owner, months).open(activation), 'opened')
  t.equal((await steps(database, owner, other).find(activation))?.id, activation.id)
  await database.query({ text: 'drop table activations_2026_03' })
  t.equal(await steps(database, owner, months).find(activation), null)
  t.equal(await steps(database, owner, other).find(activation), null)
})

t.test('of five years of months, a signature’s statements touch the present one alone', async (t) => {
  const database = await world.open(t, await world.make())
  let time = new Date(Date.UTC(2021, 4, 15))
  for (let quarter = 0; quarter < 20; quarter++) {
    await database.transaction((tx) => makePartitions(tx, time))
    time = new Date(time.getTime() + 3 * monthMs + 86_400_000)
  }
  const present = new Date(Date.UTC(2026, 2, 15))
  const months = await openMonths({ database, now: () => present, log: silent })
  t.ok((await listPartitions(database)).length >= 4 * 60)
  const owner = await person(database)
  const { sent, recorded } = recording(database)
  await onPath(t, recorded, owner, months, present)
  t.ok(sent.length >= 6)
  for (const { name = '', text, values } of sent) {
    const { rows } = await database.query<{ 'QUERY PLAN': object[] }>({
      text: `explain (format json) ${text}`,
      ...(values === undefined ? {} : { values })
    })
    const plan = JSON.stringify(rows[0]?.['QUERY PLAN'])
    const touched = [
      ...plan.matchAll(/"Relation Name":"((?:activations|confirmations|reservations|audit_events)\w*)"/g)
    ]
    t.ok(
      touched.length > 0 && touched.every(([, table]) => table?.endsWith('_2026_03')),
      `${name}: ${[...new Set(touched.map(([, table]) => table))]}`
    )
  }
})

async function onPath(
  t: { equal(a: unknown, b: unknown): boolean; ok(a: unknown): boolean },
  database: Database,
  owner: Awaited<ReturnType<typeof person>>,
  months: Months,
  at: Date
): Promise<void> {
  const { open, find, confirm, setSad, sign } = steps(database, owner, months, at)
  const activation = waiting(owner, 1, at)
  t.equal(await open(activation), 'opened')
  t.equal((await find(activation))?.id, activation.id)
  t.ok(await confirm(activation))
  t.ok(await setSad(activation))
  t.ok(await sign(activation))
  t.ok(await createAuditStore(database, months).append([eventAt(at)]))
}

/** What is sent about the partitioned tables. */
function recording(database: Database) {
  const sent: Statement[] = []
  const note = (statement: Statement) => {
    if (/activations|confirmations|reservations|audit_events/.test(statement.text)) sent.push(statement)
    return statement
  }
  const recorded: Database = {
    ...database,
    query: (statement) => database.query(note(statement)),
    transaction: (work) =>
      database.transaction((tx) => work({ ...tx, query: (statement) => tx.query(note(statement)) }))
  }
  return { sent, recorded }
}

t.test('events are listed along the index of their times, also when very many share one', async (t) => {
  const database = await world.open(t, await world.make())
  const months = await openMonths({ database, now: march, log: silent })
  const store = createAuditStore(database, months)
  const first = eventAt(march())
  const events = Array.from({ length: 1_500 }, (_, index) => ({ ...first, seq: index + 1 }))
  await store.append(events)
  await store.append([{ ...eventAt(march()), at: new Date(march().getTime() + 1).toISOString() }])
  const seen: number[] = []
  for (let cursor = null as Parameters<typeof store.list>[0]['cursor']; ; ) {
    const page = await store.list({ cursor, limit: 400 })
    seen.push(...page.map(({ seq }) => seq))
    const last = page.at(-1)
    if (last === undefined) break
    cursor = last
  }
  t.same(seen, [...events.map(({ seq }) => seq), 1])

  const another = eventAt(march()).chain
  await database.query({
    text: `insert into audit_events (chain, seq, at, type, actor, about, previous_hash, hash)
           select $1, n, $2::timestamptz + n * interval '1 second', 'client.authenticated', 'anyone', '{}', 'x', 'x'
             from generate_series(1, 20000) as n`,
    values: [another, march()]
  })
  await database.query({ text: 'analyze audit_events' })
  const { sent, recorded } = recording(database)
  const at = new Date(march().getTime() + 10_000_000).toISOString()
  await createAuditStore(recorded).list({ cursor: { at, chain: another, seq: 10_000 }, limit: 50 })
  t.equal(sent.length, 1)
  for (const { text, values = [] } of sent) {
    const { rows } = await database.query<{ 'QUERY PLAN': object[] }>({
      text: `explain (format json) ${text}`,
      values
    })
    t.match(JSON.stringify(rows[0]?.['QUERY PLAN']), /"Index Name":"audit_events_\w+_at_idx"/)
  }
})
