import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { fileURLToPath } from 'node:url'
import canonicalize from 'canonicalize'
import t from 'tap'
import { v7 } from 'uuid'
import type { AuditEvent } from '../../src/audit/audit.js'
import { eventHash } from '../../src/audit/chain.js'
import type { Checkpoint } from '../../src/audit/checkpoint.js'
import { needsEvidence } from '../../src/audit/evidence.js'
import type { AuditStore } from '../../src/audit/needs.js'
import { type AuditDeps, openAudit } from '../../src/audit/open.js'
import { verifyAudit } from '../../src/audit/verify.js'
import { createAuditStore } from '../../src/store/audit.js'
import { createDatabaseHistory } from '../../src/store/audit-history.js'
import { openCheckpointFile, readCheckpointFile } from '../../src/store/checkpoint-file.js'
import type { Database } from '../../src/store/database.js'
import { open } from '../hsm/world.js'
import { movableClock, opensslKey, silent, startWorld } from './world.js'

const world = await startWorld(t)
// Checkpoints are signed in SoftHSM; processes that are killed sign by a file, since the module is one process's.
const hsm = await open(t, join(world.folder, 'softhsm'), { workers: 1 })
const key = await hsm.tokenKey('audit', 'P-256')
const trustedSpki = [Buffer.from(key.spki).toString('base64')]
const event = (number: number): AuditEvent => ({
  type: 'client.authenticated',
  actor: 'anyone',
  about: { number }
})

async function start(database: Database, deps: Partial<AuditDeps> = {}) {
  const serverId = v7()
  const checkpoints: Checkpoint[] = []
  const audit = await openAudit({
    serverId,
    store: createAuditStore(database),
    checkpointKey: key,
    now: movableClock(),
    log: silent,
    appendCheckpoint: async (checkpoint) => void checkpoints.push(checkpoint),
    ...deps
  })
  return { serverId, audit, checkpoints }
}

const verified = (database: Database) =>
  verifyAudit({ source: createDatabaseHistory(database, needsEvidence), kept: null, trustedSpki })

const numbersOf = async (database: Database, chain: string) => {
  const { rows } = await database.query<{ number: number }>({
    text: `select (about->>'number')::integer as number from audit_events
            where chain = $1 and about ? 'number' order by seq`,
    values: [chain]
  })
  return rows.map(({ number }) => number)
}

t.test('200 concurrent calls keep their order in one linear chain', async (t) => {
  const database = await world.open(t, await world.make())
  let statements = 0
  const store = createAuditStore(database)
  const { audit, serverId } = await start(database, {
    store: {
      ...store,
      append(events) {
        statements += 1
        return store.append(events)
      }
    }
  })
  await Promise.all(
    Array.from({ length: 200 }, (_, number) => audit.record(event(2 * number), event(2 * number + 1)))
  )
  await audit.close()
  t.same(
    await numbersOf(database, serverId),
    Array.from({ length: 400 }, (_, number) => number)
  )
  t.ok(statements < 20, `many calls share a statement: ${statements} for 200`)
  t.match(await verified(database), { whole: true, chains: 1, events: 401, uncovered: 0 })
})

t.test('the hash is SHA-256 over RFC 8785 canonical JSON of the whole event', async (t) => {
  const database = await world.open(t, await world.make())
  const { audit, serverId } = await start(database)
  const about = { z: 1, a: ['"\\\u2028 Tờ khai €', 1e21, 0.1, null, { é: true, '\ue000': 1, '😀': 2 }] }
  await audit.record({ type: 'client.refused', actor: 'anyone "\n', about })
  await audit.close()
  const [first, second] = await createAuditStore(database).list({ cursor: null, limit: 10 })
  if (first === undefined || second === undefined) throw new Error('two events were recorded')
  const { hash, ...hashed } = second
  t.same(hashed.about, about)
  t.equal(
    hash,
    createHash('sha256')
      .update(canonicalize(hashed) ?? '')
      .digest('base64')
  )
  t.equal(second.previousHash, first.hash)
  t.match(first, { chain: serverId, seq: 1, type: 'chain.started', previousHash: `${'A'.repeat(43)}=` })
  const next = await createAuditStore(database).list({ cursor: first, limit: 10 })
  t.same(next, [second], 'a listing goes on behind the cursor')
})

