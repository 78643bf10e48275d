import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ClientConfig } from 'pg'
import type { Clock } from '../clock.js'
import { openDataDir } from './data-dir.js'
import type { Database } from './database.js'
import { superuser } from './embedded/cluster.js'
import { startEmbeddedPostgres } from './embedded.js'
import type { StoreLog } from './log.js'
import { migrate } from './migrate.js'
import { openDatabase } from './open.js'

/** A database that a command uses beside the server, or instead of it. */
export interface CommandDatabase {
  database: Database
  /** Ends what was started for the command. */
  close(): Promise<void>
}

/**
 * Opens the installation's database for a command that writes, its schema brought up to date. The embedded one is used
 * as it runs; if it does not run, the data folder is taken and PostgreSQL started, and made, for the time being.
 * @throws StartError when there is none, or it cannot be started.
 */
export async function openCommandDatabase(
  where: { databaseUrl: string } | { dataDir: string },
  { log, now }: { log: StoreLog; now: Clock }
): Promise<CommandDatabase> {
  async function open(connection: string | ClientConfig): Promise<Database> {
    await migrate({ connection, log, now })
    return openDatabase({ connection, log, poolSize: 2 })
  }

  if ('databaseUrl' in where) {
    const database = await open(where.databaseUrl)
    return { database, close: () => database.close() }
  }
  const running = await runningConnection(where.dataDir)
  if (running !== null && (await answers(running, log))) {
    const database = await open(running)
    return { database, close: () => database.close() }
  }
  const folder = await openDataDir(where.dataDir)
  try {
    const postgres = await startEmbeddedPostgres({ dataDir: folder.path, log })
    try {
      const database = await open(postgres.connection)
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
async function answers(connection: ClientConfig, log: StoreLog): Promise<boolean> {
  try {
    const database = await openDatabase({ connection, log, poolSize: 1 })
    await database.close()
    return true
  } catch {
    return false
  }
}
