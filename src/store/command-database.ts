import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg, { type ClientConfig } from 'pg'
import type { Clock } from '../clock.js'
import { StartError } from '../errors.js'
import { openDataDir } from './data-dir.js'
import type { Database } from './database.js'
import { superuser } from './embedded/cluster.js'
import { startEmbeddedPostgres } from './embedded.js'
import type { StoreLog } from './log.js'
import { migrate } from './migrate.js'
import { openDatabase } from './open.js'

/**
 * Where a command finds its database. The embedded one of a data folder is used as it runs; if it does not run, the
 * folder is taken and PostgreSQL started for the time being.
 */
export type DatabasePlace = { databaseUrl: string } | { dataDir: string }

/** A database that a command uses beside the server, or instead of it. */
export interface CommandDatabase {
  database: Database
  /** Ends what was started for the command. */
  close(): Promise<void>
}

/**
 * Opens the database of an installation for a command that writes, making it first if need be, and brings its schema up
 * to date.
 * @throws StartError when there is none, or it cannot be started.
 */
export function openCommandDatabase(
  place: DatabasePlace,
  { log, now }: { log: StoreLog; now: Clock }
): Promise<CommandDatabase> {
  return openAt(place, log, async (connection) => {
    await migrate({ connection, log, now })
    return openDatabase({ connection, log, poolSize: 2 })
  })
}

/**
 * Opens a database so that no statement can change it.
 * @throws StartError when there is none, or it cannot be started.
 */
export async function openReadOnly(place: DatabasePlace, log: StoreLog): Promise<CommandDatabase> {
  if ('dataDir' in place && !existsSync(join(place.dataDir, 'postgres', 'PG_VERSION'))) {
    throw new StartError(`There is no embedded database in ${place.dataDir}.`)
  }
  const options = '-c default_transaction_read_only=on'
  return openAt(place, log, (connection) =>
    openDatabase({ connection: { ...connection, options }, log, poolSize: 2 })
  )
}

async function openAt(
  place: DatabasePlace,
  log: StoreLog,
  open: (connection: ClientConfig) => Promise<Database>
): Promise<CommandDatabase> {
  const postgres =
    'databaseUrl' in place ? notOurs({ connectionString: place.databaseUrl }) : await embedded(place, log)
  try {
    const database = await open(postgres.connection)
    return {
      database,
      async close() {
        await database.close()
        await postgres.end()
      }
    }
  } catch (error) {
    await postgres.end()
    throw error
  }
}

/** A PostgreSQL that runs, and what ends it for us. */
interface Postgres {
  connection: ClientConfig
  end(): Promise<void>
}

const notOurs = (connection: ClientConfig): Postgres => ({ connection, end: async () => {} })

async function embedded({ dataDir }: { dataDir: string }, log: StoreLog): Promise<Postgres> {
  const running = await runningConnection(dataDir)
  if (running !== null && (await answers(running))) return notOurs(running)
  const folder = await openDataDir(dataDir)
  try {
    const postgres = await startEmbeddedPostgres({ dataDir: folder.path, log })
    return {
      connection: postgres.connection,
      async end() {
        await folder.closing()
        await postgres.stop()
        await folder.release()
      }
    }
  } catch (error) {
    await folder.release()
    throw error
  }
}

/** How the embedded PostgreSQL can be reached if it runs: its own lock file says where its socket is. */
async function runningConnection(dataDir: string): Promise<ClientConfig | null> {
  try {
    const lines = (await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')
    const password = (await readFile(join(dataDir, 'postgres-password'), 'utf8')).trim()
    const [port, host] = [Number(lines[3]), lines[4]?.trim()]
    if (!host || !Number.isInteger(port)) return null
    return { host, port, user: superuser, password, database: 'kyso', ssl: false }
  } catch {
    return null
  }
}

/** A lock file that nobody removed leads nowhere. */
async function answers(connection: ClientConfig): Promise<boolean> {
  const client = new pg.Client({ ...connection, connectionTimeoutMillis: 5_000 })
  client.on('error', () => undefined)
  return client.connect().then(
    () => client.end().then(() => true),
    () => false
  )
}
