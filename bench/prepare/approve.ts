import type { KeyObject } from 'node:crypto'
import type { Activations } from '../../src/activation/activation.js'
import { challengeOf } from '../../src/activation/challenge.js'
import type { Clock } from '../../src/clock.js'
import { digestOf } from '../load/documents.js'
import { biometricToken } from './device.js'
import { inLanes } from './lanes.js'
import { credentialOf, type Person, type Population, personOf, type Wanted } from './protocol.js'

/** What approving stands on. */
export interface ApproveDeps {
  activations: Pick<Activations, 'ask' | 'confirm'>
  publicUrl: string
  now: Clock
  /** Device keys by person. */
  keyOf: (person: number) => KeyObject
}

/**
 * Asks for activations and has their owners' devices confirm each, through the middle floor: every check is made and
 * every audit event written that a portal and a phone would have caused over HTTP.
 * @returns Activation ids, in the order wanted.
 */
export async function approve(
  deps: ApproveDeps,
  population: Population,
  { seed, wanted }: { seed: string; wanted: readonly Wanted[] },
  progress: (done: number, of: number) => void
): Promise<string[]> {
  const { people } = population
  return inLanes(
    wanted,
    (one) => approveOne(deps, population, personOf(people, one.person), seed, one),
    progress
  )
}

async function approveOne(
  { activations, publicUrl, now, keyOf }: ApproveDeps,
  { provider, clientId }: Population,
  person: Person,
  seed: string,
  { person: number, algorithm, documents }: Wanted
): Promise<string> {
  const digests = Array.from({ length: documents.count }, (_, index) =>
    digestOf(seed, documents.first + index)
  )
  const activation = await activations.ask({
    provider,
    clientId,
    credentialId: credentialOf(person, algorithm).id,
    subscriberId: null,
    hash: 'SHA-256',
    digests,
    numSignatures: digests.length,
    documentNames: [],
    description: 'Hồ sơ thử tải'
  })
  const token = biometricToken(person, keyOf(number), challengeOf(activation, publicUrl), now())
  await activations.confirm({ deviceId: person.deviceId, activationId: activation.id, token })
  return activation.id
}
