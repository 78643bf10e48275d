import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientConfig } from 'pg'
import pg from 'pg'
import { pino } from 'pino'
import tap from 'tap'
import { batched, gatheringFor } from '../../src/store/batch.js'
import { int4 } from '../../src/store/copy.js'
import type { Database } from '../../src/store/database.js'
import { startEmbeddedPostgres } from '../../src/store/embedded.js'
import { migrate } from '../../src/store/migrate.js'
import { openDatabase } from '../../src/store/open.js'

const log = pino({ level: 'silent' })
const now = () => new Date()

tap.test('the store on a PostgreSQL of its own', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'kyso-store-'))
  const postgres = await startEmbeddedPostgres({ dataDir: folder, log })
  t.teardown(async () => {
    await postgres.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const admin = new pg.Client(postgres.connection)
  admin.on('error', () => undefined)
  await admin.connect()
  let count = 0
  /** An empty database. */
  async function empty(): Promise<ClientConfig> {
    count += 1
    await admin.query(`create database case_${count}`)
    return { ...postgres.connection, database: `case_${count}` }
  }
  async function open(
    t: { teardown(work: () => Promise<void>): void },
    connection: ClientConfig
  ): Promise<Database> {
    const database = await openDatabase({ connection, log })
    t.teardown(() => database.close())
    return database
  }
  const scalar = async (database: Database, text: string) =>
    Object.values((await database.query({ text })).rows[0] ?? {})[0]
  /** Ends all connections to a database, as an administrator or a crash would. */
  const cutAll = (connection: ClientConfig) =>
    admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
      connection.database
    ])

  /** Ends the connections that copy rows. @returns How many there were. */
  const cutCopying = async (connection: ClientConfig) => {
    const { rowCount } = await admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and query like 'copy %' and state = 'active'`,
      [connection.database]
    )
    return rowCount
  }

  await t.test('rows with large values are copied whole, or not at all', async (t) => {
    const connection = await empty()
    const database = await open(t, connection)
    await database.query({ text: 'create table kept (name text, part integer primary key, octets bytea)' })
    const rowOf = (part: number, octets: Uint8Array) => [Buffer.from('tờ khai'), int4(part), octets]
    const copy = (...rows: Uint8Array[][]) =>
      database.transaction((tx) => tx.copyRows({ into: 'kept (name, part, octets)', rows }))
    const large = randomBytes(3 * 1024 * 1024 + 1)
    await copy(rowOf(1, large), rowOf(-2, new Uint8Array()))
    const { rows } = await database.query({ text: 'select * from kept order by part desc' })
    t.same(rows, [
      { name: 'tờ khai', part: 1, octets: large },
      { name: 'tờ khai', part: -2, octets: Buffer.alloc(0) }
    ])

    await t.rejects(copy(rowOf(3, large), rowOf(1, large)), /duplicate key/)
    await t.rejects(copy([Buffer.from('two are missing')]), /field count is 1/)
    t.equal(await scalar(database, 'select count(*)::integer from kept'), 2, 'nothing of what failed')

    const lost = copy(...Array.from({ length: 64 }, (_, part) => rowOf(10 + part, large)))
    const refused = t.rejects(lost, { code: 'database_unavailable' })
    while ((await cutCopying(connection)) === 0) await sleep(1)
    await refused
    t.equal(await scalar(database, 'select count(*)::integer from kept'), 2, 'nor of what was cut')
  })

  await t.test(
    'it is reached by a socket in the data folder alone, with a password, and keeps what it acknowledged',
    async (t) => {
      const { rows } = await admin.query(
        `select current_setting('listen_addresses') as addresses, current_setting('fsync') as fsync,
              current_setting('synchronous_commit') as commit, current_setting('server_encoding') as encoding,
              (select datlocale from pg_database where datname = 'kyso') as locale`
      )
      t.same(rows[0], { addresses: '', fsync: 'on', commit: 'on', encoding: 'UTF8', locale: 'C.UTF-8' })
      await t.rejects(new pg.Client({ ...postgres.connection, password: 'wrong' }).connect(), {
        code: '28P01'
      })
      const hba = readFileSync(join(folder, 'postgres', 'pg_hba.conf'), 'utf8')
      t.notMatch(hba, /^[a-z].*\b(trust|peer|md5)\b/m)
    }
  )

  await t.test('migrations are applied once, also by servers that start together', async (t) => {
    const connection = await empty()
    const applied = await Promise.all([1, 2, 3, 4].map(() => migrate({ connection, log, now })))
    t.equal(applied.filter((steps) => steps > 0).length, 1)
    t.equal(await migrate({ connection, log, now }), 0)
  })
  await t.test('a migration that fails half-way leaves nothing', async (t) => {
    const connection = await empty()
    const migrations = [
      { version: 1, name: 'a', sql: 'create table a (id text)' },
      { version: 2, name: 'b', sql: 'create table b (id text); select 1 / 0' }
    ]
    await t.rejects(migrate({ connection, log, now, migrations }), { code: '22012' })
    const database = await open(t, connection)
    t.equal(await scalar(database, `select count(*)::integer from pg_tables where schemaname = 'public'`), 0)
  })
  await t.test('a database of a newer or another build is refused', async (t) => {
    const connection = await empty()
    const one = { version: 1, name: 'a', sql: 'create table a (id text)' }
    const two = { version: 2, name: 'b', sql: 'create table b (id text)' }
    t.equal(await migrate({ connection, log, now, migrations: [one, two] }), 2)
    await t.rejects(migrate({ connection, log, now, migrations: [one] }), {
      name: 'StartError',
      message: /newer/
    })
    const edited = { ...one, sql: 'create table a (id integer)' }
    await t.rejects(migrate({ connection, log, now, migrations: [edited, two] }), {
      name: 'StartError',
      message: /another build/
    })
  })
  await t.test('a database that does not answer is an error with a name', async (t) => {
    const nowhere = { ...postgres.connection, port: 9 }
    await t.rejects(openDatabase({ connection: nowhere, log }), { code: 'database_unavailable' })
    await t.rejects(openDatabase({ connection: 'postgres://a:b@127.0.0.1:1/c', log }), {
      code: 'database_unavailable'
    })
    await t.rejects(migrate({ connection: nowhere, log, now }), {
      name: 'StartError',
      message: /cannot be used/
    })
  })

  await t.test('a transaction commits when its work returns and rolls back when it throws', async (t) => {
    const database = await open(t, await empty())
    await database.query({ text: 'create table t (id integer primary key)' })
    await database.transaction((tx) => tx.query({ text: 'insert into t values (1)' }))
    const work = database.transaction(async (tx) => {
      await tx.query({ text: 'insert into t values (2)' })
      throw new Error('changed my mind')
    })
    await t.rejects(work, { message: 'changed my mind' })
    await t.rejects(
      database.query({ text: 'insert into t values (1)' }),
      { code: '23505' },
      'an answer stays an answer'
    )
    const swallowed = database.transaction(async (tx) => {
      await tx.query({ text: 'insert into t values (3)' })
      await tx.query({ text: 'insert into t values (1)' }).catch(() => undefined)
    })
    await t.rejects(swallowed, /aborted/, 'what was rolled back is not taken for committed')
    t.equal(await scalar(database, 'select count(*)::integer from t'), 1)
  })

  await t.test('lost connections fail what runs on them, and nothing else', async (t) => {
    const connection = await empty()
    const database = await open(t, connection)
    const heard: (string | null)[] = []
    await database.listen('news', (payload) => heard.push(payload))
    await database.query({ text: `select pg_notify('news', 'one')` })
    const inFlight = t.rejects(database.query({ text: 'select pg_sleep(9)' }), {
      code: 'database_unavailable'
    })
    const inTransaction = t.rejects(
      database.transaction(async (tx) => {
        await tx.query({ text: 'select 1' })
        await sleep(200)
        await tx.query({ text: 'select 2' })
      }),
      { code: 'database_unavailable' }
    )
    await sleep(100)
    await cutAll(connection)
    await Promise.all([inFlight, inTransaction])
    t.equal(await scalar(database, 'select 7'), 7)
    await until(() => heard.includes(null))
    await database.query({ text: `select pg_notify('news', 'two')` })
    await until(() => heard.includes('two'))
    t.same(heard, ['one', null, 'two'])
  })
  await t.test('who stops listening hears no more', async (t) => {
    const database = await open(t, await empty())
    const heard: (string | null)[] = []
    const stop = await database.listen('news', (payload) => heard.push(payload))
    await database.listen('other', (payload) => heard.push(payload))
    stop()
    await database.query({ text: `select pg_notify('news', 'one')` })
    await database.query({ text: `select pg_notify('other', 'two')` })
    await until(() => heard.length > 0)
    t.same(heard, ['two'])
  })
  await t.test('one process holds a name, until its connection ends', async (t) => {
    const connection = await empty()
    const [one, two] = [await open(t, connection), await open(t, connection)]
    t.equal(await one.tryHold('phones'), true)
    t.equal(await one.tryHold('phones'), true, 'asking again changes nothing')
    t.equal(await two.tryHold('phones'), false)
    t.equal(await two.tryHold('chores'), true, 'names are apart')
    await one.close()
    await until(() => two.tryHold('phones'))
    const three = await open(t, connection)
    await cutAll(connection)
    await until(() => three.tryHold('phones'))
    t.equal(await two.tryHold('phones').catch(() => false), false)
  })
  await t.test('a server that is silent is found out', async (t) => {
    const connection = await empty()
    const database = await open(t, connection)
    await database.check()
    const { rows } = await admin.query<{ pid: number }>(
      'select pid from pg_stat_activity where datname = $1',
      [connection.database]
    )
    for (const { pid } of rows) process.kill(pid, 'SIGSTOP')
    await t.rejects(database.check(), { code: 'database_unavailable' })
    for (const { pid } of rows) process.kill(pid, 'SIGCONT')
    await database.check()
  })

  await t.test(
    'PostgreSQL killed while the server runs comes back with everything it acknowledged',
    async (t) => {
      const connection = await empty()
      const database = await open(t, connection)
      await database.query({ text: 'create table kept (id integer)' })
      await database.query({ text: 'insert into kept values (42)' })
      const pid = Number(readFileSync(join(folder, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0])
      process.kill(pid, 'SIGKILL')
      await until(() =>
        database.check().then(
          () => false,
          () => true
        )
      )
      await until(() =>
        database.check().then(
          () => true,
          () => false
        )
      )
      t.equal(await scalar(database, 'select id from kept'), 42)
    }
  )
  await admin.end().catch(() => undefined)
})

tap.test('calls that come together share a statement', async (t) => {
  const batches: number[][] = []
  const double = batched<number, number>(
    async (inputs) => {
      batches.push([...inputs])
      await sleep(5)
      if (inputs.includes(13)) throw new Error('unlucky')
      return inputs.map((input) => input * 2)
    },
    { limit: 3, lanes: 1 }
  )
  t.same(await Promise.all([1, 2, 3, 4, 5].map(double)), [2, 4, 6, 8, 10], 'each gets its own answer')
  t.same(
    batches,
    [
      [1, 2, 3],
      [4, 5]
    ],
    'no more than the limit at once'
  )
  t.equal(await double(6), 12)
  const [lucky, unlucky] = await Promise.allSettled([double(7), double(13)])
  t.same([lucky.status, unlucky.status], ['rejected', 'rejected'], 'a failed statement fails for all of it')
  t.equal(await double(8), 16, 'and only of it')
  const short = batched<number, number>(async () => [], { limit: 3, lanes: 1 })
  await t.rejects(short(1), RangeError)
})

tap.test('after a shared statement calls are gathered, and a lone call never waits', async (t) => {
  const batches: number[][] = []
  const asked = batched<number, number>(
    async (inputs) => {
      batches.push([...inputs])
      return inputs
    },
    { limit: 10, lanes: 1, gatherMs: () => 400 }
  )
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  await asked(1)
  await asked(2)
  await Promise.all([asked(3), asked(4)])
  const late = [asked(5)]
  for (let number = 6; number <= 8; number += 1) {
    await turn()
    late.push(asked(number))
  }
  await Promise.all(late)
  t.same(batches, [[1], [2], [3, 4], [5, 6, 7, 8]])
})

tap.test('the more the HSM has to do, the longer statements gather, within bounds', (t) => {
  let backlogMs = 0
  const gatherMs = gatheringFor(() => backlogMs)
  t.equal(gatherMs(), 12)
  backlogMs = 10
  t.equal(gatherMs(), 12)
  backlogMs = 50
  t.equal(gatherMs(), 30)
  backlogMs = 10_000
  t.equal(gatherMs(), 60)
  t.end()
})

tap.test(
  'a path too long for a socket gets a folder of its own elsewhere, which is taken away again',
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), `kyso-${'long-'.repeat(18)}`))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    const postgres = await startEmbeddedPostgres({ dataDir: folder, log })
    t.not(postgres.connection.host, folder)
    const database = await openDatabase({ connection: postgres.connection, log })
    killPostgres(folder)
    await until(() =>
      database.check().then(
        () => false,
        () => true
      )
    )
    await until(() =>
      database.check().then(
        () => true,
        () => false
      )
    )
    await database.close()
    t.equal(
      spawnSync('stat', ['-c', '%a', String(postgres.connection.host)], { encoding: 'utf8' }).stdout.trim(),
      '700'
    )
    await postgres.stop()
    t.equal(spawnSync('ls', [String(postgres.connection.host)]).status, 2)
  }
)

/** Waits until something holds; the test's own time limit ends it otherwise. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await Promise.resolve(holds()).catch(() => false))) await sleep(20)
}

function killPostgres(folder: string): void {
  const [pid] = readFileSync(join(folder, 'postgres', 'postmaster.pid'), 'utf8').split('\n')
  process.kill(Number(pid), 'SIGKILL')
}