t.test('what PostgreSQL cannot keep is recorded as U+FFFD, and what is too large fails alone', async (t) => {
  const database = await world.open(t, await world.make())
  const { audit } = await start(database)
  const [hostile, large, bystander] = await Promise.allSettled([
    audit.record({
      type: 'client.refused',
      actor: 'a\u0000b',
      about: { 'k\ud800': ['x\u0000', '\udfff\ud83d\ude00'] }
    }),
    audit.record({ type: 'client.refused', actor: 'anyone', about: { text: 'x'.repeat(1_048_577) } }),
    audit.record(event(1))
  ])
  t.equal(hostile.status, 'fulfilled')
  t.match(large, { status: 'rejected', reason: { name: 'RangeError' } })
  t.equal(bystander.status, 'fulfilled')
  await audit.close()
  const events = await createAuditStore(database).list({ cursor: null, limit: 10 })
  t.match(events[1], { actor: 'a\ufffdb', about: { 'k\ufffd': ['x\ufffd', '\ufffd😀'] } })
  t.match(await verified(database), { whole: true, events: 3 })
})

t.test('the time of a chain never goes back, whatever the clock does', async (t) => {
  const database = await world.open(t, await world.make())
  const now = movableClock()
  const { audit } = await start(database, { now })
  await audit.record(event(1))
  now.set(new Date(Date.UTC(2020, 0, 1)))
  await audit.record(event(2))
  await audit.close()
  const times = (await createAuditStore(database).list({ cursor: null, limit: 10 })).map(({ at }) => at)
  t.same(times, [...times].sort())
  t.equal((await verified(database)).whole, true)
})

t.test('the first event names the heads of all other chains', async (t) => {
  const database = await world.open(t, await world.make())
  const one = await start(database)
  await one.audit.record(event(1))
  const two = await start(database)
  const three = await start(database)
  for (const { audit } of [one, two, three]) await audit.close()
  const events = await createAuditStore(database).list({ cursor: null, limit: 10 })
  const first = events.find(({ chain, seq }) => chain === three.serverId && seq === 1)
  const head = (chain: string, seq: number) => ({
    chain,
    seq,
    hash: events.find((event) => event.chain === chain && event.seq === seq)?.hash
  })
  t.same(first?.about, { heads: [head(one.serverId, 2), head(two.serverId, 1)] })
})

t.test(
  'checkpoints of all heads are made by number, when asked if something happened, and at the end',
  async (t) => {
    const database = await world.open(t, await world.make())
    const one = await start(database, { checkpointEveryEvents: 10 })
    for (let number = 0; number < 25; number++) await one.audit.record(event(number))
    await one.audit.checkpoint()
    t.ok(one.checkpoints.length >= 2, 'every 10 events')
    const made = one.checkpoints.length
    await one.audit.checkpoint()
    t.equal(one.checkpoints.length, made, 'none when nothing happened')

    const two = await start(database)
    await two.audit.checkpoint()
    await two.audit.checkpoint()
    t.equal(two.checkpoints.length, 1, 'once')
    t.same(
      two.checkpoints[0]?.heads.map(({ chain, seq }) => [chain, seq]),
      [
        [one.serverId, 26],
        [two.serverId, 1]
      ]
    )
    await one.audit.record(event(99))
    await one.audit.close()
    await two.audit.close()
    t.match(one.checkpoints.at(-1)?.heads[0], { chain: one.serverId, seq: 27 })
    await t.rejects(one.audit.record(event(1)), { code: 'database_unavailable' })
    t.match(await verified(database), { whole: true, checkpoints: one.checkpoints.length + 1, uncovered: 0 })
  }
)

t.test('an insert that fails leaves the head where it was', async (t) => {
  const database = await world.open(t, await world.make())
  const store = createAuditStore(database)
  let broken = false
  const append: AuditStore['append'] = async (events) => {
    if (broken) throw new Error('the connection broke before the statement arrived')
    return store.append(events)
  }
  const { audit, serverId } = await start(database, { store: { ...store, append } })
  broken = true
  const lost = await Promise.allSettled([audit.record(event(1)), audit.record(event(2))])
  t.match(lost, [{ reason: { code: 'database_unavailable' } }, { reason: { code: 'database_unavailable' } }])
  broken = false
  await audit.record(event(3))
  await audit.close()
  t.same(await numbersOf(database, serverId), [3])
  t.match(await verified(database), { whole: true })
})

t.test('an insert whose commit nobody heard of is found and continued from', async (t) => {
  const database = await world.open(t, await world.make())
  const store = createAuditStore(database)
  let broken = false
  const append: AuditStore['append'] = async (events) => {
    const stored = await store.append(events)
    if (broken) throw new Error('the connection broke after the commit')
    return stored
  }
  const { audit, serverId } = await start(database, { store: { ...store, append } })
  broken = true
  await t.rejects(audit.record(event(1)), { code: 'database_unavailable' })
  broken = false
  await audit.record(event(2))
  await audit.close()
  t.same(await numbersOf(database, serverId), [1, 2])
  t.match(await verified(database), { whole: true })
})

