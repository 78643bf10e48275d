import { execFileSync } from 'node:child_process'
import { createPublicKey } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClientConfig } from 'pg'
import pg from 'pg'
import { pino } from 'pino'
import type { Test } from 'tap'
import type { TokenKey } from '../../src/hsm/hsm.js'
import type { Database } from '../../src/store/database.js'
import { startEmbeddedPostgres } from '../../src/store/embedded.js'
import { migrate } from '../../src/store/migrate.js'
import { openDatabase } from '../../src/store/open.js'

export const silent = pino({ level: 'silent' })

/** A real PostgreSQL for one test file, where each case gets a database of its own. */
export interface World {
  folder: string
  /** Makes a database, empty but for the schema or as `template` is; nobody may be connected to the template. */
  make(template?: string): Promise<string>
  connection(name: string): ClientConfig
  /** Opens it until `t` ends. */
  open(t: Test, name: string): Promise<Database>
  /** Stops PostgreSQL; nothing of the above works any more. */
  stop(): Promise<void>
}

export async function startWorld(t: Test): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'kyso-audit-'))
  const postgres = await startEmbeddedPostgres({ dataDir: folder, log: silent })
  t.teardown(async () => {
    await postgres.stop()
    await rm(folder, { recursive: true, force: true })
  })
  await migrate({ connection: postgres.connection, log: silent, now: () => new Date() })
  const connection = (database: string): ClientConfig => ({ ...postgres.connection, database })
  let count = 0
  return {
    folder,
    connection,
    stop: () => postgres.stop(),
    async make(template = 'kyso') {
      count += 1
      const client = new pg.Client(connection('postgres'))
      await client.connect()
      await client.query(`create database case_${count} template ${template}`)
      await client.end()
      return `case_${count}`
    },
    async open(t, name) {
      const database = await openDatabase({ connection: connection(name), log: silent })
      let closing: Promise<void> | null = null
      const close = () => {
        closing ??= database.close()
        return closing
      }
      t.teardown(close)
      return { ...database, close }
    }
  }
}

/** A P-256 key in a PEM file, made by `openssl` if there is none: what an attacker or a child process can have. */
export function opensslKey(path: string): TokenKey {
  if (!existsSync(path)) {
    execFileSync('openssl', [
      'genpkey',
      '-algorithm',
      'EC',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-out',
      path
    ])
  }
  return {
    label: 'audit',
    algorithm: 'P-256',
    spki: createPublicKey(readFileSync(path)).export({ format: 'der', type: 'spki' }),
    async sign(_scheme, digest) {
      writeFileSync(`${path}.digest`, digest)
      return execFileSync('openssl', ['pkeyutl', '-sign', '-inkey', path, '-in', `${path}.digest`])
    }
  }
}

/** A clock that a test moves; it goes on by a millisecond with every look. */
export function movableClock(start = Date.UTC(2026, 0, 5, 8)) {
  let ms = start
  const now = () => {
    ms += 1
    return new Date(ms)
  }
  return Object.assign(now, {
    set(date: Date) {
      ms = date.getTime()
    }
  })
}
