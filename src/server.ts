import { createServer } from 'node:net'
import type { Logger } from 'pino'
import { v7 as uuidv7 } from 'uuid'
import { startChores } from './chores.js'
import type { Clock } from './clock.js'
import { type Closing, closeAll } from './closing.js'
import { type Config, publicUrlOf } from './config.js'
import { StartError } from './errors.js'
import { type Ground, openGround } from './ground.js'
import { createLog } from './http/log.js'
import { type Middle, openMiddle } from './middle.js'
import { assertNoSimulation } from './simulation/assert-no-simulation.js'
import { createOutbox } from './simulation/outbox.js'
import { createVirtualPhoneSettings } from './simulation/phone-settings.js'
import { plantDemoSeed, wantsSeed } from './simulation/seed.js'
import { playVirtualPhones } from './simulation/virtual-phones.js'
import { createIdempotencyKeys } from './store/idempotency.js'
import { createOutboxStore } from './store/outbox.js'
import { findSimulationTraces, isEmpty } from './store/simulation-traces.js'
import { createUsedTokenIds } from './store/used-token-ids.js'
import { createVirtualPhoneStore } from './store/virtual-phones.js'
import { openSurfaces } from './surfaces.js'
import { certifiedNames, openTls } from './tls.js'
import { notesKeptDays } from './transactions/request-notes.js'

/** A server that listens. */
export interface RunningServer {
  /** `http://host:port`, or https, where it listens. */
  url: string
  /** Takes no more, lets what is under way end, and closes everything within 2 s. Idempotent. */
  close(): Promise<void>
}

/** What a test may set from outside. */
export interface ServerOverrides {
  now?: Clock
  log?: Logger
}

/**
 * Opens the house from the ground up and listens. The caller holds the data folder.
 * @throws StartError with a sentence for whoever started it; whatever was open is closed again.
 */
export async function startServer(config: Config, overrides: ServerOverrides = {}): Promise<RunningServer> {
  const { now = () => new Date(), log = createLog(config.logLevel) } = overrides
  /** What has been opened, to be closed in the opposite order. */
  const open: Closing[] = []
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= closeAll(open, log)
    return closing
  }
  try {
    const place = await reservePlace(config.host, config.port)
    open.push(place.release)
    // A port that was named is known beforehand. A balancer must find it closed until requests are answered: one that
    // is accepted and then dropped would not be given to another server.
    if (config.port !== 0) await place.release()
    const publicUrl = publicUrlOf(config, place.port)
    const serverId = uuidv7({ msecs: now().getTime() })

    const ground = await openGround(config, log, now)
    open.push(ground.close)
    const traces = await findSimulationTraces(ground.database)
    if (!config.simulation) assertNoSimulation(traces)
    const seeded = wantsSeed(config.seed, { empty: await isEmpty(ground.database), traces })

    const serverNames = config.tls ? certifiedNames(publicUrl) : null
    const middle = await openMiddle({ ground, config, log, now, serverId, publicUrl, serverNames })
    open.push(middle.close)
    await middle.recovery.recoverDeadServers()
    await middle.enrolment.recoverPendingKeys()
    const tls = await openTls(middle.pki.serverCertificates, { dataDir: config.dataDir, now })
    const chores = startChores([...choresOf(ground, middle, now), ...(tls?.chores ?? [])], log)
    open.push(() => chores.stop())

    const simulated = config.simulation ? openSimulation(ground, middle) : null
    const virtualPhones = simulated?.settings ?? null
    if (simulated !== null && seeded) {
      const { enrolment, directory, pki } = middle
      const { operators, relyingParties } = middle.access
      const tryHold = ground.database.tryHold
      const actor = `server:${serverId}`
      await plantDemoSeed({
        operators,
        relyingParties,
        enrolment,
        directory,
        virtualPhones: simulated.settings,
        pki,
        tryHold,
        log,
        actor
      })
    }

    const app = await openSurfaces({
      ...{ ground, middle, virtualPhones, config, log, now, publicUrl },
      tls: tls?.server ?? null
    })
    open.push(() => app.close())
    await place.release()
    await app.listen({ host: config.host, port: place.port }).catch((cause: NodeJS.ErrnoException) => {
      throw unusable(config.host, place.port, cause)
    })
    const url = publicUrlOf({ ...config, publicUrl: null }, place.port)

    if (simulated !== null) {
      const { directory, activations } = middle
      const { keys } = ground.hsm
      const { watchAll } = activations
      const tryHold = ground.database.tryHold
      const phones = playVirtualPhones({
        baseUrl: url,
        publicUrl,
        store: simulated.store,
        keys,
        directory,
        watchAll,
        tryHold,
        now,
        log,
        ...(tls === null ? {} : { fetch: tls.fetch })
      })
      open.push(() => phones.close())
    }
    return { url, close }
  } catch (error) {
    await close()
    throw error
  }
}

