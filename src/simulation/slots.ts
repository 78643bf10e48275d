/** Runs work in order of asking, at most so much of it at once. */
export interface Slots {
  use<T>(work: () => Promise<T>): Promise<T>
}

/** @param limit Pieces of work under way at once. */
export function createSlots(limit: number): Slots {
  const waiting: (() => void)[] = []
  let taken = 0
  return {
    async use(work) {
      if (taken >= limit) await new Promise<void>((resolve) => waiting.push(resolve))
      else taken += 1
      try {
        return await work()
      } finally {
        // The place is handed on, so that `taken` never falls while someone waits.
        const next = waiting.shift()
        if (next === undefined) taken -= 1
        else next()
      }
    }
  }
}
