import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { type Config, readConfig } from './config.js'
import { StartError } from './errors.js'
import { createLog } from './http/log.js'
import { type RunningServer, startServer } from './server.js'
import { type DataDir, openDataDir } from './store/data-dir.js'
import { tlsRootFile } from './tls.js'

/** Closing takes less than 2 s; what has not ended then is left behind, and the next start mends it. */
const closeTimeoutMs = 1_900
/** npm passes a signal on that its whole process group, and so we, got already: that is not a second one. */
const sameSignalMs = 500

/**
 * Octets outside V8's heap count against the room that the heap may grow by, here threefold. With V8's own choice, some
 * 30 MiB, a document of 10 MiB has the whole heap looked through once or twice, which costs as much as all else that is
 * done with it. The price is some 80 MiB.
 */
const heapGrowingPercent = 200

/** Opens the data folder, serves until a signal comes, and closes in the opposite order. */
async function main(): Promise<void> {
  setFlagsFromString(`--heap-growing-percent=${heapGrowingPercent}`)
  // Whoever read our output may be gone before us.
  process.stdout.on('error', () => undefined)
  const config = readConfig()
  const log = createLog(config.logLevel)
  let dataDir: DataDir | undefined
  let server: RunningServer | undefined
  let starting: Promise<unknown> | undefined
  let stoppingSince: number | undefined

  async function stop(code: number): Promise<void> {
    if (stoppingSince !== undefined) {
      // A second signal: at once. PostgreSQL is told on the way out.
      if (performance.now() - stoppingSince > sameSignalMs) process.exit(1)
      return
    }
    stoppingSince = performance.now()
    setTimeout(() => {
      log.warn(`closing took more than ${closeTimeoutMs} ms`)
      process.exit(code)
    }, closeTimeoutMs)
    try {
      await dataDir?.closing()
      await starting?.catch(() => undefined)
      await server?.close()
      await dataDir?.release()
    } catch (error) {
      log.error({ err: error }, 'closing failed')
    }
    process.exit(code)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop(0))
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error) => {
      log.fatal({ err: error }, 'a mistake in the program; closing')
      void stop(1)
    })
  }

  try {
    dataDir = await openDataDir(config.dataDir, (pid) =>
      say(`waiting for the process with pid ${pid} to close`)
    )
    starting = startServer(config, { log }).then((running) => {
      server = running
    })
    await starting
  } catch (error) {
    // A signal came first: `stop` ends the process.
    if (stoppingSince !== undefined) return
    await dataDir?.release()
    throw error
  }
  if (stoppingSince !== undefined || server === undefined) return
  for (const line of banner(config)) say(line)
  say(`ready ${server.url}`)
}

function banner(config: Config): string[] {
  const kept = config.databaseUrl === null ? config.dataDir : `${config.dataDir} and DATABASE_URL`
  return [
    '',
    '  kyso plays four certificate authorities. Everything here is SIMULATED:',
    '  its certificates are worth nothing outside this machine.',
    `  Simulation aids are ${config.simulation ? 'on' : 'off'}. Data is kept in ${kept}.`,
    ...(config.tls
      ? [`  Clients reach it over TLS when they trust ${join(config.dataDir, tlsRootFile)}.`]
      : []),
    ''
  ]
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

try {
  await main()
} catch (error) {
  // A sentence for whoever started us; a stack only for a mistake of ours.
  console.error(error instanceof StartError ? error.message : error)
  process.exit(1)
}
