import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { createInterface } from 'node:readline'

const main = new URL('../../src/main.js', import.meta.url)
/** A start takes some seconds at most. */
const startTimeoutMs = 120_000

/** The server under test: `npm start`'s own program, as a process. */
export interface ServerProcess {
  readonly url: string
  readonly pid: number
  /** From spawning to `ready`. */
  readonly startMs: number
  /** SIGTERM; resolves when it has ended. */
  stop(): Promise<void>
}

/**
 * Starts it. Its log goes to a file, as it would in service.
 * @param options.profile Folder for CPU profiles, written when it stops; or null.
 * @throws Error with the way it ended when it does not become ready.
 */
export async function startServerProcess(options: {
  env: Record<string, string>
  logPath: string
  profile: string | null
}): Promise<ServerProcess> {
  const startedAt = performance.now()
  const log = openSync(options.logPath, 'a', 0o600)
  const profiling = options.profile === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profile}`]
  const child = spawn(process.execPath, [...profiling, main.pathname], {
    env: { PATH: process.env.PATH, ...options.env },
    stdio: ['ignore', 'pipe', log]
  })
  closeSync(log)
  const ended = once(child, 'exit')
  const url = await readyUrl(child, options.logPath).catch((error: unknown) => {
    child.kill('SIGKILL')
    throw error
  })
  return {
    url,
    pid: child.pid ?? 0,
    startMs: performance.now() - startedAt,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      await ended
    }
  }
}

function readyUrl(child: ChildProcess, logPath: string): Promise<string> {
  const { stdout } = child
  if (stdout === null) throw new TypeError('standard output is a pipe')
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the server does not become ready')), startTimeoutMs)
    createInterface({ input: stdout }).on('line', (line) => {
      if (!line.startsWith('ready ')) return
      clearTimeout(timer)
      resolve(line.slice('ready '.length))
    })
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      reject(new Error(`the server ended with ${code ?? signal}; its log is ${logPath}`))
    })
  })
}
