import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findSoftHsmModule } from '../../src/hsm/softhsm.js'
import { createDocumentNumbers, type DocumentRange } from '../load/documents.js'
import { createRequestWriter, type RequestWriter } from '../load/requests.js'
import { createVerifier, type Verifier } from '../load/verify.js'
import type { Options } from '../options.js'
import type { Population } from '../prepare/protocol.js'
import type { Console } from '../progress.js'
import { type DataFolder, openDataFolder, pkiUrl } from './data-folder.js'
import { type Preparation, startPreparation } from './preparation.js'
import { type ServerProcess, startServerProcess } from './server-process.js'
import { readUsage, type Usage } from './usage.js'

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
  /** Settings the server was given from outside. */
  readonly settings: Readonly<Record<string, string>>
  close(): Promise<void>
}

/** A running server, and those who may use it. */
export interface Served {
  readonly url: string
  readonly startMs: number
  readonly population: Population
  readonly preparation: Preparation
  /** Requests of the relying party, with its token, to the CSC API v2. */
  readonly requests: RequestWriter
  usage(): Promise<Usage>
}

export function openStage(options: Options, console: Console): Stage {
  const settings = Object.fromEntries(
    passedOn.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []))
  )
  const verifier = createVerifier(options.seed)
  const closers: (() => Promise<unknown>)[] = [() => verifier.close()]
  let served: Promise<Served> | null = null

  async function serve(): Promise<Served> {
    const folder = await openDataFolder(options.people, console.say, console.progress('enrolled'))
    closers.push(folder.remove)
    const logPath = join(folder.path, '..', 'server.log')
    const server = await startServerProcess({
      env: { ...settings, DATA_DIR: folder.path, PORT: '0', SEED: 'none', PKI_URL: pkiUrl },
      logPath,
      profile: options.profile
    })
    closers.push(() => server.stop())
    console.say(`server ready after ${Math.round(server.startMs)} ms`)
    const preparation = await startPreparation(await besideServer(folder, server))
    closers.push(() => preparation.close())
    const { population } = folder
    await preparation.introduce(population)
    const base = `${server.url}/${population.provider}/csc/v2`
    return {
      url: server.url,
      startMs: server.startMs,
      population,
      preparation,
      requests: createRequestWriter(base, await accessToken(base, population)),
      usage: () => readUsage(server.url, folder.path)
    }
  }

  return {
    options,
    console,
    verifier,
    settings,
    documents: createDocumentNumbers(),
    served() {
      served ??= serve()
      return served
    },
    async close() {
      for (const close of closers.reverse())
        await close().catch((error: unknown) => console.say(`closing: ${String(error)}`))
    }
  }
}

/** What a second server process on the same database and HSM is given; its own folder holds its checkpoints. */
async function besideServer(folder: DataFolder, server: ServerProcess): Promise<Record<string, string>> {
  const own = join(folder.path, '..', 'preparation')
  await mkdir(own, { mode: 0o700 })
  const modulePath = findSoftHsmModule()
  if (modulePath === null) throw new Error('SoftHSM is not installed')
  return {
    DATA_DIR: own,
    DATABASE_URL: await databaseUrl(folder.path),
    PKCS11_MODULE: modulePath,
    PKCS11_PIN_FILE: join(folder.path, 'pkcs11-pin'),
    SOFTHSM2_CONF: join(folder.path, 'softhsm', 'softhsm2.conf'),
    SIGNING_WORKERS: '1',
    PUBLIC_URL: server.url,
    PKI_URL: pkiUrl,
    SEED: 'none'
  }
}

/**
 * The server's embedded PostgreSQL, by its socket. The preparation does not wait for the disk: nothing of it is timed,
 * and what the server makes durable later makes everything before it durable, too.
 */
async function databaseUrl(dataDir: string): Promise<string> {
  const password = (await readFile(join(dataDir, 'postgres-password'), 'utf8')).trim()
  const folder = [dataDir, join(dataDir, 'postgres')].find((path) => existsSync(join(path, '.s.PGSQL.5432')))
  if (folder === undefined) throw new Error(`PostgreSQL has no socket in ${dataDir}`)
  const query = new URLSearchParams({ host: folder, options: '-c synchronous_commit=off' })
  return `postgres://kyso:${encodeURIComponent(password)}@localhost/kyso?${query}`
}

async function accessToken(base: string, { clientId, clientSecret }: Population): Promise<string> {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret
  })
  const answer = await fetch(`${base}/oauth2/token`, { method: 'POST', body })
  const { access_token } = (await answer.json()) as { access_token?: string }
  if (access_token === undefined) throw new Error(`no access token: ${answer.status}`)
  return access_token
}
