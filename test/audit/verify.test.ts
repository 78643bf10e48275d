import { execFileSync, spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { v7 } from 'uuid'
import { type ChainEvent, canonicalText, eventHash } from '../../src/audit/chain.js'
import { checkpointBytes, signCheckpoint } from '../../src/audit/checkpoint.js'
import { needsEvidence } from '../../src/audit/evidence.js'
import { openAudit } from '../../src/audit/open.js'
import type { AuditReport, ProblemCode } from '../../src/audit/report.js'
import { verifyAudit } from '../../src/audit/verify.js'
import { auditVerify } from '../../src/commands/verification.js'
import { createAuditStore } from '../../src/store/audit.js'
import { createDatabaseHistory } from '../../src/store/audit-history.js'
import { openCheckpointFile, readCheckpointFile } from '../../src/store/checkpoint-file.js'
import type { Database } from '../../src/store/database.js'
import { openDatabase } from '../../src/store/open.js'
import { confirmAndSign, enrolPhone, replaceDeviceKey } from './evidence.js'
import { movableClock, opensslKey, silent, startWorld } from './world.js'

const world = await startWorld(t)
const key = opensslKey(join(world.folder, 'audit.pem'))
const trustedSpki = [Buffer.from(key.spki).toString('base64')]
// The embedded database's own data folder, so that the command finds both.
const dataDir = world.folder
const template = await world.make()
const [ended = '', running = '', newest = ''] = await seed(template)

/** Three processes, one after the other; 5 confirmations and signatures, and what else happens. */
async function seed(name: string): Promise<string[]> {
  const database = await openDatabase({ connection: world.connection(name), log: silent })
  const file = await openCheckpointFile({ dataDir, spki: key.spki })
  const phone = await enrolPhone(database, 'viettel')
  const now = movableClock()
  const chains = []
  for (const signatures of [2, 3, 0]) {
    const serverId = v7()
    const audit = await openAudit({
      serverId,
      store: createAuditStore(database),
      checkpointKey: key,
      now,
      log: silent,
      appendCheckpoint: file.append
    })
    for (let number = 0; number < 4; number++) {
      await audit.record({ type: 'client.authenticated', actor: 'anyone', about: { number } })
    }
    for (let number = 0; number < signatures; number++) {
      await audit.record(...(await confirmAndSign(database, phone, number + 1)))
      if (number === 1) await audit.checkpoint()
    }
    // In a chain that is read behind those that need it.
    if (signatures === 0) await audit.record(phone.enrolled)
    await audit.close()
    chains.push(serverId)
  }
  await file.close()
  await database.close()
  return chains
}

async function verified(database: Database, kept: string | null = dataDir): Promise<AuditReport> {
  const source = createDatabaseHistory(database, needsEvidence)
  return verifyAudit({ source, kept: kept === null ? null : readCheckpointFile(kept), trustedSpki })
}

/** What is told, as `code chain-number seq`. */
const told = ({ problems }: AuditReport) =>
  problems.map(({ code, chain, seq }) => {
    const number = chain === null ? '-' : [ended, running, newest].indexOf(chain) + 1
    return `${code} ${number} ${seq ?? '-'}`
  })

const eventAt = async (database: Database, chain: string, seq: number): Promise<ChainEvent> => {
  const events = await createAuditStore(database).list({ cursor: null, limit: 1_000 })
  const found = events.find((event) => event.chain === chain && event.seq === seq)
  if (found === undefined) throw new Error(`no ${chain} ${seq}`)
  return found
}

t.test('an untouched audit is whole, and everything in it was looked at', async (t) => {
  const database = await world.open(t, template)
  t.same(await verified(database), {
    whole: true,
    chains: 3,
    events: 26,
    checkpoints: 4,
    keptCheckpoints: 4,
    signatures: 5,
    confirmations: 5,
    uncovered: 0,
    problems: [],
    problemsFound: 0
  })
  await database.close()
})

t.test('openssl agrees that checkpoints are signed', async (t) => {
  const database = await world.open(t, await world.make(template))
  for await (const entry of createDatabaseHistory(database, needsEvidence).claims()) {
    if (entry.kind !== 'checkpoint') continue
    const path = join(world.folder, 'judge')
    writeFileSync(`${path}.bytes`, checkpointBytes(entry.checkpoint))
    writeFileSync(`${path}.sig`, Buffer.from(entry.checkpoint.signature, 'base64'))
    const pem = join(dataDir, 'audit', 'public-key.pem')
    const args = ['dgst', '-sha256', '-verify', pem, '-signature', `${path}.sig`, `${path}.bytes`]
    t.match(execFileSync('openssl', args, { encoding: 'utf8' }), /Verified OK/)
  }
})

interface Tampering {
  name: string
  /** With SQL alone, but for what needs hashes computed. */
  sql?: string
  work?: (database: Database) => Promise<void>
  /** The problems, exactly, as `told` writes them. */
  finds: string[]
}

const of = (chain: string, seq: number) => `where chain = '${chain}' and seq = ${seq}`

const tamperings: Tampering[] = [
  {
    name: 'a changed `about`',
    sql: `update audit_events set about = about || '{"number": 7}' ${of(ended, 3)}`,
    finds: ['event-changed 1 3']
  },
  {
    name: 'an `about` that is no object any more',
    sql: `update audit_events set about = 'null' where type = 'signature.made' and chain = '${ended}' and seq = 7`,
    finds: ['event-changed 1 7', 'confirmation-wrong 1 7']
  },
  {
    name: 'an `about` with a number beyond all doubles',
    sql: `update audit_events set about = '{"number": 1e400}' ${of(ended, 3)}`,
    finds: ['event-changed 1 3']
  },
  {
    name: 'a changed `at`, by a microsecond',
    sql: `update audit_events set at = at + interval '1 microsecond' ${of(ended, 3)}`,
    finds: ['event-changed 1 3']
  },
  {
    name: 'an `at` at the end of time',
    sql: `update audit_events set at = 'infinity' ${of(newest, 5)}`,
    finds: ['event-changed 3 5']
  },
  {
    name: 'an `at` before Christ',
    sql: `update audit_events set at = (to_char(at, 'YYYY-MM-DD HH24:MI:SS.MS') || ' BC')::timestamptz ${of(ended, 3)}`,
    finds: ['event-changed 1 3']
  },
  {
    name: 'a changed actor',
    sql: `update audit_events set actor = 'operator:x' ${of(running, 2)}`,
    finds: ['event-changed 2 2']
  },
  {
    name: 'a changed type',
    sql: `update audit_events set type = 'client.refused' ${of(running, 2)}`,
    finds: ['event-changed 2 2']
  },
  {
    name: 'two events swapped',
    sql: `update audit_events set seq = -3 ${of(ended, 3)};
          update audit_events set seq = 3 ${of(ended, 4)};
          update audit_events set seq = 4 ${of(ended, -3)}`,
    finds: ['event-changed 1 3', 'link-wrong 1 3', 'event-changed 1 4', 'link-wrong 1 4', 'link-wrong 1 5']
  },
  {
    name: 'an event removed',
    sql: `delete from audit_events ${of(ended, 3)}`,
    finds: ['events-missing 1 3']
  },
  {
    name: 'an event removed and the rest moved up',
    sql: `delete from audit_events ${of(newest, 3)};
          update audit_events set seq = seq - 1 where chain = '${newest}' and seq > 3`,
    finds: [
      'event-changed 3 3',
      'link-wrong 3 3',
      'event-changed 3 4',
      'event-changed 3 5',
      'tail-cut 3 5',
      'tail-cut 3 5',
      'device-wrong 1 6'
    ]
  },
  {
    name: 'the first event removed',
    sql: `delete from audit_events ${of(running, 1)}`,
    finds: ['events-missing 2 1']
  },
  {
    name: 'the tail cut off',
    sql: `delete from audit_events where chain = '${running}' and seq >= 10`,
    finds: ['tail-cut 2 9', 'tail-cut 2 9', 'tail-cut 2 9']
  },
  {
    name: 'an ended chain removed',
    sql: `delete from audit_events where chain = '${ended}'`,
    finds: ['chain-missing 1 -']
  },
  {
    name: 'the newest chain removed',
    sql: `delete from audit_events where chain = '${newest}'`,
    finds: ['device-wrong 1 6', 'chain-missing 3 -']
  },
  {
    name: 'the newest chain removed with its checkpoints',
    sql: `delete from audit_checkpoints where heads::text like '%${newest}%';
          delete from audit_events where chain = '${newest}'`,
    finds: ['checkpoint-removed - -', 'device-wrong 1 6', 'chain-missing 3 -']
  },
  {
    name: 'everything removed',
    sql: 'truncate audit_events, audit_checkpoints',
    finds: [
      ...Array.from({ length: 4 }, () => 'checkpoint-removed - -'),
      'chain-missing 1 -',
      'chain-missing 2 -',
      'chain-missing 3 -'
    ]
  },
  {
    name: 'a tail rewritten with right hashes and links',
    work: (database) => rewrite(database, running, 4),
    finds: ['head-differs 2 11', 'head-differs 2 11', 'head-differs 2 11']
  },
  {
    name: 'an event put into a chain’s middle with a right hash',
    work: async (database) => {
      const event = await eventAt(database, ended, 3)
      const changed = { ...event, actor: 'server:x' }
      const hash = eventHash({ ...changed, aboutCanonical: canonicalText(changed.about) })
      await database.query({
        text: `update audit_events set actor = 'server:x', hash = decode($1, 'base64') ${of(ended, 3)}`,
        values: [hash]
      })
    },
    finds: ['link-wrong 1 4']
  },
  {
    name: 'a checkpoint removed',
    sql: 'delete from audit_checkpoints where id = (select max(id) from audit_checkpoints)',
    finds: ['checkpoint-removed - -']
  },
  {
    name: 'a checkpoint changed',
    sql: `update audit_checkpoints set heads = jsonb_set(heads, '{0,seq}', '2')
           where id = (select min(id) from audit_checkpoints)`,
    finds: ['checkpoint-changed - -', 'checkpoint-signature-wrong - -']
  },
  {
    name: 'a checkpoint that is not one',
    sql: `update audit_checkpoints set heads = '{"chain": 1}' where id = (select min(id) from audit_checkpoints)`,
    finds: ['unreadable - -', 'checkpoint-removed - -']
  },
  {
    name: 'a forged checkpoint by another key',
    work: async (database) => {
      const forger = opensslKey(join(world.folder, 'forger.pem'))
      const heads = [{ chain: ended, seq: 1, hash: (await eventAt(database, ended, 1)).hash }]
      const forged = await signCheckpoint(forger, { id: v7(), at: '2026-01-05T09:00:00.000Z', heads })
      await createAuditStore(database).addCheckpoint(forged)
    },
    finds: ['checkpoint-key-unknown - -']
  },
  {
    name: 'a forged checkpoint that claims the right key',
    work: async (database) => {
      const forger = opensslKey(join(world.folder, 'forger.pem'))
      const heads = [{ chain: ended, seq: 1, hash: (await eventAt(database, ended, 1)).hash }]
      const forged = await signCheckpoint(forger, { id: v7(), at: '2026-01-05T09:00:00.000Z', heads })
      await createAuditStore(database).addCheckpoint({ ...forged, spki: trustedSpki[0] ?? '' })
    },
    finds: ['checkpoint-signature-wrong - -']
  },
  {
    name: 'a confirmation removed',
    sql: `delete from confirmations where activation_id = (${activationOf(ended)})`,
    finds: ['confirmation-wrong 1 6', 'confirmation-wrong 1 7']
  },
  {
    name: 'an activation with another digest',
    sql: `update activations set digests = sha256('other') where id = (${activationOf(ended)})`,
    finds: ['confirmation-wrong 1 6', 'confirmation-wrong 1 7']
  },
  {
    name: 'an activation that shows another relying party',
    sql: `update activations set relying_party_name = 'Ngân hàng' where id = (${activationOf(ended)})`,
    finds: ['confirmation-wrong 1 6', 'confirmation-wrong 1 7']
  },
  {
    name: 'an activation for another credential',
    sql: `update activations set credential_id = 'other' where id = (${activationOf(ended)})`,
    finds: ['confirmation-wrong 1 6', 'confirmation-wrong 1 7']
  },
  {
    name: 'a token put behind another activation',
    sql: `update confirmations set token = (select max(token) from confirmations)
           where activation_id = (${activationOf(ended)})`,
    finds: ['confirmation-wrong 1 6', 'confirmation-wrong 1 7']
  },
  {
    name: 'a device that became another person’s',
    work: async (database) => {
      const other = await enrolPhone(database, 'viettel')
      await database.query({
        text: `update devices set subscriber_id = $1 where id = (select max(device_id) from confirmations)`,
        values: [other.subscriberId]
      })
    },
    finds: [6, 7, 8, 9]
      .map((seq) => `confirmation-wrong 1 ${seq}`)
      .concat([6, 7, 8, 9, 10, 11].map((seq) => `confirmation-wrong 2 ${seq}`))
  },
  {
    name: 'a device with another public key, and tokens by it that agree with everything',
    work: replaceDeviceKey,
    finds: ['device-wrong 1 6']
  },
  {
    name: 'the enrolment of a device told of another key',
    sql: `update audit_events set about = about || '{"spki": "AAAA"}' where type = 'device.enrolled'`,
    finds: ['event-changed 3 6', 'device-wrong 1 6']
  },
  {
    name: 'a device with another public key',
    work: async (database) => {
      const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      await database.query({
        text: 'update devices set spki = $1 where id = (select max(device_id) from confirmations)',
        values: [publicKey.export({ format: 'der', type: 'spki' })]
      })
    },
    finds: [6, 7, 8, 9]
      .map((seq) => `confirmation-wrong 1 ${seq}`)
      .concat([6, 7, 8, 9, 10, 11].map((seq) => `confirmation-wrong 2 ${seq}`))
  }
]

function activationOf(chain: string): string {
  return `select about->>'activationId' from audit_events where chain = '${chain}' and seq = 6`
}

/** An attacker who can compute: from `seq` on, every event anew. */
async function rewrite(database: Database, chain: string, seq: number): Promise<void> {
  const events = (await createAuditStore(database).list({ cursor: null, limit: 1_000 })).filter(
    (event) => event.chain === chain
  )
  let previousHash = events[seq - 2]?.hash ?? ''
  const rewritten = events.slice(seq - 1).map((event) => {
    const changed = { ...event, previousHash, ...(event.seq === seq ? { actor: 'server:x' } : {}) }
    const aboutCanonical = canonicalText(changed.about)
    previousHash = eventHash({ ...changed, aboutCanonical })
    return { ...changed, aboutCanonical, hash: previousHash }
  })
  await database.query({
    text: 'delete from audit_events where chain = $1 and seq >= $2',
    values: [chain, seq]
  })
  await createAuditStore(database).append(rewritten)
}

t.test('with SQL alone, nothing can be changed unnoticed:', async (t) => {
  for (const { name, sql, work, finds } of tamperings) {
    await t.test(name, async (t) => {
      const database = await world.open(t, await world.make(template))
      for (const text of sql?.split(';') ?? []) await database.query({ text })
      await work?.(database)
      const report = await verified(database)
      t.same(told(report), finds)
      t.equal(report.whole, false)
      await database.close()
    })
  }
})

t.test(
  'a checkpoint removed from database and data folder is missed no more than its successor allows',
  async (t) => {
    const database = await world.open(t, await world.make(template))
    await database.query({
      text: 'delete from audit_checkpoints where id = (select min(id) from audit_checkpoints)'
    })
    t.equal((await verified(database, null)).whole, true, 'later ones say the same')
    await database.query({ text: `delete from audit_events where chain = '${ended}' and seq >= 9` })
    t.same(told(await verified(database, null)), ['tail-cut 1 8', 'tail-cut 1 8'])
  }
)

t.test('an export verifies as its database does, and shows what is done to it', async (t) => {
  const name = await world.make(template)
  const { host, port, user, password } = world.connection(name)
  const url = `postgres://${user}:${String(password)}@localhost:${port}/${name}?host=${encodeURIComponent(String(host))}`
  const path = join(world.folder, 'audit.jsonl')
  const publicKey = join(dataDir, 'audit', 'public-key.pem')
  async function run(...args: string[]) {
    const out: string[] = []
    const err: string[] = []
    const code = await auditVerify(args, { out: (line) => out.push(line), err: (line) => err.push(line) })
    return { code, out: out.join('\n'), err: err.join('\n') }
  }

  t.match(await run('--database', url, '--write-export', path), { code: 0, out: /26 events, 4 checkpoints/ })
  t.match(await run('--database', url, '--write-export', path), { code: 2, err: /EEXIST/ })
  t.match(await run('--export', path, '--public-key', publicKey), {
    code: 0,
    out: /3 chains, 26 events.*5 signatures and 5 confirmations[\s\S]*whole/,
    err: /No data folder was given/
  })
  t.match(await run('--export', path, '--data-dir', dataDir), {
    code: 0,
    out: /4 in the data folder/,
    err: ''
  })
  t.match(await run('--database', url, '--data-dir', dataDir, '--json'), { code: 0, out: /"whole": true/ })
  t.match(await run('--export', path), { code: 2, err: /--public-key/ })
  t.match(await run('--export', path, '--public-key', path), { code: 2, err: /no public key/ })
  t.match(await run('--export', `${path}.gone`, '--public-key', publicKey), {
    code: 2,
    err: /There is no file/
  })
  t.match(await run('--colour'), { code: 2, err: /--colour/ })
  t.match(await run('--help'), { code: 0, out: /--write-export FILE/ })

  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  const changes: [string, (lines: string[]) => string[], ProblemCode][] = [
    ['cut off', (lines) => lines.slice(0, -3), 'unreadable'],
    ['a line removed', (lines) => lines.filter((_, index) => index !== 12), 'unreadable'],
    ['a line that is none', (lines) => lines.with(8, '{"kind":'), 'unreadable'],
    [
      'two events in another order',
      (lines) => {
        const [a = 0, b = 0] = lines.flatMap((line, index) => (line.includes('"number":1}') ? [index] : []))
        return lines.with(a, lines[b] ?? '').with(b, lines[a] ?? '')
      },
      'events-out-of-order'
    ],
    [
      'a digest changed',
      (lines) => lines.map((line) => line.replace(/"digests":\["./, '"digests":["_')),
      'confirmation-wrong'
    ]
  ]
  for (const [name, change, code] of changes) {
    writeFileSync(`${path}.changed`, `${change(lines).join('\n')}\n`)
    const { code: exit, out } = await run('--export', `${path}.changed`, '--data-dir', dataDir)
    t.equal(exit, 1, name)
    t.match(out, new RegExp(`^${code}: `, 'm'), name)
  }
})

t.test(
  'the command reads the running embedded database of a data folder, and starts it where it does not run',
  async (t) => {
    const command = fileURLToPath(new URL('../../src/commands/audit-verify.js', import.meta.url))
    const database = await world.open(t, 'kyso')
    const phone = await enrolPhone(database, 'vnpt')
    const audit = await openAudit({
      serverId: v7(),
      store: createAuditStore(database),
      checkpointKey: key,
      now: movableClock(),
      log: silent,
      appendCheckpoint: async () => {}
    })
    await audit.record(phone.enrolled, ...(await confirmAndSign(database, phone, 100)))
    const keyFile = join(dataDir, 'audit', 'public-key.pem')
    const elsewhere = join(world.folder, 'elsewhere')
    mkdirSync(join(elsewhere, 'audit'), { recursive: true })
    cpSync(keyFile, join(elsewhere, 'audit', 'public-key.pem'))
    const runWith = (env: NodeJS.ProcessEnv, ...args: string[]) =>
      spawnSync(process.execPath, [command, ...args], {
        encoding: 'utf8',
        env: { PATH: process.env.PATH, ...env }
      })
    const run = (folder: string) => runWith({}, '--data-dir', folder)
    const found = run(dataDir)
    t.match(
      found,
      { status: 1, stdout: /checkpoint-removed: .*data folder only/ },
      'of another database’s checkpoints'
    )
    t.match(found.stdout, /1 signatures and 1 confirmations/)
    await audit.close()
    t.match(run(elsewhere), { status: 2, stderr: /There is no embedded database/ })
  }
)