t.test('an insert that commits late, behind the look at the head, is continued from too', async (t) => {
  const database = await world.open(t, await world.make())
  const store = createAuditStore(database)
  let late: Parameters<AuditStore['append']>[0] | null = null
  let delaying = false
  const append: AuditStore['append'] = async (events) => {
    if (delaying) {
      delaying = false
      late = events
      throw new Error('the connection broke; the statement still runs')
    }
    if (late !== null) await store.append(late)
    late = null
    return store.append(events)
  }
  const { audit, serverId } = await start(database, { store: { ...store, append } })
  delaying = true
  await t.rejects(audit.record(event(1)), { code: 'database_unavailable' })
  await audit.record(event(2))
  await audit.close()
  t.same(await numbersOf(database, serverId), [1, 2])
  t.match(await verified(database), { whole: true })
})

t.test(
  'a chain that somebody else wrote to is not continued, and one that was cut shows the gap',
  async (t) => {
    const database = await world.open(t, await world.make())
    const store = createAuditStore(database)
    let broken = false
    const append: AuditStore['append'] = (events) =>
      broken ? Promise.reject(new Error('broken')) : store.append(events)
    const { audit, serverId } = await start(database, { store: { ...store, append } })
    for (const number of [1, 2, 3]) await audit.record(event(number))
    await database.query({ text: 'delete from audit_events where seq > 2' })
    broken = true
    await t.rejects(audit.record(event(4)))
    broken = false
    await audit.record(event(5))
    t.match((await verified(database)).problems[0], { code: 'events-missing', chain: serverId, seq: 3 })

    const foreign = {
      chain: serverId,
      at: new Date().toISOString(),
      type: 'x',
      actor: 'x',
      aboutCanonical: '{}'
    }
    await store.append([
      { ...foreign, seq: 6, previousHash: 'AAAA', hash: randomBytes(32).toString('base64') }
    ])
    await t.rejects(audit.record(event(6)), { code: 'database_unavailable' })
    await t.rejects(audit.record(event(7)), { code: 'database_unavailable' })
    await audit.close()
  }
)

t.test('connections cut again and again lose nothing that was acknowledged', async (t) => {
  const name = await world.make()
  const database = await world.open(t, name)
  const attacker = await world.open(t, 'postgres')
  const { audit, serverId } = await start(database, { checkpointEveryEvents: 200 })
  const acknowledged: number[] = []
  let cutting = true
  const cutter = (async () => {
    while (cutting) {
      await attacker.query({
        text: `select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and query ~ 'audit_events'`,
        values: [name]
      })
      await new Promise((resolve) => setTimeout(resolve, 15))
    }
  })()
  for (let round = 0; round < 60; round++) {
    const numbers = Array.from({ length: 20 }, (_, index) => round * 20 + index)
    const results = await Promise.allSettled(numbers.map((number) => audit.record(event(number))))
    for (const [index, { status }] of results.entries()) {
      if (status === 'fulfilled') acknowledged.push(round * 20 + index)
    }
  }
  cutting = false
  await cutter
  await audit.record(event(10_000))
  await audit.close()
  const stored = await numbersOf(database, serverId)
  t.same(
    stored,
    [...stored].sort((a, b) => a - b),
    'in order, none twice'
  )
  t.same(
    acknowledged.filter((number) => !stored.includes(number)),
    []
  )
  t.match(await verified(database), { whole: true })
  t.comment(`${acknowledged.length} of 1200 acknowledged, ${stored.length - 1} stored`)
})

t.test('kill -9 in the middle of recording leaves a chain that verifies', async (t) => {
  const name = await world.make()
  const dataDir = join(world.folder, 'killed')
  mkdirSync(dataDir)
  const keyPath = join(world.folder, 'audit.pem')
  const checkpointKey = opensslKey(keyPath)
  const recorder = fileURLToPath(new URL('./recorder.js', import.meta.url))
  for (const enough of [60, 500]) {
    const child = spawn(
      process.execPath,
      [recorder, JSON.stringify(world.connection(name)), keyPath, dataDir],
      { stdio: ['ignore', 'pipe', 'inherit'] }
    )
    const gone = new Promise((resolve) => child.once('close', resolve))
    const acknowledged: number[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged.push(Number(line))
      if (acknowledged.length === enough) child.kill('SIGKILL')
    }
    await gone
    const database = await world.open(t, name)
    const { rows } = await database.query<{ chain: string }>({
      text: 'select max(chain) as chain from audit_events'
    })
    const stored = new Set(await numbersOf(database, rows[0]?.chain ?? ''))
    t.same(
      acknowledged.filter((number) => !stored.has(number)),
      [],
      `${acknowledged.length} acknowledged, ${stored.size} stored`
    )
  }
  const database = await world.open(t, name)
  const { audit } = await start(database)
  await audit.close()
  const source = createDatabaseHistory(database, needsEvidence)
  const bothKeys = [...trustedSpki, Buffer.from(checkpointKey.spki).toString('base64')]
  t.match(await verifyAudit({ source, kept: readCheckpointFile(dataDir), trustedSpki: bothKeys }), {
    whole: true,
    chains: 3,
    problems: []
  })
})

