import { ServiceError } from '../errors.js'

/** Lets only so much work of one name run at once; the rest waits in order. */
export interface Turns {
  /** @throws ServiceError `too_many_requests` when too much waits already, and whatever `work` throws. */
  take<T>(name: string, work: () => Promise<T>): Promise<T>
}

/**
 * @param limits.atOnce Of one name.
 * @param limits.waiting Of all names together.
 */
export function createTurns(limits: { atOnce: number; waiting: number }): Turns {
  const names = new Map<string, { running: number; waiting: (() => void)[] }>()
  let waiting = 0

  return {
    async take(name, work) {
      const queue = names.get(name) ?? { running: 0, waiting: [] }
      names.set(name, queue)
      if (queue.running < limits.atOnce) queue.running += 1
      else {
        if (waiting >= limits.waiting)
          throw new ServiceError('too_many_requests', `${waiting} wait for their turn`, { retryAfterS: 5 })
        waiting += 1
        await new Promise<void>((resolve) => queue.waiting.push(resolve)) // the turn is handed over, not freed
        waiting -= 1
      }
      try {
        return await work()
      } finally {
        const next = queue.waiting.shift()
        if (next !== undefined) next()
        else {
          queue.running -= 1
          if (queue.running === 0) names.delete(name)
        }
      }
    }
  }
}
