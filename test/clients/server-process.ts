import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import pg from 'pg'

const main = new URL('../../src/main.js', import.meta.url)

/** The server as its own process, so that it can be killed. */
export class ServerProcess {
  readonly #child: ChildProcess
  readonly url: string
  readonly #dataDir: string

  private constructor(child: ChildProcess, url: string, dataDir: string) {
    this.#child = child
    this.url = url
    this.#dataDir = dataDir
  }

  /** Starts it and resolves when it says that it is ready. */
  static async start(dataDir: string, env: Record<string, string> = {}): Promise<ServerProcess> {
    const child = spawn(process.execPath, [main.pathname], {
      env: { PATH: process.env.PATH, PORT: '0', LOG_LEVEL: 'warn', ...env, DATA_DIR: dataDir },
      stdio: ['ignore', 'pipe', 'pipe']
    })
    let complaints = ''
    child.stderr.on('data', (chunk: Buffer) => {
      complaints = (complaints + chunk.toString()).slice(-4_000)
    })
    const url = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line.startsWith('ready ')) resolve(line.slice('ready '.length))
      })
      child.once('exit', (code, signal) => reject(new Error(`ended with ${code ?? signal}: ${complaints}`)))
    })
    return new ServerProcess(child, url, dataDir)
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** `kill -9`: no chance to finish anything. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** SIGTERM, and how it ended. */
  async stop(): Promise<number | null> {
    await this.#end('SIGTERM')
    return this.#child.exitCode
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill(signal)
    await ended
  }

  /** `kill -9` of the embedded PostgreSQL's main process. */
  killPostgres(): void {
    const lines = readFileSync(join(this.#dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')
    process.kill(Number(lines[0]), 'SIGKILL')
  }

  /** Waits until health/ready answers 200. */
  async ready(): Promise<void> {
    for (let turn = 0; turn < 600; turn += 1) {
      const response = await fetch(`${this.url}/health/ready`).catch(() => null)
      if (response?.status === 200) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error('the server does not become ready')
  }

  /** A connection to the embedded database, past the server: what an attacker with SQL has. */
  async sql(): Promise<pg.Client> {
    const client = new pg.Client({
      host: this.#dataDir,
      port: 5432,
      user: 'kyso',
      database: 'kyso',
      password: readFileSync(join(this.#dataDir, 'postgres-password'), 'utf8').trim()
    })
    client.on('error', () => undefined) // its server may be killed
    await client.connect()
    return client
  }
}
