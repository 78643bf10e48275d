import { createHash } from 'node:crypto'
import type { Client, ClientConfig } from 'pg'
import pg from 'pg'
import type { Clock } from '../clock.js'
import { StartError } from '../errors.js'
import { lockKey } from './dedicated-connection.js'
import type { StoreLog } from './log.js'
import { migrations as known, type Migration } from './migrations/index.js'

/** The oldest PostgreSQL whose features the statements may use. */
const oldestMajor = 15
/** How long a server waits for another one that is migrating. */
const lockTimeoutMs = 60_000

/** What migrating needs. */
export interface MigrateOptions {
  /** A `postgres://` address, or the parts of one; as `openDatabase` takes it. */
  connection: string | ClientConfig
  log: StoreLog
  now: Clock
  /** Default: those of this code. */
  migrations?: readonly Migration[]
}

/**
 * Brings the schema to the version of this code: all missing steps in one transaction, under a lock, so that of
 * several servers starting together one does it and the others find it done. Uses a connection of its own, without
 * the time limits that statements of the service have.
 * @returns How many steps were applied.
 * @throws StartError when the database does not answer, is too old or not UTF-8, when an applied step is not the
 *   one this code has, or when the database is newer than the code. Nothing was changed then.
 */
export async function migrate({ connection, log, now, migrations = known }: MigrateOptions): Promise<number> {
  const client = new pg.Client({
    ...(typeof connection === 'string' ? { connectionString: connection } : connection),
    application_name: 'kyso-migrate',
    connectionTimeoutMillis: 10_000
  })
  client.on('error', (error) => log.debug({ reason: error.message }, 'the connection for migrating broke'))
  try {
    await client.connect()
  } catch (cause) {
    client.end().catch(() => undefined)
    throw new StartError(`The database cannot be used: ${reason(cause)}.`, { cause })
  }
  try {
    await checkServer(client, log)
    await client.query('begin')
    await client.query(`set local lock_timeout = ${lockTimeoutMs}`)
    await client.query('select pg_advisory_xact_lock($1)', [lockKey('migrations')])
    const applied = await appliedSteps(client)
    checkSteps(applied, migrations)
    const missing = migrations.filter(({ version }) => !applied.some((row) => row.version === version))
    for (const step of missing) {
      await apply(client, step, now())
      log.info({ version: step.version, name: step.name }, 'schema migrated')
    }
    await client.query('commit')
    return missing.length
  } finally {
    // Ends the transaction too, where it was not committed.
    await client.end()
  }
}

async function checkServer(client: Client, log: StoreLog): Promise<void> {
  const { rows } = await client.query<{ version: number; encoding: string; fsync: string; commit: string }>(
    `select current_setting('server_version_num')::integer as version,
            current_setting('server_encoding') as encoding,
            current_setting('fsync') as fsync,
            current_setting('synchronous_commit') as commit`
  )
  const fact = rows[0]
  const major = Math.floor((fact?.version ?? 0) / 10_000)
  if (major < oldestMajor) {
    throw new StartError(`The database is PostgreSQL ${major}; version ${oldestMajor} or later is needed.`)
  }
  if (fact?.encoding !== 'UTF8') {
    throw new StartError(`The database has encoding ${fact?.encoding}; create it with encoding UTF8.`)
  }
  if (fact.fsync === 'off' || fact.commit === 'off') {
    log.warn('the database runs with fsync or synchronous_commit off: a crash may lose what was acknowledged')
  }
}

interface AppliedRow {
  version: number
  name: string
  sha256: Buffer
}

async function appliedSteps(client: Client): Promise<AppliedRow[]> {
  await client.query(
    `create table if not exists schema_migrations (
       version integer primary key,
       name text not null,
       sha256 bytea not null,
       applied_at timestamptz not null
     )`
  )
  const { rows } = await client.query<AppliedRow>(
    'select version, name, sha256 from schema_migrations order by version'
  )
  return rows
}

function checkSteps(applied: readonly AppliedRow[], migrations: readonly Migration[]): void {
  for (const { version, name, sha256: stored } of applied) {
    const step = migrations.find((migration) => migration.version === version)
    if (!step) {
      throw new StartError(
        `The database has schema version ${version} (${name}), which this kyso does not know: a newer one wrote it.`
      )
    }
    if (!stored.equals(sha256(step.sql))) {
      throw new StartError(
        `Schema version ${version} (${name}) of the database differs from the one this kyso has: another build wrote it. ` +
          'Use that build, or begin with an empty database (another DATA_DIR or DATABASE_URL).'
      )
    }
  }
}

async function apply(client: Client, { version, name, sql }: Migration, at: Date): Promise<void> {
  await client.query(sql)
  await client.query(
    'insert into schema_migrations (version, name, sha256, applied_at) values ($1, $2, $3, $4)',
    [version, name, sha256(sql), at]
  )
}

const sha256 = (text: string) => createHash('sha256').update(text).digest()

/** A refused connection to a name with several addresses has no message of its own. */
function reason(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reason).join(', ')
  return error instanceof Error ? error.message : String(error)
}
