import { chown, mkdir, mkdtemp, open, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { StartError } from '../../errors.js'
import type { StoreLog } from '../log.js'
import type { Binaries } from './binaries.js'
import { type Launcher, waysOut } from './launcher.js'

/** The one role of an embedded database. */
export const superuser = 'kyso'

/**
 * Makes a PostgreSQL cluster in `dataFolder` unless there is one: UTF-8, sorted by code point on every machine, SCRAM
 * on every door. It is built beside its place and renamed, so that one cut short is never taken for a whole one.
 * @throws StartError when initdb fails; its own words are in the message.
 */
export async function makeCluster(options: {
  dataFolder: string
  password: string
  binaries: Binaries
  launcher: Launcher
  log: StoreLog
}): Promise<void> {
  const { dataFolder, password, binaries, launcher, log } = options
  if (await stat(join(dataFolder, 'PG_VERSION')).catch(() => null)) return
  const startedAt = performance.now()
  const unfinished = `${dataFolder}.new`
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(unfinished, { mode: 0o700 })
  // initdb reads the password from a file; it may run as somebody who cannot look into DATA_DIR.
  const passwordFolder = await mkdtemp(join(tmpdir(), 'kyso-initdb-'))
  try {
    const passwordFile = join(passwordFolder, 'password')
    await writeFile(passwordFile, password, { mode: 0o600 })
    if (launcher.owner) {
      const { uid, gid } = launcher.owner
      // New ones, made for this user; nothing that was there before changes its owner.
      for (const path of [unfinished, passwordFolder, passwordFile]) await chown(path, uid, gid)
    }
    const output = await run(launcher, binaries.initdb, [
      `--pgdata=${unfinished}`,
      `--username=${superuser}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--text-search-config=simple',
      '--data-checksums',
      '--no-instructions'
    ])
    if (output !== null) {
      const way = launcher.owner ? ` It ran ${launcher.manner}. ${waysOut}` : ''
      throw new StartError(`PostgreSQL could not be initialised: ${output}${way}`)
    }
  } finally {
    await rm(passwordFolder, { recursive: true, force: true })
  }
  await rename(unfinished, dataFolder)
  await syncFolder(dirname(dataFolder))
  log.info(
    { folder: dataFolder, ms: Math.round(performance.now() - startedAt) },
    'the embedded database was initialised'
  )
}

/** Runs a program to its end. Null: it succeeded; else the end of what it wrote to stderr. */
async function run(launcher: Launcher, program: string, args: readonly string[]): Promise<string | null> {
  const child = launcher.launch(program, args, ['ignore', 'ignore', 'pipe'])
  // Left behind by us, it would work on in a folder that the next start takes away.
  const kill = () => void child.kill('SIGKILL')
  process.on('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  let output = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-2_000)
  })
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('close', (code) =>
      resolve(code === 0 ? null : output.trim().replaceAll('\n', ' ') || `exit ${code}`)
    )
  })
}

/** Makes a rename in the folder durable. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
