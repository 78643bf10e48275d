import type { BaseLogger } from 'pino'

/** Work that is done again and again while the server runs. */
export interface Chore {
  /** What it does, for the log. */
  name: string
  everyMs: number
  run: () => Promise<unknown>
}

/** Chores under way. */
export interface Chores {
  /** Starts no more and waits for what runs. */
  stop(): Promise<void>
}

/** Runs each chore now and then, never twice at once. A failure is logged and tried again at the next turn. */
export function startChores(chores: readonly Chore[], log: Pick<BaseLogger, 'warn'>): Chores {
  const running = new Map<string, Promise<void>>()
  const timers = chores.map(({ name, everyMs, run }) =>
    setInterval(() => {
      if (running.has(name)) return
      const turn = run()
        .then(() => {})
        .catch((error: unknown) => log.warn({ err: error }, `${name} failed, to be tried again`))
        .finally(() => running.delete(name))
      running.set(name, turn)
    }, everyMs)
  )
  return {
    async stop() {
      for (const timer of timers) clearInterval(timer)
      await Promise.all(running.values())
    }
  }
}
