import type { KeyObject } from 'node:crypto'
import type { Activations } from '../../src/activation/activation.js'
import { challengeOf } from '../../src/activation/challenge.js'
import type { Clock } from '../../src/clock.js'
import { digestOf } from '../load/documents.js'
import { biometricToken, deviceKey } from './device.js'
import { credentialOf, type Person, type Population, type Wanted } from './protocol.js'

/** People whose activations are prepared at the same time. */
const lanes = 24
/** Of one person, since a relying party may let no more wait (the limit of the middle floor is 5). */
const lanesOfOne = 4
const progressEvery = 200

/** What approving stands on. */
export interface ApproveDeps {
  activations: Pick<Activations, 'ask' | 'confirm'>
  publicUrl: string
  now: Clock
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
  const ids = new Array<string>(wanted.length)
  const queues = new Map<number, number[]>()
  wanted.forEach(({ person }, index) => {
    const queue = queues.get(person)
    if (queue === undefined) queues.set(person, [index])
    else queue.push(index)
  })
  const parts = queues.size < lanes ? lanesOfOne : 1
  const waiting = [...queues].flatMap(([person, indices]) =>
    split(indices, parts).map((part) => ({ person, part }))
  )
  const keys = new Map<number, KeyObject>()
  let done = 0

  async function work(): Promise<void> {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const person = population.people[next.person]
      if (person === undefined) throw new RangeError(`there is no person ${next.person}`)
      const key = keys.get(next.person) ?? deviceKey(person)
      keys.set(next.person, key)
      for (const index of next.part) {
        ids[index] = await approveOne(deps, population, person, key, seed, wanted[index] as Wanted)
        done += 1
        if (done % progressEvery === 0) progress(done, wanted.length)
      }
    }
  }
  await Promise.all(Array.from({ length: lanes }, work))
  return ids
}

async function approveOne(
  { activations, publicUrl, now }: ApproveDeps,
  { provider, clientId }: Population,
  person: Person,
  key: KeyObject,
  seed: string,
  { algorithm, documents }: Wanted
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
  const token = biometricToken(person, key, challengeOf(activation, publicUrl), now())
  await activations.confirm({ deviceId: person.deviceId, activationId: activation.id, token })
  return activation.id
}

/** The parts of one person's work that go side by side. */
function split(indices: readonly number[], count: number): number[][] {
  const parts = Array.from({ length: Math.min(count, indices.length) }, (): number[] => [])
  indices.forEach((index, place) => {
    parts[place % parts.length]?.push(index)
  })
  return parts
}
