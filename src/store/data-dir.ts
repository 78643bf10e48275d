import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { StartError } from '../errors.js'
import { newDataDirMode } from './embedded/launcher.js'
import { processStart } from './process-identity.js'

/** A start waits so long for a process that is closing, */
const closingPatienceMs = 10_000
/** and so long before it believes that one is not about to close. */
const runningPatienceMs = 1_500

/** The data folder while this process has it to itself. */
export interface DataDir {
  /** Absolute. */
  readonly path: string
  /** Tells those who wait for the folder that it is worth waiting. Called when closing begins. */
  closing(): Promise<void>
  /** Gives the folder up. Idempotent. */
  release(): Promise<void>
}

/**
 * Takes `DATA_DIR` for this process, making it (mode 0700) if it does not exist. The lock is the file
 * `process.<n>.lock` with the greatest n. Whoever finds that one stale or released makes the next number by a hard
 * link, which only one can; the greatest is never removed, so numbers never come back and none is mistaken for an
 * older one. A process killed at any point leaves a lock that is seen to be stale.
 * @throws StartError naming the pid when another process keeps using it.
 */
export async function openDataDir(
  folder: string,
  onWait: (pid: number) => void = () => {}
): Promise<DataDir> {
  const path = resolve(folder)
  const existing = await stat(path).catch(() => null)
  if (existing === null) {
    await mkdir(path, { recursive: true, mode: newDataDirMode() }).catch((cause: Error) => {
      throw new StartError(`DATA_DIR ${path} cannot be made: ${cause.message}.`, { cause })
    })
  } else if (!existing.isDirectory()) throw new StartError(`DATA_DIR ${path} is not a folder.`)

  const startedAt = performance.now()
  let told = false
  for (;;) {
    const newest = (await lockNumbers(path))[0] ?? 0
    const holder = newest === 0 ? null : await readHolder(path, newest)
    if (holder === null || !isAlive(holder)) {
      if (await take(path, newest + 1)) return opened(path, newest + 1)
      continue
    }
    const waitedMs = performance.now() - startedAt
    if (waitedMs > (holder.state === 'closing' ? closingPatienceMs : runningPatienceMs)) {
      throw new StartError(`DATA_DIR ${path} is in use by the process with pid ${holder.pid}.`)
    }
    if (!told) onWait(holder.pid)
    told = true
    await sleep(50)
  }
}

/**
 * A generated secret that survives restarts: the text of the file `name`, or `bytes` random octets in base64url,
 * written there first. The file has mode 0600 and is whole or absent after a crash. The caller holds the folder.
 */
export async function secretFile(folder: string, name: string, bytes: number): Promise<string> {
  const path = join(folder, name)
  const existing = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  if (existing.trim() !== '') return existing.trim()
  const secret = randomBytes(bytes).toString('base64url')
  await replaceFile(folder, name, `${secret}\n`)
  return secret
}

/** Writes a file of mode 0600 so that it is, at every instant and after a crash, the old one or the new one. */
export async function replaceFile(folder: string, name: string, content: string | Uint8Array): Promise<void> {
  const temporary = await writeTemporary(folder, name, content)
  await rename(temporary, join(folder, name))
  await syncFolder(folder)
}

interface Holder {
  pid: number
  /** `processStart` of the pid. */
  startedAt: string | null
  state: 'running' | 'closing' | 'released'
}

function opened(path: string, number: number): DataDir {
  const own: Holder = { pid: process.pid, startedAt: processStart(process.pid), state: 'running' }
  const become = (state: Holder['state']) =>
    replaceFile(path, lockName(number), `${JSON.stringify({ ...own, state })}\n`)
  let releasing: Promise<void> | null = null
  return {
    path,
    closing: () => become('closing'),
    release() {
      releasing ??= become('released')
      return releasing
    }
  }
}

async function take(path: string, number: number): Promise<boolean> {
  const own: Holder = { pid: process.pid, startedAt: processStart(process.pid), state: 'running' }
  const temporary = await writeTemporary(path, lockName(number), `${JSON.stringify(own)}\n`)
  const target = join(path, lockName(number))
  try {
    await link(temporary, target)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(temporary, { force: true })
  }
  // Had others come and gone between our look and the link, theirs is greater, and ours counts for nothing.
  const [newest, ...older] = await lockNumbers(path)
  if (newest !== number) {
    await rm(target, { force: true })
    return false
  }
  for (const old of older) await rm(join(path, lockName(old)), { force: true })
  return true
}

const lockName = (number: number) => `process.${number}.lock`

/** Greatest first. */
async function lockNumbers(path: string): Promise<number[]> {
  return (await readdir(path))
    .flatMap((name) => /^process\.([1-9][0-9]{0,14})\.lock$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => b - a)
}

/** Null: gone, or not a lock that was ever written whole. */
async function readHolder(path: string, number: number): Promise<Holder | null> {
  const text = await readFile(join(path, lockName(number)), 'utf8').catch(() => '')
  try {
    const { pid, startedAt, state } = JSON.parse(text) as Partial<Holder>
    return typeof pid === 'number' ? { pid, startedAt: startedAt ?? null, state: state ?? 'running' } : null
  } catch {
    return null
  }
}

function isAlive({ pid, startedAt, state }: Holder): boolean {
  return state !== 'released' && startedAt !== null && processStart(pid) === startedAt
}

async function writeTemporary(folder: string, name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, `.${name}.${process.pid}.${randomBytes(4).toString('hex')}`)
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  return path
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