function openSimulation(ground: Ground, { enrolment, directory, audit }: Middle) {
  const store = createVirtualPhoneStore(ground.database)
  return { store, settings: createVirtualPhoneSettings({ store, enrolment, directory, audit }) }
}

/** What a running server does by the clock. */
function choresOf(
  { database }: Ground,
  {
    activations,
    signing,
    responses,
    transactions,
    documents,
    uploads,
    deliveries,
    notes,
    audit,
    recovery,
    access,
    oauth,
    logins,
    months,
    removeOld
  }: Middle,
  now: Clock
) {
  const usedTokenIds = createUsedTokenIds(database)
  const idempotencyKeys = createIdempotencyKeys(database)
  const outbox = createOutbox({ store: createOutboxStore(database), now })
  return [
    { name: 'ending what has expired', everyMs: 1_000, run: () => activations.expire() },
    { name: 'ending what could not be recorded', everyMs: 1_000, run: () => signing.settle() },
    { name: 'bringing transactions to their end', everyMs: 1_000, run: () => transactions.sweep() },
    { name: 'telling of responses', everyMs: 1_000, run: () => responses.sweep() },
    { name: 'delivering outcomes', everyMs: 1_000, run: async () => deliveries.wake() },
    { name: 'signing an audit checkpoint', everyMs: 10_000, run: () => audit.checkpoint() },
    { name: 'recovering dead servers', everyMs: 10_000, run: () => recovery.recoverDeadServers() },
    { name: 'making the partitions of months to come', everyMs: 3_600_000, run: () => months.refresh() },
    { name: 'removing what was kept long enough', everyMs: 3_600_000, run: () => removeOld() },
    {
      name: 'forgetting what is over',
      everyMs: 60_000,
      run: () =>
        Promise.all([
          access.purge(),
          oauth.purge(),
          logins.purge(),
          responses.purge(),
          documents.purge(),
          uploads.purge(),
          outbox.purge(),
          usedTokenIds.purge(now()),
          idempotencyKeys.purge(now()),
          notes.purge(new Date(now().getTime() - notesKeptDays * 86_400_000))
        ])
    }
  ]
}

/**
 * Finds the port, and holds it until it is released: one that was picked must still be free when the house is open,
 * since certificates name it.
 * @throws StartError naming the address in use.
 */
async function reservePlace(
  host: string,
  port: number
): Promise<{ port: number; release: () => Promise<void> }> {
  // Whoever asks before the house is open is turned away; a connection left hanging would never let the port go.
  const holder = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    holder.once('error', (cause: NodeJS.ErrnoException) => reject(unusable(host, port, cause)))
    holder.listen({ host, port, exclusive: true }, resolve)
  })
  const address = holder.address()
  if (address === null || typeof address === 'string') throw new TypeError('a TCP server has a port')
  return {
    port: address.port,
    release: () => new Promise((resolve) => (holder.listening ? holder.close(() => resolve()) : resolve()))
  }
}

function unusable(host: string, port: number, cause: NodeJS.ErrnoException): StartError {
  const because =
    cause.code === 'EADDRINUSE'
      ? 'is in use: set PORT to another, or to 0'
      : `cannot be used: ${cause.message}`
  return new StartError(`${host}:${port} ${because}.`, { cause })
}
