import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findSoftHsmModule } from '../../src/hsm/softhsm.js'
import { createDocumentNumbers, type DocumentRange } from '../load/documents.js'
import {
  createPhoneWriter,
  createRequestWriter,
  type PhoneWriter,
  type RequestWriter
} from '../load/requests.js'
import { createVerifier, type Verifier } from '../load/verify.js'
import type { Elsewhere, Options } from '../options.js'
import type { Population } from '../prepare/protocol.js'
import type { Console } from '../progress.js'
import { accessToken } from './access-token.js'
import { type DataFolder, openDataFolder, pkiUrl } from './data-folder.js'
import { type Preparation, startPreparation } from './preparation.js'
import { openRemote, type Remote } from './remote.js'
import { type ServerProcess, startServerProcess } from './server-process.js'
import { readUsage, type Usage } from './usage.js'
import { createVariants } from './variants.js'

/** Settings of the server that a run may choose from outside; all others have their defaults. */
const passedOn = ['SIGNING_WORKERS', 'KEY_CACHE', 'LOG_LEVEL'] as const

/** What scenarios stand on: made when the first one asks for it, shared, and closed at the end. */
export interface Stage {
  readonly options: Options
  readonly console: Console
  readonly verifier: Verifier
  /** Numbers of documents that nobody has signed. */
  documents(count: number): DocumentRange
  /** The server under test with everybody enrolled. */
  served(): Promise<Served>
  /**
   * One more server with settings of its own, on the database and the HSM of the server under test; shared by all who
   * ask for the same settings, stopped when the last of them closes it.
   */
  servedWith(settings: Readonly<Record<string, string>>): Promise<ServedBeside>
  /** A server on a data folder of its own; `close` ends it and removes the folder. */
  servedOn(folder: DataFolder): Promise<ServedVariant>
  /** Starts a server on a data folder and stops it again. @returns Milliseconds from spawning to ready. */
  timeStart(folder: DataFolder): Promise<number>
  /** Settings the server was given from outside. */
  readonly settings: Readonly<Record<string, string>>
  close(): Promise<void>
}

/** A running server, and those who may use it. */
export interface Served {
  readonly url: string
  readonly startMs: number
  readonly population: Population
  readonly preparation: Pick<Preparation, 'approve'>
  /** Requests of the relying party, with its token, to the CSC API v2. */
  readonly requests: RequestWriter
  /** Requests of devices to the phone API, and what their tokens name as audience. */
  readonly phone: PhoneWriter
  readonly audience: string
  /** Of the server, where it runs on this machine. */
  readonly pid: number | null
  /** The server's database, past the server. @throws Error for a server elsewhere. */
  databaseUrl(): Promise<string>
  /** The key of an administrator. */
  operatorKey(): Promise<string>
  usage(): Promise<Usage>
}

/** A server that ends before the stage does. */
export interface ServedVariant extends Served {
  close(): Promise<void>
}

/** A server with settings of its own. */
export type ServedBeside = ServedVariant

