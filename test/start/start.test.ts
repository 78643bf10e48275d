import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync
} from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'kyso-start-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
// Somebody's private folder: nothing above DATA_DIR may have to be opened.
chmodSync(folder, 0o700)
const dataDir = join(folder, 'data')
mkdirSync(dataDir, { mode: 0o700 })

const launched = new Set<ChildProcess>()
// A group of its own is not reached by what ends this file from outside.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const child of launched) child.kill('SIGTERM')
    process.exit(1)
  })
}

/** A server as a process group of its own, as a shell starts it. */
function launch(env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: String(process.env.PATH),
      DATA_DIR: dataDir,
      PORT: '0',
      SEED: 'none',
      LOG_LEVEL: 'warn',
      ...env
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const ready = new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('ready ')) resolve(line.slice(6))
    })
    child.on('exit', () => reject(new Error(errors)))
  })
  ready.catch(() => undefined)
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  t.teardown(() => child.kill('SIGKILL'))
  launched.add(child)
  return {
    pid: child.pid ?? 0,
    ready,
    exited,
    errors: () => errors,
    kill: (signal: NodeJS.Signals) => child.kill(signal)
  }
}

/** Processes of the embedded PostgreSQL, told by their working directory. */
function postgresProcesses(): number[] {
  const home = join(dataDir, 'postgres')
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`) === home
      } catch {
        return false
      }
    })
    .map(Number)
}

const status = async (url: string) => (await fetch(`${url}/health/ready`)).status

t.test('it starts in a folder of mode 0700 and leaves every mode and owner as it was', async (t) => {
  const server = launch()
  t.equal(await status(await server.ready), 200)
  for (const path of [folder, dataDir]) {
    t.equal(statSync(path).mode & 0o777, 0o700)
    t.equal(statSync(path).uid, process.getuid?.())
  }
  for (const file of readdirSync(dataDir, { withFileTypes: true })) {
    const { mode } = statSync(join(dataDir, file.name))
    t.equal(mode & 0o077, 0, `${file.name} is for its owner alone`)
  }
  const blockers = launch()
  const [code] = await blockers.exited
  t.equal(code, 1)
  t.match(blockers.errors(), `is in use by the process with pid ${server.pid}.`)
  process.kill(-server.pid, 'SIGTERM')
  t.same(await server.exited, [0, null], 'SIGTERM to the process group ends it with 0')
  t.same(postgresProcesses(), [], 'and its database with it')
})

t.test('killed with -9 it is started again, on the database that was left running', async (t) => {
  const first = launch()
  await first.ready
  first.kill('SIGKILL')
  await first.exited
  t.not(postgresProcesses().length, 0, 'PostgreSQL outlives it')
  const second = launch()
  t.equal(await status(await second.ready), 200)
  second.kill('SIGKILL')
  await second.exited
  const postmaster = Number(readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0])
  process.kill(postmaster, 'SIGKILL')
  const third = launch()
  t.equal(await status(await third.ready), 200, 'also when PostgreSQL was killed, too')
  third.kill('SIGINT')
  t.same(await third.exited, [0, null])
})

t.test('readiness is red while PostgreSQL is away, and green again by itself', async (t) => {
  const server = launch()
  const url = await server.ready
  for (const pid of postgresProcesses()) process.kill(pid, 'SIGSTOP')
  const response = await fetch(`${url}/health/ready`)
  t.equal(response.status, 503)
  t.same(await response.json(), { status: 'unavailable', unavailable: ['database'] })
  for (const pid of postgresProcesses()) process.kill(pid, 'SIGKILL')
  while ((await status(url)) !== 200) await new Promise((resolve) => setTimeout(resolve, 50))
  t.pass('PostgreSQL was brought back')
  server.kill('SIGTERM')
  t.same(await server.exited, [0, null])
  t.same(postgresProcesses(), [])
})

t.test('a start on a folder that is just closing waits for it', async (t) => {
  const first = launch()
  await first.ready
  first.kill('SIGTERM')
  const second = launch()
  t.equal(await status(await second.ready), 200)
  second.kill('SIGTERM')
  t.same(await second.exited, [0, null])
})

// The socket that reserves the port accepts connections and never lets them go.
t.test('one who asks before it listens does not keep it from listening', async (t) => {
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const address = free.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  await new Promise((resolve) => free.close(resolve))
  const server = launch({ PORT: String(port) })
  let asking = true
  const asked = (async () => {
    while (asking) {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => undefined)
      socket.write('GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })()
  t.equal(await server.ready, `http://127.0.0.1:${port}`)
  asking = false
  await asked
  server.kill('SIGTERM')
  t.same(await server.exited, [0, null])
})

t.test('a setting that cannot be used stops the start with a sentence', async (t) => {
  const server = launch({ PORT: 'eighty', SAD_TTL_S: '-5' })
  t.same(await server.exited, [1, null])
  t.equal(
    server.errors(),
    'PORT must be a whole number from 0 to 65535, not "eighty".\nSAD_TTL_S must be a whole number from 1 to 86400, not "-5".\n'
  )
})
