import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { v7 as uuidv7 } from 'uuid'
import { type AccessRoom, createAccess } from '../../src/access/create.js'
import type { Audit } from '../../src/audit/audit.js'
import { createChainWriter } from '../../src/audit/writer.js'
import { ServiceError } from '../../src/errors.js'
import { openHsm } from '../../src/hsm/open.js'
import { findSoftHsmModule, prepareSoftHsm, useSoftHsm } from '../../src/hsm/softhsm.js'
import { createAccessTokenStore } from '../../src/store/access-tokens.js'
import { createAuditStore } from '../../src/store/audit.js'
import { startEmbeddedPostgres } from '../../src/store/embedded.js'
import { migrate } from '../../src/store/migrate.js'
import { openDatabase } from '../../src/store/open.js'
import { createOperatorStore } from '../../src/store/operators.js'
import { createRelyingPartyStore } from '../../src/store/relying-parties.js'
import { createSeals } from '../../src/store/seals.js'

/** What a test's teardown registration looks like. */
interface Test {
  teardown(work: () => Promise<void>): void
}

/** An audit event as it is stored. */
export interface Recorded {
  type: string
  actor: string
  about: Record<string, unknown>
}

export const by = 'operator:tester'

/** A real token, a real database, and two servers' access rooms over them, all ended with `t`. */
export async function startWorld(t: Test) {
  const folder = await mkdtemp(join(tmpdir(), 'kyso-access-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const log = pino({ level: 'silent' })
  let at = new Date()
  const now = () => at

  const postgres = await startEmbeddedPostgres({ dataDir: folder, log })
  t.teardown(() => postgres.stop())
  await migrate({ connection: postgres.connection, log, now })

  const modulePath = findSoftHsmModule()
  if (modulePath === null) throw new Error('SoftHSM is not installed: run softhsm/install.sh')
  const { confPath, lockPath } = prepareSoftHsm(join(folder, 'softhsm'))
  useSoftHsm(confPath)
  const hsm = await openHsm(
    {
      modulePath,
      tokenLabel: 'kyso',
      pin: '12345678',
      soPin: '87654321',
      keyStorage: 'wrapped',
      workers: 1,
      keyCacheSize: 10,
      lockPath
    },
    () => undefined
  )
  t.teardown(() => hsm.close())

  /** The access room of a server process, with a database connection and an audit chain of its own. */
  async function openServer() {
    const database = await openDatabase({ connection: postgres.connection, log, poolSize: 4 })
    const seals = createSeals({ mac: hsm.mac })
    const writer = createChainWriter({
      chain: uuidv7({ msecs: at.getTime() }),
      store: createAuditStore(database),
      now,
      log
    })
    const audit: Audit = {
      record: (...events) => writer.record(events),
      recordEnding: (ending, ...events) => writer.recordEnding(ending, events),
      recordWith: writer.recordWith
    }
    const access: AccessRoom = await createAccess({
      relyingPartyStore: createRelyingPartyStore(database, seals),
      accessTokenStore: createAccessTokenStore(database),
      operatorStore: createOperatorStore(database, seals),
      audit,
      secrets: hsm.secrets,
      now,
      providers: ['viettel', 'vnpt'],
      tokenTtlS: 3600,
      simulation: true
    })
    return { access, database, seals, audit, close: () => access.close().then(() => database.close()) }
  }
  const first = await openServer()
  t.teardown(() => first.close())
  const second = await openServer()
  t.teardown(() => second.close())

  async function events(type?: string): Promise<Recorded[]> {
    const { rows } = await first.database.query<Recorded>({
      text: 'select type, actor, about from audit_events where $1::text is null or type = $1 order by at, chain, seq',
      values: [type ?? null]
    })
    return rows
  }

  return {
    first: first.access,
    second: second.access,
    servers: [first, second] as const,
    mac: hsm.mac,
    secrets: hsm.secrets,
    database: first.database,
    seals: first.seals,
    now,
    events,
    sql: (text: string, values: unknown[] = []) => first.database.query({ text, values }),
    later: (ms: number) => {
      at = new Date(at.getTime() + ms)
    }
  }
}

/** The code a call was refused with. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call
  } catch (error) {
    if (error instanceof ServiceError) return error.code
    throw error
  }
  return 'not refused'
}

/** Waits until `holds`, such as for an announcement of another server, at most 5 s. */
export async function until(holds: () => Promise<boolean>): Promise<boolean> {
  for (const deadline = performance.now() + 5_000; performance.now() < deadline; await sleep(10)) {
    if (await holds()) return true
  }
  return false
}