export function openStage(options: Options, console: Console): Stage {
  const settings = Object.fromEntries(
    passedOn.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []))
  )
  const verifier = createVerifier(options.seed)
  const closers: (() => Promise<unknown>)[] = [() => verifier.close()]
  let served: Promise<Main> | null = null
  let remote: Promise<Remote> | null = null
  const variants = createVariants(startVariant)

  async function openElsewhere(elsewhere: Elsewhere): Promise<Remote> {
    const opened = await openRemote({ ...elsewhere, people: options.people }, console)
    closers.push(opened.close)
    return opened
  }

  async function serve(): Promise<Main> {
    const folder = await openDataFolder(options.people, console.say, console.progress('enrolled'))
    const main = await serveOn(folder)
    closers.push(variants.close)
    return main
  }

  async function start(folder: DataFolder): Promise<ServerProcess> {
    closers.push(folder.remove)
    const server = await startServerProcess({
      env: { ...settings, DATA_DIR: folder.path, PORT: '0', SEED: 'none', PKI_URL: pkiUrl },
      logPath: join(folder.path, '..', 'server.log'),
      profile: options.profile
    })
    closers.push(() => server.stop())
    return server
  }

  /** Starts the server, and the preparation beside it. */
  async function serveOn(folder: DataFolder): Promise<Main> {
    const server = await start(folder)
    console.say(`server ready after ${Math.round(server.startMs)} ms`)
    const own = join(folder.path, '..', 'preparation')
    await mkdir(own, { mode: 0o700 })
    const env = await besideServer(folder, server, own)
    // The preparation does not wait for the disk: nothing of it is timed, and what the server makes durable later makes
    // everything before it durable, too. Nor does it need keys made ahead, or threads to sign with.
    const preparation = await startPreparation({
      ...env,
      DATABASE_URL: `${env.DATABASE_URL}&options=${encodeURIComponent('-c synchronous_commit=off')}`,
      SIGNING_WORKERS: '1',
      KEY_POOL: '0'
    })
    closers.push(() => preparation.close())
    await preparation.introduce(folder.population)
    return {
      folder,
      server,
      preparation,
      served: await servedBy(server, folder, preparation, server.url)
    }
  }

  async function startVariant(wanted: Readonly<Record<string, string>>): Promise<ServedBeside> {
    served ??= serve()
    const { folder, server, preparation } = await served
    const own = await mkdtemp(join(folder.path, '..', 'variant-'))
    const env = await besideServer(folder, server, own)
    const variant = await startServerProcess({
      env: { ...env, ...settings, ...wanted, PORT: '0' },
      logPath: join(own, 'server.log'),
      profile: options.profile
    })
    console.say(`server with ${JSON.stringify(wanted)} ready after ${Math.round(variant.startMs)} ms`)
    return {
      ...(await servedBy(variant, folder, preparation, server.url)),
      close: () => variant.stop()
    }
  }

  return {
    options,
    console,
    verifier,
    settings,
    documents: createDocumentNumbers(),
    async served() {
      if (options.elsewhere !== null) {
        remote ??= openElsewhere(options.elsewhere)
        return (await remote).served
      }
      served ??= serve()
      return (await served).served
    },
    servedWith: variants.open,
    async servedOn(folder) {
      const { server, served: opened, preparation } = await serveOn(folder)
      return {
        ...opened,
        async close() {
          await preparation.close()
          await server.stop()
          await folder.remove()
        }
      }
    },
    async timeStart(folder) {
      const { startMs, stop } = await start(folder)
      await stop()
      return startMs
    },
    async close() {
      for (const close of closers.reverse())
        await close().catch((error: unknown) => console.say(`closing: ${String(error)}`))
    }
  }
}

/** The server under test, as the stage knows it. */
interface Main {
  folder: DataFolder
  server: ServerProcess
  preparation: Preparation
  served: Served
}

async function servedBy(
  { url, startMs, pid }: ServerProcess,
  { path, population }: DataFolder,
  preparation: Pick<Preparation, 'approve' | 'createOperator'>,
  publicUrl: string
): Promise<Served> {
  let operatorKey: Promise<string> | null = null
  const base = `${url}/${population.provider}`
  const csc = `${base}/csc/v2`
  return {
    url,
    startMs,
    pid,
    population,
    preparation,
    requests: createRequestWriter(csc, await accessToken(csc, population)),
    phone: createPhoneWriter(`${base}/phone`),
    audience: `${publicUrl}/${population.provider}`,
    operatorKey() {
      operatorKey ??= preparation.createOperator('administrator')
      return operatorKey
    },
    databaseUrl: () => databaseUrl(path),
    usage: () => readUsage(url, path)
  }
}

/**
 * What a further server process on the same database and HSM is given.
 * @param own A folder of its own, for its checkpoints.
 */
async function besideServer(
  folder: DataFolder,
  server: ServerProcess,
  own: string
): Promise<Record<string, string>> {
  const modulePath = findSoftHsmModule()
  if (modulePath === null) throw new Error('SoftHSM is not installed')
  return {
    DATA_DIR: own,
    DATABASE_URL: await databaseUrl(folder.path),
    PKCS11_MODULE: modulePath,
    PKCS11_PIN_FILE: join(folder.path, 'pkcs11-pin'),
    SOFTHSM2_CONF: join(folder.path, 'softhsm', 'softhsm2.conf'),
    PUBLIC_URL: server.url,
    PKI_URL: pkiUrl,
    SEED: 'none'
  }
}

/** The server's embedded PostgreSQL, by its socket. */
async function databaseUrl(dataDir: string): Promise<string> {
  const password = (await readFile(join(dataDir, 'postgres-password'), 'utf8')).trim()
  const folder = [dataDir, join(dataDir, 'postgres')].find((path) => existsSync(join(path, '.s.PGSQL.5432')))
  if (folder === undefined) throw new Error(`PostgreSQL has no socket in ${dataDir}`)
  return `postgres://kyso:${encodeURIComponent(password)}@localhost/kyso?${new URLSearchParams({ host: folder })}`
}