t.test('the checkpoint file drops a torn line, and refuses a key it does not know', async (t) => {
  const dataDir = join(world.folder, 'file')
  mkdirSync(dataDir)
  const database = await world.open(t, await world.make())
  const file = await openCheckpointFile({ dataDir, spki: key.spki })
  const { audit } = await start(database, { appendCheckpoint: file.append })
  await audit.checkpoint()
  await file.close()
  const path = join(dataDir, 'audit', 'checkpoints.jsonl')
  const line = readFileSync(path, 'utf8')
  const stored = []
  for await (const entry of createDatabaseHistory(database, needsEvidence).claims()) stored.push(entry)
  t.same(stored[0], { kind: 'checkpoint', checkpoint: JSON.parse(line) as Checkpoint })

  appendFileSync(path, line.slice(0, 100))
  const seen = []
  for await (const entry of readCheckpointFile(dataDir)) seen.push(entry.kind)
  t.same(seen, ['checkpoint'], 'a line in the making is not read')
  const again = await openCheckpointFile({ dataDir, spki: key.spki })
  await again.append(JSON.parse(line) as Checkpoint)
  await again.close()
  t.equal(readFileSync(path, 'utf8'), line + line)

  const other = opensslKey(join(world.folder, 'other.pem'))
  await t.rejects(openCheckpointFile({ dataDir, spki: other.spki }), {
    name: 'StartError',
    message: /BEGIN PUBLIC KEY/
  })
  await audit.close()
})

t.test('docs/audit.md shows how a hash is made, and the example is right', async (t) => {
  const text = readFileSync(new URL('../../../docs/audit.md', import.meta.url), 'utf8')
  const blocks = [...text.matchAll(/```(\w+)\n([\s\S]*?)\n```/g)].map(([, kind, body]) => ({
    kind,
    body: body ?? ''
  }))
  const example = JSON.parse(blocks.find(({ kind }) => kind === 'json')?.body ?? '') as Parameters<
    typeof eventHash
  >[0] & { about: object; hash: string }
  const { hash, ...hashed } = example
  const canonical = canonicalize(hashed) ?? ''
  t.equal(blocks.find(({ kind, body }) => kind === 'text' && body.startsWith('{"about"'))?.body, canonical)
  t.equal(hash, createHash('sha256').update(canonical).digest('base64'))
  t.equal(hash, eventHash({ ...hashed, aboutCanonical: canonicalize(hashed.about) ?? '' }))
})

t.test('a change and its events are one transaction, among whatever else is recorded', async (t) => {
  const database = await world.open(t, await world.make())
  const { audit, serverId } = await start(database)
  await database.query({ text: 'create table changes (number integer)' })
  const changed = (number: number, fails: boolean) =>
    audit.recordWith((record) =>
      database.transaction(async (tx) => {
        await tx.query({ text: 'insert into changes values ($1)', values: [number] })
        await record(tx, event(number))
        if (fails) throw new Error('rolled back')
      })
    )
  const work = Array.from({ length: 60 }, (_, number) =>
    number % 3 === 0
      ? audit.record(event(number))
      : changed(number, number % 3 === 2).catch((error: Error) => t.equal(error.message, 'rolled back'))
  )
  await Promise.all(work)
  await audit.recordWith(async () => 'nothing to change, nothing to record')
  await audit.close()

  const { rows: changes } = await database.query<{ number: number }>({
    text: 'select number from changes order by 1'
  })
  const { rows: heard } = await database.query<{ number: number }>({
    text: `select (about->>'number')::integer as number from audit_events where chain = $1 and seq > 1 order by 1`,
    values: [serverId]
  })
  const kept = Array.from({ length: 60 }, (_, number) => number)
  t.same(
    changes.map(({ number }) => number),
    kept.filter((number) => number % 3 === 1)
  )
  t.same(
    heard.map(({ number }) => number),
    kept.filter((number) => number % 3 !== 2),
    'what was rolled back was not heard of'
  )
  t.match(await verified(database), { whole: true })
})
