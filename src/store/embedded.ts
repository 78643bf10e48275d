import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientConfig } from 'pg'
import pg from 'pg'
import { StartError } from '../errors.js'
import { secretFile } from './data-dir.js'
import { findBinaries } from './embedded/binaries.js'
import { makeCluster, superuser } from './embedded/cluster.js'
import { chooseLauncher } from './embedded/launcher.js'
import { type Postmaster, startPostmaster } from './embedded/postmaster.js'
import { endStalePostmaster, port, socketFolderPrefix } from './embedded/stale.js'
import type { StoreLog } from './log.js'

/** A Unix socket's path has 107 octets on Linux and 103 on macOS. */
const socketPathLimit = 100
const database = 'kyso'
/** A fast shutdown waits for a checkpoint, some tenths of a second; the server has 2 s in all. */
const stopPatienceMs = 1_300
/** Pauses between attempts to bring a dead PostgreSQL back, doubled from the first to the last. */
const revivalFirstMs = 50
const revivalLastMs = 2_000

/** A PostgreSQL of our own in the data folder. */
export interface EmbeddedPostgres {
  /** For `openDatabase` and `migrate`. Stays the same when PostgreSQL is brought back after a crash. */
  readonly connection: ClientConfig
  /** Stops PostgreSQL. Idempotent; takes less than 2 s. */
  stop(): Promise<void>
}

/**
 * Starts PostgreSQL in `{dataDir}/postgres`, making it first if need be. If it dies while the server runs it is
 * started again and recovers; meanwhile the database does not answer. The caller holds the lock of `dataDir`.
 * @param options.dataDir Absolute path.
 * @throws StartError when it cannot be run here.
 */
export async function startEmbeddedPostgres({
  dataDir,
  log
}: {
  dataDir: string
  log: StoreLog
}): Promise<EmbeddedPostgres> {
  const dataFolder = join(dataDir, 'postgres')
  const binaries = findBinaries()
  const launcher = await chooseLauncher(dataFolder)
  const password = await secretFile(dataDir, 'postgres-password', 24)
  // Another user cannot write into DATA_DIR, only into its own folder inside.
  const home = launcher.owner ? dataFolder : dataDir
  await endStalePostmaster({ dataFolder, socketFolder: home, log })
  await makeCluster({ dataFolder, password, binaries, launcher, log })
  const tooLong = Buffer.byteLength(join(home, `.s.PGSQL.${port}`)) > socketPathLimit
  const socketFolder = tooLong ? await temporarySocketFolder() : home
  const connection = { host: socketFolder, port, user: superuser, password, database, ssl: false }
  const options = { dataFolder, socketFolder, connection, binaries, launcher, log }

  const startedAt = performance.now()
  let stopped = false
  let running: Postmaster
  try {
    running = await startPostmaster(options)
    await makeDatabase(connection)
  } catch (cause) {
    throw new StartError(cause instanceof Error ? cause.message : String(cause), { cause })
  }
  log.info(
    { pid: running.pid, ms: Math.round(performance.now() - startedAt) },
    `PostgreSQL runs ${launcher.manner}`
  )

  async function revive(): Promise<void> {
    for (let pauseMs = revivalFirstMs; !stopped; pauseMs = Math.min(pauseMs * 2, revivalLastMs)) {
      await sleep(pauseMs, undefined, { ref: false })
      if (stopped) return
      try {
        await endStalePostmaster({ dataFolder, socketFolder, log })
        const next = await startPostmaster(options)
        if (stopped) return await next.stop(stopPatienceMs)
        watch(next)
        log.info({ pid: next.pid }, 'PostgreSQL is back')
        return
      } catch (error) {
        log.error({ err: error }, 'PostgreSQL could not be brought back; trying again')
      }
    }
  }

  let reviving: Promise<void> = Promise.resolve()
  function watch(postmaster: Postmaster): void {
    running = postmaster
    void postmaster.ended.then(() => {
      if (stopped) return
      log.error({ pid: postmaster.pid }, 'PostgreSQL ended unexpectedly')
      reviving = revive()
    })
  }
  watch(running)

  return {
    connection,
    async stop() {
      stopped = true
      await running.stop(stopPatienceMs)
      await reviving
      if (tooLong) await rm(socketFolder, { recursive: true, force: true })
    }
  }
}

async function temporarySocketFolder(): Promise<string> {
  const room = tmpdir().length <= 40 ? tmpdir() : '/tmp'
  return mkdtemp(join(room, socketFolderPrefix)) // made with mode 0700
}

/** Makes the database on the first start. */
async function makeDatabase(connection: ClientConfig): Promise<void> {
  const client = new pg.Client({ ...connection, database: 'postgres' })
  await client.connect()
  try {
    const { rows } = await client.query('select 1 from pg_database where datname = $1', [database])
    if (rows.length === 0) await client.query(`create database ${pg.escapeIdentifier(database)}`)
  } finally {
    await client.end()
  }
}
