import type { Clock } from '../clock.js'
import type { Activations } from './activation.js'
import type { ActivationStore } from './needs.js'
import type { Watchers } from './watchers.js'

/** How often somebody who waits looks by himself, in case that an announcement got lost. */
const lookEveryMs = 2_000

/** Waits for what the subscriber says: see `Activations.answered`. */
export function createAnswered(deps: {
  store: Pick<ActivationStore, 'find'>
  watchers: Pick<Watchers, 'one'>
  now: Clock
}): Activations['answered'] {
  const { store, watchers, now } = deps

  return async ({ activationId, timeoutMs, signal }) => {
    const untilMs = now().getTime() + timeoutMs
    const first = await store.find(activationId)
    if (first === null) return
    let wake = () => {}
    const stop = watchers.one(first.subscriberId, (change) => {
      if (change.kind === 'missed' || change.activationId === activationId) wake()
    })
    try {
      for (;;) {
        // Armed before looking, so that what is answered meanwhile is not missed.
        const woken = new Promise<void>((resolve) => {
          wake = resolve
        })
        signal.addEventListener('abort', wake, { once: true })
        const present = await store.find(activationId)
        const atMs = now().getTime()
        const leftMs = Math.min(untilMs, present?.expiresAt.getTime() ?? 0) - atMs
        if (present?.status !== 'waiting' || leftMs <= 0 || signal.aborted) return
        const timer = setTimeout(wake, Math.min(leftMs, lookEveryMs))
        await woken
        clearTimeout(timer)
        signal.removeEventListener('abort', wake)
      }
    } finally {
      signal.removeEventListener('abort', wake)
      stop()
    }
  }
}
