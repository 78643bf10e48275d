import type { BaseLogger } from 'pino'
import type { OperatorRegister } from '../access/operators.js'
import type { RelyingPartyRegister } from '../access/relying-parties.js'
import type { Enrolment } from '../enrolment/create.js'
import type { Directory, Subscriber } from '../enrolment/enrolment.js'
import { type ErrorCode, ServiceError } from '../errors.js'
import type { KeyAlgorithm } from '../hsm/hsm.js'
import type { Pki } from '../pki/pki.js'
import type { Database } from '../store/database.js'
import type { SimulationTraces } from '../store/simulation-traces.js'
import { type DemoPerson, demoClient, demoOperatorKey, demoPeople } from './demo-people.js'
import type { VirtualPhoneSettings } from './phone-settings.js'
import { createSlots } from './slots.js'

/** People seeded at once: each waits for keys that the HSM makes on one core. */
const peopleAtOnce = 2
/** In the order of every list. The last one is the last step of a person: who has it is complete. */
const algorithms: readonly KeyAlgorithm[] = ['RSA-2048', 'P-256']

/** What the seed calls: what operators call, and the two doors that give it names of its own. */
export interface SeedDeps {
  operators: Pick<OperatorRegister, 'create'>
  relyingParties: Pick<RelyingPartyRegister, 'create'>
  enrolment: Pick<Enrolment, 'createSubscriber' | 'issueCredential'>
  directory: Pick<Directory, 'subscriberByLogin' | 'credentialsOf'>
  virtualPhones: Pick<VirtualPhoneSettings, 'set'>
  pki: Pick<Pki, 'stableSerialNumber'>
  tryHold: Database['tryHold']
  log: Pick<BaseLogger, 'info' | 'warn'>
  /** Who made it all, as the audit names the actor. */
  actor: string
}

/**
 * Whether to plant the demo seed. `demo-if-empty` means a database that nobody has used, or one in which this seed
 * was begun: what a crash left half done is finished, and what is complete stays as it is.
 */
export function wantsSeed(
  setting: 'demo' | 'demo-if-empty' | 'none',
  found: { empty: boolean; traces: SimulationTraces }
): boolean {
  if (setting !== 'demo-if-empty') return setting === 'demo'
  return found.empty || found.traces.operators || found.traces.relyingParties || found.traces.subscribers
}

/**
 * Plants the demo seed of docs/api.md. Every step is found done when it was done, by key, clientId, login or serial,
 * so it may be cut short anywhere and run again; what an operator removed since is not brought back.
 */
export async function plantDemoSeed(deps: SeedDeps): Promise<void> {
  const { operators, relyingParties, log, actor } = deps
  if (!(await deps.tryHold('demo-seed'))) {
    log.warn('another server plants the demo seed')
    return
  }
  const startedAt = performance.now()
  const operator = { name: 'Demo administrator', role: 'administrator' as const }
  await unless('state_conflict', operators.create(operator, actor, demoOperatorKey))
  for (const { provider } of demoPeople) {
    const party = {
      provider,
      name: 'Dịch vụ công trực tuyến KBNN (SIMULATED)',
      redirectUris: ['loopback'],
      callbackUrls: ['loopback']
    }
    await unless('state_conflict', relyingParties.create(party, actor, demoClient))
  }
  const slots = createSlots(peopleAtOnce)
  const planted = await Promise.all(demoPeople.map((person) => slots.use(() => plantPerson(deps, person))))
  if (planted.includes(true)) log.info({ ms: since(startedAt) }, 'demo seed: complete')
}

/** False: nothing was missing. */
async function plantPerson(deps: SeedDeps, person: DemoPerson): Promise<boolean> {
  const { enrolment, directory, virtualPhones, pki, log, actor } = deps
  const { provider, login } = person
  const startedAt = performance.now()
  const subscriber = await subscriberOf(deps, person)
  const serials = new Set((await directory.credentialsOf(subscriber.id)).map((one) => one.serialNumber))
  const missing = algorithms
    .map((algorithm) => ({
      algorithm,
      serialNumber: pki.stableSerialNumber(provider, `${login} ${algorithm}`)
    }))
    .filter(({ serialNumber }) => !serials.has(serialNumber))
  if (missing.length === 0) return false

  await virtualPhones.set(subscriber.id, { behaviour: 'confirm', delayMs: 0, biometric: 'face' }, actor)
  for (const { algorithm, serialNumber } of missing) {
    await unless(
      'state_conflict',
      enrolment.issueCredential(subscriber.id, { algorithm, serialNumber, publish: true }, actor)
    )
  }
  log.info({ ms: since(startedAt) }, `demo seed: ${person.fullName} at ${provider}, login ${login}`)
  return true
}

async function subscriberOf(
  { enrolment, directory, actor }: SeedDeps,
  { password, ...person }: DemoPerson
): Promise<Subscriber> {
  // Looked up first: hashing a password takes longer than all the rest of a seed that is planted already.
  const present = await directory.subscriberByLogin(person.provider, person.login)
  if (present !== null) return present
  const input = { ...person, ...(password === null ? {} : { password }), demo: true }
  return enrolment.createSubscriber(input, actor)
}

/** The result, or null where it failed because it was there already. */
async function unless<T>(code: ErrorCode, attempt: Promise<T>): Promise<T | null> {
  try {
    return await attempt
  } catch (error) {
    if (error instanceof ServiceError && error.code === code) return null
    throw error
  }
}

const since = (startedAt: number): number => Math.round(performance.now() - startedAt)
