import type { Wanted } from './protocol.js'

/** People whose activations are prepared at the same time. */
const lanes = 24
/** Of one person, since a relying party may let no more wait (the limit of the middle floor is 5). */
const lanesOfOne = 4
const progressEvery = 200

/**
 * Prepares many activations side by side, and few of one person at a time.
 * @param work Prepares one, in one of the lanes. @returns Its id.
 * @returns The ids, in the order wanted.
 */
export async function inLanes(
  wanted: readonly Wanted[],
  work: (one: Wanted, lane: number) => Promise<string>,
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
  const waiting = [...queues.values()].flatMap((indices) => split(indices, parts))
  let done = 0
  async function run(lane: number): Promise<void> {
    for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
      for (const index of part) {
        ids[index] = await work(wanted[index] as Wanted, lane)
        done += 1
        if (done % progressEvery === 0) progress(done, wanted.length)
      }
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, lane) => run(lane)))
  return ids
}

/** The parts of one person's work that go side by side. */
function split(indices: readonly number[], count: number): number[][] {
  const parts = Array.from({ length: Math.min(count, indices.length) }, (): number[] => [])
  indices.forEach((index, place) => {
    parts[place % parts.length]?.push(index)
  })
  return parts
}
