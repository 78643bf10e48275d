import { spawnSync } from 'node:child_process'
import { readdir, readFile, readlink, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { StartError } from '../../errors.js'
import type { StoreLog } from '../log.js'

/** A fast shutdown ends sessions and writes a checkpoint. */
const fastShutdownMs = 10_000
/** After an immediate one the next start recovers from the log. */
const immediateShutdownMs = 10_000

/** What `postmaster.pid` says (PostgreSQL manual, "Database File Layout"). */
interface LockFile {
  pid: number
  socketFolder: string
}

/** What ending needs. */
export interface StaleOptions {
  dataFolder: string
  /** Where the socket is put now, and was, unless it had a folder of its own. */
  socketFolder: string
  log: StoreLog
}

/** Names the socket; no network port is opened. */
export const port = 5432
const socketFiles = [`.s.PGSQL.${port}`, `.s.PGSQL.${port}.lock`]

/**
 * Ends what an earlier server process, killed before it could stop its PostgreSQL, left in the data folder: a running
 * postmaster or the backends of one that was killed itself, a lock file whose pid meanwhile means another process,
 * and a socket folder of its own. The caller holds the lock of `DATA_DIR`, so none of this is in use.
 * @throws StartError when a process of the old database does not end.
 */
export async function endStalePostmaster({ dataFolder, socketFolder, log }: StaleOptions): Promise<void> {
  const lock = await readLockFile(dataFolder)
  const alive = () => processesOf(dataFolder, lock)
  let left = await alive()
  for (const [signal, patienceMs] of [
    ['SIGINT', fastShutdownMs],
    ['SIGQUIT', immediateShutdownMs],
    ['SIGKILL', immediateShutdownMs]
  ] as const) {
    if (left.length === 0) break
    // To a backend SIGINT only means: cancel the statement. Orphans are told to leave at once.
    const postmaster = lock && left.includes(lock.pid)
    log.warn({ pids: left, signal }, 'a PostgreSQL of an earlier run is still there and is stopped')
    if (postmaster) signalTo(lock.pid, signal)
    else for (const pid of left) signalTo(pid, signal === 'SIGKILL' ? 'SIGKILL' : 'SIGQUIT')
    const until = performance.now() + patienceMs
    while (left.length > 0 && performance.now() < until) {
      await sleep(20)
      left = await alive()
    }
  }
  if (left.length > 0) {
    throw new StartError(
      `PostgreSQL processes of an earlier run (pid ${left.join(', ')}) do not end; end them.`
    )
  }
  // Safe now: nothing runs in this folder. Left behind, a pid that another process has got meanwhile, or that nobody
  // has taken notice of yet, would keep PostgreSQL from starting.
  await rm(join(dataFolder, 'postmaster.pid'), { force: true })
  for (const name of socketFiles) await rm(join(socketFolder, name), { force: true })
  const old = lock?.socketFolder ?? socketFolder
  if (old !== socketFolder && isOwnSocketFolder(old)) await rm(old, { recursive: true, force: true })
}

/** The name of every socket folder made outside `DATA_DIR` starts so. */
export const socketFolderPrefix = 'kyso-postgres-'

function isOwnSocketFolder(folder: string): boolean {
  return [tmpdir(), '/tmp'].some((parent) => folder.startsWith(join(parent, socketFolderPrefix)))
}

async function readLockFile(dataFolder: string): Promise<LockFile | null> {
  const text = await readFile(join(dataFolder, 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = text.split('\n')
  const pid = Number(lines[0])
  // A standalone backend notes its pid as a negative number.
  return Number.isInteger(pid) && pid !== 0
    ? { pid: Math.abs(pid), socketFolder: lines[4]?.trim() ?? '' }
    : null
}

/**
 * Processes that work in the data folder. PostgreSQL makes it the working directory of all its processes, which tells
 * them from one that got an old pid.
 */
async function processesOf(dataFolder: string, lock: LockFile | null): Promise<number[]> {
  const folder = await realpath(dataFolder).catch(() => dataFolder)
  const names = await readdir('/proc').catch(() => null)
  if (names === null) return lock && isPostgres(lock.pid) ? [lock.pid] : []
  const pids = names.filter((name) => /^[1-9][0-9]*$/.test(name)).map(Number)
  const found = await Promise.all(
    pids.map(async (pid) => {
      const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '')
      if (cwd !== folder) return null
      const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
      return name.trim() === 'postgres' ? pid : null
    })
  )
  return found.filter((pid) => pid !== null)
}

/** Where there is no /proc: the name of the program must do. */
function isPostgres(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'comm=', '-p', String(pid)], { encoding: 'utf8' })
  return typeof stdout === 'string' && stdout.trim().endsWith('postgres')
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended meanwhile.
  }
}
