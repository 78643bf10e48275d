import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const startTimeoutMs = 120_000
const stopTimeoutMs = 10_000
const root = fileURLToPath(new URL('../../../', import.meta.url)) // from build/examples/demo/

/** A server with a data folder of its own, both gone after `stop`. */
export interface ThrowawayServer {
  url: string
  /** Runs a command of the server on the same data folder and answers its standard output. */
  command(name: string, args: readonly string[]): Promise<string>
  stop(): Promise<void>
}

/** Starts one on a free port, empty: no demo seed. */
export async function startThrowawayServer(): Promise<ThrowawayServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'kyso-demo-'))
  // Settings of whoever calls do not reach it: a demo must not write into somebody's database or HSM.
  const env = {
    ...pick(process.env, ['PATH', 'HOME', 'TMPDIR', 'LANG', 'LD_LIBRARY_PATH']),
    DATA_DIR: dataDir,
    PORT: '0',
    SEED: 'none',
    SIMULATION: 'on',
    LOG_LEVEL: 'warn'
  }
  const child = spawn(process.execPath, [join(root, 'build/src/main.js')], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))

  async function stop(): Promise<void> {
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
    await ended
    clearTimeout(timer)
    await rm(dataDir, { recursive: true, force: true })
  }

  const ready = new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the server is not ready in time')), startTimeoutMs)
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
    createInterface({ input: child.stdout }).on('line', (line) => {
      const url = /^ready (\S+)$/.exec(line)?.[1]
      if (url === undefined) return
      clearTimeout(timer)
      resolve(url)
    })
  })
  try {
    const url = await ready
    return { url, stop, command: (name, args) => runCommand(name, args, env) }
  } catch (error) {
    await stop()
    throw error
  }
}

/** What a command says beside its result is shown only when it fails. */
async function runCommand(name: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const program = join(root, `build/src/commands/${name}.js`)
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...args], { cwd: root, env })
  return stdout.trim()
}

function pick(from: NodeJS.ProcessEnv, names: readonly string[]): NodeJS.ProcessEnv {
  return Object.fromEntries(names.flatMap((name) => (from[name] === undefined ? [] : [[name, from[name]]])))
}
