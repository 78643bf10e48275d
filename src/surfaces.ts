import type { Logger } from 'pino'
import { createRefusals } from './access/refusals.js'
import type { AuditEvent } from './audit/audit.js'
import type { Clock } from './clock.js'
import type { Config } from './config.js'
import { csc } from './csc/csc.js'
import { leniencies } from './csc/leniencies.js'
import { readSpecs } from './csc/specs.js'
import { dialectSurface, quirks } from './dialects.js'
import type { Ground } from './ground.js'
import { type App, createApp } from './http/app.js'
import { addHealth } from './http/health.js'
import type { ServerTls } from './http/tls.js'
import type { Middle } from './middle.js'
import { operator } from './operator/plugin.js'
import { phone } from './phone/phone.js'
import { openQuirks } from './providers/dialect/quirks.js'
import { providers, unsupportedProviders } from './providers/registry.js'
import { publication } from './publication/publication.js'
import { createOutbox } from './simulation/outbox.js'
import type { VirtualPhoneSettings } from './simulation/phone-settings.js'
import { createActivationList } from './store/activation-list.js'
import { createIdempotencyKeys } from './store/idempotency.js'
import { createOutboxStore } from './store/outbox.js'
import { createUsedTokenIds } from './store/used-token-ids.js'

/** What the surfaces are handed. */
export interface SurfacesOptions {
  ground: Ground
  middle: Middle
  /** Null with SIMULATION=off: then its routes do not exist. */
  virtualPhones: VirtualPhoneSettings | null
  config: Config
  log: Logger
  now: Clock
  publicUrl: string
  /** Null: plain HTTP. */
  tls: ServerTls | null
}

/**
 * Every HTTP route of the server, on one app that does not listen yet.
 * @throws StartError for a quirk or leniency that nobody knows.
 */
export async function openSurfaces(options: SurfacesOptions): Promise<App> {
  const { ground, middle, config, log, now, publicUrl, tls } = options
  const { database, hsm } = ground
  const refusals = createRefusals({ audit: middle.audit })
  const quirk = openQuirks([...quirks, ...leniencies], config.quirksOff)
  const dialects = dialectSurface({ ...middle, refusals, now, quirk, publicUrl })
  const app = createApp({
    log,
    host: config.host,
    trustProxy: config.trustProxy,
    publicUrl: () => publicUrl,
    isProviderHost: dialects.hosts.isProviderHost,
    rewrite: dialects.hosts.rewrite,
    tls,
    onForeignHost: (host) => refusals.record('host', 'unknown', foreignHost(host))
  })

  addHealth(app, {
    checks: { database: () => database.check(), hsm: () => hsm.check() },
    gauges: () => ({
      ...prefixed('hsm', hsm.stats()),
      ...prefixed('database', database.stats()),
      ...prefixed('signing', middle.signing.stats()),
      ...prefixed('timestamps', middle.pki.timestamps.stats())
    })
  })
  await app.register(publication, { pki: middle.pki })
  app.addHook('preClose', () => refusals.close())
  await app.register(dialects.routes)
  const specsOf = readSpecs(
    config.cscSpecs,
    providers.map(({ id }) => id)
  )
  await app.register(csc, {
    ...middle,
    refusals,
    providers,
    publicUrl,
    specsOf,
    credentialChanges: config.cscCredentials,
    lenient: quirk,
    now
  })
  await app.register(phone, {
    providers,
    directory: middle.directory,
    usedTokenIds: createUsedTokenIds(database),
    activations: middle.activations,
    enrolment: middle.enrolment,
    audit: middle.audit,
    virtualDevices: config.simulation,
    publicUrl,
    now
  })
  await app.register(operator, {
    prefix: '/operator',
    access: middle.access,
    idempotencyKeys: createIdempotencyKeys(database),
    providers: { served: providers, unsupported: unsupportedProviders },
    audit: middle.audits,
    activationList: createActivationList(database),
    deliveries: middle.deliveries,
    requests: { note: middle.notes.find, transaction: middle.transactions.findByRequest },
    enrolment: middle.enrolment,
    logins: middle.logins,
    totp: middle.totp,
    directory: middle.directory,
    pki: middle.pki,
    virtualPhones: options.virtualPhones,
    outbox: config.simulation ? createOutbox({ store: createOutboxStore(database), now }) : null,
    now
  })
  return app
}

/** Somebody's page that points its name here, or a mistake. */
const foreignHost = (host: string): AuditEvent => ({
  type: 'request.refused',
  actor: 'anyone',
  about: { code: 'host_unknown', host: host.slice(0, 100) }
})

/** `keyLoads` of the HSM becomes `hsm_key_loads`. */
function prefixed(prefix: string, numbers: object): Record<string, number> {
  const entries = Object.entries(numbers).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number'
  )
  return Object.fromEntries(
    entries.map(([name, value]) => [
      `${prefix}_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`,
      value
    ])
  )
}
