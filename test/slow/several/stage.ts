import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { findSoftHsmModule, prepareSoftHsm } from '../../../src/hsm/softhsm.js'
import { startEmbeddedPostgres } from '../../../src/store/embedded.js'
import { type Nginx, startNginx } from '../../clients/nginx.js'
import { ServerProcess } from '../../clients/server-process.js'
import { dataTemplate, templatePkiUrl } from '../../world.js'

/** A server process and the id it has in audit, reservations and locks. */
export interface Member {
  process: ServerProcess
  serverId: string
  /** Its own address, past nginx. */
  url: string
  dataDir: string
}

/** Three servers on one PostgreSQL and one token, behind one address. */
export interface Stage {
  /** The address that everybody uses. */
  readonly url: string
  readonly members: Member[]
  readonly databaseUrl: string
  readonly sql: pg.Pool
  /** Starts the member again, where it was. */
  restart(index: number): Promise<void>
  stopServers(): Promise<(number | null)[]>
  close(): Promise<void>
}

const size = 3

/** PostgreSQL and token are those of a template, with the demo seed, and belong to none of the servers. */
export async function openStage(nginxProgram: string): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'kyso-several-'))
  const shared = join(folder, 'shared')
  cpSync(await dataTemplate('demo'), shared, { recursive: true })
  const silent = { debug() {}, info() {}, warn() {}, error() {} }
  const postgres = await startEmbeddedPostgres({ dataDir: shared, log: silent })
  const { host, user, password, database } = postgres.connection
  const databaseUrl = `postgres://${user}:${encodeURIComponent(String(password))}@localhost/${database}?host=${host}`
  const sql = new pg.Pool({ connectionString: databaseUrl, max: 2 })
  sql.on('error', () => undefined) // ends with its server
  const members: Member[] = []
  let nginx: Nginx | null = null

  async function close(): Promise<void> {
    await Promise.all(members.map((member) => member.process.kill()))
    await nginx?.stop()
    await sql.end()
    await postgres.stop()
    rmSync(folder, { recursive: true, force: true })
  }

  try {
    const modulePath = findSoftHsmModule()
    if (modulePath === null) throw new Error('SoftHSM is not installed')
    const { confPath } = prepareSoftHsm(join(shared, 'softhsm'))
    const [port = 0, ...ports] = await freePorts(size + 1)
    const url = `http://127.0.0.1:${port}`

    async function start(index: number): Promise<Member> {
      const dataDir = join(folder, `server-${index}`)
      mkdirSync(dataDir, { recursive: true, mode: 0o700 })
      const process = await ServerProcess.start(dataDir, {
        PORT: String(ports[index]),
        PUBLIC_URL: url,
        PKI_URL: templatePkiUrl,
        TRUST_PROXY: 'on',
        DATABASE_URL: databaseUrl,
        PKCS11_MODULE: String(modulePath),
        PKCS11_PIN_FILE: join(shared, 'pkcs11-pin'),
        SOFTHSM2_CONF: confPath,
        SIGNING_WORKERS: '1',
        KEY_POOL: '0'
      })
      const { rows } = await sql.query<{ id: string }>('select id from servers order by id desc limit 1')
      return { process, serverId: rows[0]?.id ?? '', url: process.url, dataDir }
    }
    // One after the other, so that the newest row is the one that was just started.
    for (let index = 0; index < size; index += 1) members.push(await start(index))
    nginx = await startNginx({ program: nginxProgram, port, servers: ports })
    return {
      url,
      members,
      databaseUrl,
      sql,
      async restart(index) {
        members[index] = await start(index)
      },
      stopServers: () => Promise.all(members.map((member) => member.process.stop())),
      close
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Ports that nobody listens on; held all at once, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const holders = await Promise.all(
    Array.from({ length: count }, async () => {
      const holder = createServer()
      await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
      return holder
    })
  )
  const ports = holders.map((holder) => {
    const address = holder.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  })
  await Promise.all(holders.map((holder) => new Promise((resolve) => holder.close(resolve))))
  return ports
}

/** Whether a process is stopped (`T` in /proc), so that what it left open stays open. */
export const isStopped = (pid: number): boolean =>
  / T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/, ''))
