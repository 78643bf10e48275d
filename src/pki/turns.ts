import { setImmediate } from 'node:timers/promises'

/** There is no place left in the line: the work was not begun, and is not going to be. */
export class LineFull extends Error {
  override readonly name = 'LineFull'
}

/** Does `work` when its turn comes. @throws LineFull at once. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>

/**
 * Lets a few pieces of work run at a time and a limited number wait, first come, first served. Each begins in a round
 * of the event loop of its own, so that a long line leaves others their turn.
 *
 * @param options.atOnce Pieces under way.
 * @param options.waitingAtMost Pieces that may wait for others to end.
 */
export function createTurns({ atOnce, waitingAtMost }: { atOnce: number; waitingAtMost: number }): Turns {
  const waiting: (() => void)[] = []
  let running = 0

  return async (work) => {
    if (running < atOnce) running += 1
    else if (waiting.length >= waitingAtMost) throw new LineFull(`${waiting.length} wait already`)
    else await new Promise<void>((resolve) => waiting.push(resolve)) // who ends hands the place over
    try {
      await setImmediate()
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}
