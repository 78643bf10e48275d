import { createHash } from 'node:crypto'
import type { Client, ClientConfig } from 'pg'
import pg from 'pg'
import { ServiceError } from '../errors.js'
import { translated } from './connection-error.js'
import type { Database } from './database.js'
import type { StoreLog } from './log.js'

/** Pauses between attempts to connect again: doubled from the first to the last. */
const retryFirstMs = 100
const retryLastMs = 2_000
/** A connection that is silently gone (a cable, a firewall) is noticed by asking. */
const heartbeatMs = 10_000
const heartbeatTimeoutMs = 5_000

type Handler = (payload: string | null) => void

/**
 * The one connection that is never lent out: NOTIFY arrives on it and advisory locks live as long as it does. It
 * comes back by itself; the locks held on the old one are gone then, and every listener is told `null` once.
 */
export function createDedicatedConnection({
  client: settings,
  log
}: {
  client: ClientConfig
  log: StoreLog
}) {
  const handlers = new Map<string, Set<Handler>>()
  const held = new Set<string>()
  let current: Client | null = null
  let connecting: Promise<Client> | null = null
  let retry: NodeJS.Timeout | null = null
  let heartbeat: NodeJS.Timeout | null = null
  let pauseMs = retryFirstMs
  let connectedBefore = false
  let closed = false
  let queue: Promise<unknown> = Promise.resolve()

  function call(handler: Handler, payload: string | null): void {
    try {
      handler(payload)
    } catch (error) {
      log.error({ err: error }, 'a listener failed')
    }
  }

  async function connect(): Promise<Client> {
    const client = new pg.Client(settings)
    client.on('error', (error) =>
      log.debug({ reason: error.message }, 'the dedicated database connection broke')
    )
    client.on('notification', ({ channel, payload }) => {
      for (const handler of [...(handlers.get(channel) ?? [])]) call(handler, payload ?? '')
    })
    try {
      await client.connect()
      for (const channel of handlers.keys()) await client.query(`listen ${pg.escapeIdentifier(channel)}`)
    } catch (error) {
      client.end().catch(() => undefined)
      throw translated(error)
    }
    if (closed) {
      await client.end()
      throw new ServiceError('database_unavailable', 'the database was closed')
    }
    current = client
    pauseMs = retryFirstMs
    client.once('end', lost)
    heartbeat = setInterval(() => void beat(client), heartbeatMs)
    if (connectedBefore) {
      log.info('the dedicated database connection is back')
      for (const set of handlers.values()) for (const handler of [...set]) call(handler, null)
    }
    connectedBefore = true
    return client
  }

  /** The connection, made now if there is none; callers that come together share one attempt. */
  function ready(): Promise<Client> {
    if (closed) return Promise.reject(new ServiceError('database_unavailable', 'the database was closed'))
    if (current) return Promise.resolve(current)
    connecting ??= connect().finally(() => {
      connecting = null
    })
    return connecting
  }

  function lost(): void {
    current = null
    held.clear()
    if (heartbeat) clearInterval(heartbeat)
    if (closed) return
    log.warn('the dedicated database connection was lost; connecting again')
    tryAgain()
  }

  function tryAgain(): void {
    if (closed || retry) return
    retry = setTimeout(() => {
      retry = null
      ready().catch((error: Error) => {
        log.debug({ reason: error.message }, 'the database is still away')
        pauseMs = Math.min(pauseMs * 2, retryLastMs)
        tryAgain()
      })
    }, pauseMs)
  }

  async function beat(client: Client): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`no answer within ${heartbeatTimeoutMs} ms`)),
        heartbeatTimeoutMs
      )
    })
    try {
      await Promise.race([run(client, 'select 1'), silence])
    } catch (error) {
      log.warn({ err: error }, 'the dedicated database connection is silent')
      // `end` may wait for a server that is gone; what counts is that it is not used again.
      client.removeListener('end', lost)
      client.end().catch(() => undefined)
      if (current === client) lost()
    } finally {
      clearTimeout(timer)
    }
  }

  /** Statements wait for each other here; the driver is to be given one at a time. */
  async function run(client: Client, text: string, values: unknown[] = []) {
    const result = queue.then(() => client.query<{ held: boolean }>(text, values))
    queue = result.catch(() => undefined)
    try {
      return await result
    } catch (error) {
      throw translated(error)
    }
  }

  const listen: Database['listen'] = async (channel, handler) => {
    const client = await ready()
    // One handler may be given twice; each registration is its own.
    const own: Handler = (payload) => handler(payload)
    const set = handlers.get(channel) ?? new Set()
    handlers.set(channel, set.add(own))
    const stop = () => {
      if (!set.delete(own) || set.size > 0 || handlers.get(channel) !== set) return
      handlers.delete(channel)
      if (current) run(current, `unlisten ${pg.escapeIdentifier(channel)}`).catch(() => undefined)
    }
    try {
      await run(client, `listen ${pg.escapeIdentifier(channel)}`)
    } catch (error) {
      stop()
      throw error
    }
    return stop
  }

  const tryHold: Database['tryHold'] = async (name) => {
    const client = await ready()
    if (held.has(name)) return true
    const { rows } = await run(client, 'select pg_try_advisory_lock($1) as held', [lockKey(name)])
    if (rows[0]?.held !== true || current !== client) return false
    held.add(name)
    return true
  }

  async function close(): Promise<void> {
    closed = true
    if (retry) clearTimeout(retry)
    if (heartbeat) clearInterval(heartbeat)
    handlers.clear()
    held.clear()
    const client = current
    current = null
    if (!client) return
    let timer: NodeJS.Timeout | undefined
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, 500)
    })
    await Promise.race([client.end().catch(() => undefined), patience])
    clearTimeout(timer)
  }

  return { ready, listen, tryHold, close }
}

/** The 64-bit key of an advisory lock, from the first eight octets of SHA-256(`kyso:` + name). */
export function lockKey(name: string): string {
  return createHash('sha256').update(`kyso:${name}`).digest().readBigInt64BE(0).toString()
}
