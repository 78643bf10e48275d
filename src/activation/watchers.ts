import type { ChallengeChange } from './activation.js'
import type { ActivationStore } from './needs.js'

/** Tells those who watch a subscriber, or all, of changes on whatever server they were made. */
export interface Watchers {
  one(subscriberId: string, on: (change: ChallengeChange) => void): () => void
  all(on: (subscriberId: string, change: ChallengeChange) => void): () => void
  close(): void
}

/** One subscription to the database's announcements, shared by all watchers of this process. */
export async function createWatchers(store: Pick<ActivationStore, 'watch'>): Promise<Watchers> {
  const bySubscriber = new Map<string, Set<(change: ChallengeChange) => void>>()
  const everyone = new Set<(subscriberId: string, change: ChallengeChange) => void>()

  const stop = await store.watch((announced) => {
    if (announced === null) {
      for (const watching of bySubscriber.values()) for (const on of watching) on({ kind: 'missed' })
      for (const on of everyone) on('', { kind: 'missed' })
      return
    }
    const { subscriberId, activationId, status } = announced
    const change: ChallengeChange =
      status === 'waiting' ? { kind: 'challenge', activationId } : { kind: 'ended', activationId, status }
    for (const on of bySubscriber.get(subscriberId) ?? []) on(change)
    for (const on of everyone) on(subscriberId, change)
  })

  return {
    one(subscriberId, on) {
      const watching = bySubscriber.get(subscriberId) ?? new Set()
      bySubscriber.set(subscriberId, watching.add(on))
      return () => {
        watching.delete(on)
        if (watching.size === 0 && bySubscriber.get(subscriberId) === watching)
          bySubscriber.delete(subscriberId)
      }
    },
    all(on) {
      everyone.add(on)
      return () => void everyone.delete(on)
    },
    close: stop
  }
}
