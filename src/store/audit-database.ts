import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ClientConfig } from 'pg'
import { StartError } from '../errors.js'
import { openDataDir } from './data-dir.js'
import type { Database } from './database.js'
import { superuser } from './embedded/cluster.js'
import { startEmbeddedPostgres } from './embedded.js'
import type { StoreLog } from './log.js'
import { openDatabase } from './open.js'

/** A database opened for reading only. */
export interface ReadOnlyDatabase {
  database: Database
  /** Ends what was started for it. */
  close(): Promise<void>
}

/**
 * Opens a database so that no statement can change it. The embedded one of a data folder is used as it runs; if it does
 * not run, the folder is taken and PostgreSQL started for the time being.
 * @throws StartError when there is none, or it cannot be started.
 */
export async function openReadOnly(
  where: { databaseUrl: string } | { dataDir: string },
  log: StoreLog
): Promise<ReadOnlyDatabase> {
  if ('databaseUrl' in where) {
    const database = await open({ connectionString: where.databaseUrl }, log)
    return { database, close: () => database.close() }
  }
  const { dataDir } = where
  if ((await stat(join(dataDir, 'postgres', 'PG_VERSION')).catch(() => null)) === null) {
    throw new StartError(`There is no embedded database in ${dataDir}.`)
  }
  const running = await runningConnection(dataDir)
  const joined = running && (await open(running, log).catch(() => null))
  if (joined) return { database: joined, close: () => joined.close() }

  const folder = await openDataDir(dataDir)
  try {
    const postgres = await startEmbeddedPostgres({ dataDir: folder.path, log })
    try {
      const database = await open(postgres.connection, log)
      return {
        database,
        async close() {
          await database.close()
          await folder.closing()
          await postgres.stop()
          await folder.release()
        }
      }
    } catch (error) {
      await postgres.stop()
      throw error
    }
  } catch (error) {
    await folder.release()
    throw error
  }
}

const open = (connection: ClientConfig, log: StoreLog): Promise<Database> =>
  openDatabase({
    connection: { ...connection, options: '-c default_transaction_read_only=on' },
    log,
    poolSize: 2
  })

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
