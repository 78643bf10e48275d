import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ClientConfig } from 'pg'
import type { Clock } from '../src/clock.js'
import { type Config, readConfig } from '../src/config.js'
import { createLog } from '../src/http/log.js'
import { type RunningServer, startServer } from '../src/server.js'
import { openDataDir } from '../src/store/data-dir.js'

/** A whole server in this process, with a folder, a token and a database of its own. */
export interface World {
  /** `http://127.0.0.1:port`; also its PUBLIC_URL. Stays the same over `restart`. */
  readonly url: string
  readonly dataDir: string
  readonly config: Config
  /** The server's time: the real one, moved by `advance`. Only forward. */
  readonly clock: { now: Clock; advance(ms: number): void }
  /** Everything logged so far, one JSON line each, at the level `trace`. */
  readonly log: readonly string[]
  /** Its embedded PostgreSQL, for what only somebody with SQL could do. */
  readonly connection: ClientConfig
  /** Stops the server; the folder stays until `t` ends. */
  close(): Promise<void>
  /** Stops it if it runs, and starts it again on the same data and port, with further settings. */
  restart(settings?: NodeJS.ProcessEnv): Promise<void>
}

export interface WorldOptions {
  /** Settings beside those of a test server. */
  settings?: NodeJS.ProcessEnv
  /** Default `demo`. */
  seed?: 'demo' | 'none'
  /**
   * Makes token, CAs and seed anew, which takes some ten seconds. Otherwise they are copied from a template, and the
   * addresses in their certificates begin with `templatePkiUrl`.
   */
  fresh?: boolean
}

/** What certificates name in a world made from the template; the same paths are served at `world.url`. */
export const templatePkiUrl = 'http://pki.kyso.test'

/** Starts a world; everything of it ends with `t`. */
export async function startWorld(
  t: { teardown(work: () => Promise<void>): void },
  { settings = {}, seed = 'demo', fresh = false }: WorldOptions = {}
): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'kyso-world-'))
  const dataDir = join(folder, 'data')
  if (!fresh) await cp(await dataTemplate(seed), dataDir, { recursive: true })
  let offsetMs = 0
  const now: Clock = () => new Date(Date.now() + offsetMs)
  const log: string[] = []
  let env: NodeJS.ProcessEnv = {
    DATA_DIR: dataDir,
    PORT: '0',
    SEED: seed,
    LOG_LEVEL: 'trace',
    KEY_POOL: '0',
    ...(fresh ? {} : { PKI_URL: templatePkiUrl }),
    ...settings
  }
  let config = readConfig(env)
  let running = await run(config, now, log)
  const { url } = running
  t.teardown(async () => {
    await running.close()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    url,
    dataDir,
    get config() {
      return config
    },
    clock: {
      now,
      advance(ms) {
        if (ms < 0) throw new RangeError('time only goes forward')
        offsetMs += ms
      }
    },
    log,
    get connection() {
      const password = readFileSync(join(dataDir, 'postgres-password'), 'utf8').trim()
      return { host: dataDir, port: 5432, user: 'kyso', password, database: 'kyso', ssl: false }
    },
    close: () => running.close(),
    async restart(further = {}) {
      await running.close()
      env = { ...env, PORT: new URL(url).port, ...further }
      config = readConfig(env)
      running = await run(config, now, log)
    }
  }
}

/** A server and the lock of its folder. */
async function run(config: Config, now: Clock, lines: string[]): Promise<RunningServer> {
  const log = createLog(config.logLevel, { write: (line) => void lines.push(line) })
  const dataDir = await openDataDir(config.dataDir)
  try {
    const server = await startServer(config, { now, log })
    return {
      url: server.url,
      async close() {
        await dataDir.closing()
        await server.close()
        await dataDir.release()
      }
    }
  } catch (error) {
    await dataDir.release()
    throw error
  }
}

const checkout = fileURLToPath(new URL('../..', import.meta.url))
const build = join(checkout, 'build')
/** What a data folder is made by; when it changes the template is made anew. */
const makers = [
  'keys',
  'softhsm',
  'src/audit/chain.ts',
  'src/enrolment/sealed-fields.ts',
  'src/hsm',
  'src/pki',
  'src/simulation/seed.ts',
  'src/store/migrations',
  'src/store/operators.ts',
  'src/store/relying-parties.ts',
  'src/store/seals.ts'
]
/** Making a template takes a tenth of this. */
const templateTimeoutMs = 180_000

/** The data folder of a server that was started once and stopped; the first who asks makes it, others wait. */
export async function dataTemplate(seed: 'demo' | 'none'): Promise<string> {
  const name = `test-template-${seed}-${makersHash()}`
  const path = join(build, name)
  const lock = `${path}.making`
  const until = performance.now() + templateTimeoutMs
  while (!existsSync(path)) {
    if (performance.now() > until) throw new Error(`${lock} is in the way`)
    try {
      await mkdir(lock)
    } catch {
      // Somebody makes it. One who was killed meanwhile must not stop all others for ever.
      const age = await stat(lock).then(
        ({ mtimeMs }) => Date.now() - mtimeMs,
        () => 0
      )
      if (age > templateTimeoutMs / 2) await rm(lock, { recursive: true, force: true })
      await sleep(100)
      continue
    }
    try {
      if (!existsSync(path)) await makeTemplate(seed, path)
    } finally {
      await rm(lock, { recursive: true, force: true })
    }
  }
  return path
}

async function makeTemplate(seed: 'demo' | 'none', path: string): Promise<void> {
  for (const old of await readdir(build)) {
    const age = await stat(join(build, old)).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0
    )
    if (old.startsWith('test-template-') && age > 3_600_000) await rm(join(build, old), { recursive: true })
  }
  const dataDir = join(await mkdtemp(join(tmpdir(), 'kyso-template-')), 'data')
  if (seed === 'demo') await cp(await dataTemplate('none'), dataDir, { recursive: true })
  const settings = { DATA_DIR: dataDir, PORT: '0', SEED: seed, PKI_URL: templatePkiUrl, LOG_LEVEL: 'warn' }
  const server = await run(readConfig(settings), () => new Date(), [])
  await server.close()
  await cp(dataDir, `${path}.new`, { recursive: true })
  await rename(`${path}.new`, path)
  await rm(join(dataDir, '..'), { recursive: true })
}

function makersHash(): string {
  const hash = createHash('sha256')
  const files = makers.flatMap((maker) =>
    /\.ts$/.test(maker)
      ? [maker]
      : readdirSync(join(checkout, maker), { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name).slice(checkout.length))
  )
  for (const file of files.sort()) hash.update(`\0${file}\0`).update(readFileSync(join(checkout, file)))
  return hash.digest('hex').slice(0, 12)
}
