/** `npm run portal`: the reference portal beside a kyso server. See docs/portal.md. */
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { createAuthorities } from './authorities/all.js'
import { createPortal } from './portal.js'
import { readSettings, type Settings } from './settings.js'

/** Between two questions whether the server is there. */
const lookIntervalMs = 3_000
const stopTimeoutMs = 5_000

const settings = read()
const stopping = new AbortController()
const app = createPortal({
  authorities: createAuthorities({
    baseUrl: settings.kysoUrl,
    clientId: settings.clientId,
    clientSecret: settings.clientSecret
  }),
  now: () => new Date(),
  log: pino({ level: 'warn' }, pino.destination(2))
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop())
try {
  const url = await app.listen({ host: '127.0.0.1', port: settings.port })
  console.log(`The portal is at ${url}`)
} catch (error) {
  console.error(`The portal cannot listen on port ${settings.port}: ${(error as Error).message}`)
  process.exit(1)
}
await waitForServer(settings)

function read(): Settings {
  try {
    return readSettings(process.env)
  } catch (error) {
    console.error((error as Error).message)
    process.exit(1)
  }
}

/** Says once what is missing, and goes on asking until it is there. */
async function waitForServer({ kysoUrl }: Settings): Promise<void> {
  for (let asked = 0; !stopping.signal.aborted; asked += 1) {
    if (await isReady(kysoUrl)) {
      if (asked > 0) console.log(`The server at ${kysoUrl} is there.`)
      return
    }
    if (asked === 0) {
      console.log(
        `No server answers at ${kysoUrl}. In another terminal: npm start (the portal goes on asking)`
      )
    }
    await sleep(lookIntervalMs, undefined, { signal: stopping.signal }).catch(() => undefined)
  }
}

async function isReady(kysoUrl: string): Promise<boolean> {
  try {
    const { ok } = await fetch(`${kysoUrl}/health/ready`, { signal: AbortSignal.timeout(lookIntervalMs) })
    return ok
  } catch {
    return false
  }
}

async function stop(): Promise<void> {
  stopping.abort()
  setTimeout(() => process.exit(1), stopTimeoutMs).unref()
  await app.close()
}
