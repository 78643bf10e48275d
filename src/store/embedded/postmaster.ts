import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientConfig } from 'pg'
import pg from 'pg'
import type { StoreLog } from '../log.js'
import type { Binaries } from './binaries.js'
import type { Launcher } from './launcher.js'

/** Crash recovery replays the log; a long one takes its time. */
const startTimeoutMs = 120_000

/** One run of the PostgreSQL server. */
export interface Postmaster {
  readonly pid: number
  /** Resolves when the process has ended, for whatever reason. */
  readonly ended: Promise<void>
  /** Fast shutdown, and after `patienceMs` an immediate one: nothing acknowledged is lost by either. */
  stop(patienceMs: number): Promise<void>
  /** The same without waiting, for the last moment of our own process. */
  abandon(): void
}

/** What a run needs. */
export interface PostmasterOptions {
  dataFolder: string
  socketFolder: string
  /** How a client reaches it; used to see when it is ready. */
  connection: ClientConfig
  binaries: Binaries
  launcher: Launcher
  log: StoreLog
}

/**
 * Starts PostgreSQL and waits until it answers. It listens on a Unix socket only.
 * @throws Error with PostgreSQL's last words when it ends before it answers.
 */
export async function startPostmaster(options: PostmasterOptions): Promise<Postmaster> {
  const { dataFolder, socketFolder, connection, binaries, launcher, log } = options
  const settings = {
    listen_addresses: '',
    unix_socket_directories: `"${socketFolder.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
    port: String(connection.port),
    max_connections: '100',
    // I7: what was acknowledged survives.
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    timezone: 'UTC',
    jit: 'off',
    // Its errors reach us as answers; its log must not repeat the values in them.
    log_min_messages: 'log',
    log_error_verbosity: 'terse',
    log_min_error_statement: 'panic',
    log_checkpoints: 'off',
    log_timezone: 'UTC',
    log_line_prefix: '',
    logging_collector: 'off'
  }
  const args = [
    '-D',
    dataFolder,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  ]
  const child = launcher.launch(binaries.postgres, args, ['ignore', 'ignore', 'pipe'])
  const lastWords = readLog(child, log)
  const ended = new Promise<void>((resolve) => {
    child.on('error', () => resolve())
    child.on('exit', () => resolve())
  })
  const signal = (name: NodeJS.Signals) =>
    child.exitCode === null && child.signalCode === null && child.kill(name)
  const abandon = () => void signal('SIGINT')
  process.on('exit', abandon)
  void ended.then(() => process.off('exit', abandon))

  await answers(connection, ended).catch(async (error: Error) => {
    signal('SIGQUIT')
    await ended
    throw new Error(`PostgreSQL did not start: ${lastWords() || error.message}`)
  })
  return {
    pid: child.pid ?? 0,
    ended,
    async stop(patienceMs) {
      signal('SIGINT')
      await Promise.race([ended, sleep(patienceMs, undefined, { ref: false })])
      if (signal('SIGQUIT'))
        log.warn(`PostgreSQL did not shut down within ${patienceMs} ms; it recovers at its next start`)
      await Promise.race([ended, sleep(1_000, undefined, { ref: false })])
      signal('SIGKILL')
    },
    abandon
  }
}

/** Resolves when a connection is accepted; rejects when the process has ended or the time is over. */
async function answers(connection: ClientConfig, ended: Promise<void>): Promise<void> {
  let over = false
  void ended.then(() => {
    over = true
  })
  const until = performance.now() + startTimeoutMs
  for (let pauseMs = 10; ; pauseMs = Math.min(pauseMs * 2, 250)) {
    if (over) throw new Error('it ended at once')
    const client = new pg.Client({ ...connection, database: 'postgres', connectionTimeoutMillis: 5_000 })
    client.on('error', () => undefined)
    try {
      await client.connect()
      return
    } catch (error) {
      if (performance.now() > until) throw error
    } finally {
      client.end().catch(() => undefined)
    }
    await Promise.race([ended, sleep(pauseMs)])
  }
}

/** Passes PostgreSQL's log on to ours. Returns its latest lines. */
function readLog(child: ChildProcess, log: StoreLog): () => string {
  const latest: string[] = []
  if (child.stderr) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      latest.push(line)
      if (latest.length > 5) latest.shift()
      if (line.startsWith('PANIC:')) log.error({ postgres: line }, 'PostgreSQL says')
      else log.debug({ postgres: line }, 'PostgreSQL says')
    })
  }
  child.on('error', (error) => latest.push(error.message))
  return () => latest.join(' ')
}
