import type { Audit } from '../audit/audit.js'
import type { Clock } from '../clock.js'
import type { ActivationStore, ExpiryWindow } from './needs.js'
import { sessionLimits } from './session-asked.js'
import { approvalLifetimeS } from './standing.js'

/** Activations ended by one statement. */
const batch = 500
/** Time looked through by one statement, at least, and how many of them one pass makes, at most. */
const stepMs = 3_600_000
const stepsMax = 25
/** How far the progress may be ahead of what is noted for the next start. */
const noteEveryMs = 60_000
/** The limit of SAD_TTL_S: another server's SADs may be valid for longer than this one's. */
const sadTtlMaxS = 86_400

/** What expiring stands on. */
export interface ExpiringDeps {
  store: Pick<ActivationStore, 'expire' | 'expiredUntil' | 'noteExpired'>
  audit: Pick<Audit, 'record'>
  now: Clock
  /** `server:<id>`. */
  actor: string
  sadTtlS: number
}

/**
 * Marks what has passed its time, audited, and answers how many. Nothing depends on it: every use of an activation
 * looks at the time by itself. So that the cost follows what happens and not what is stored, each is looked at when it
 * may be due and not in between: when its challenge expires, when a confirmation that came last could be turned into
 * a SAD no more, when the last SAD has expired, and when no session can live any longer.
 */
export function createExpiring({ store, audit, now, actor, sadTtlS }: ExpiringDeps): () => Promise<number> {
  const offsetsMs = [
    0,
    approvalLifetimeS,
    approvalLifetimeS + sadTtlS,
    sessionLimits.lifetimeS,
    approvalLifetimeS + sadTtlMaxS
  ].map((seconds) => seconds * 1000)
  let doneUntil: Date | null = null
  let notedMs = 0

  async function expireAll(after: Date, until: Date, at: Date): Promise<number> {
    const windows: ExpiryWindow[] = offsetsMs.map((ms) => ({
      after: earlier(after, ms),
      until: earlier(until, ms)
    }))
    const confirmedBefore = earlier(at, approvalLifetimeS * 1000)
    for (let total = 0; ; ) {
      const ended = await store.expire({ windows, now: at, confirmedBefore, limit: batch })
      const events = ended.map(({ id, provider, clientId, subscriberId }) => ({
        type: 'activation.expired' as const,
        actor,
        about: { activationId: id, provider, clientId, subscriberId, reason: 'time' }
      }))
      if (events.length > 0) await audit.record(...events)
      total += ended.length
      if (ended.length < batch) return total
    }
  }

  return async () => {
    const at = now()
    // Nobody has expired anything in this database yet: from the beginning of all times.
    let from: Date = doneUntil ?? (await store.expiredUntil()) ?? new Date(0)
    const stepOfMs = Math.max(stepMs, Math.ceil((at.getTime() - from.getTime()) / stepsMax))
    let total = 0
    while (from < at) {
      const until: Date = new Date(Math.min(from.getTime() + stepOfMs, at.getTime()))
      total += await expireAll(from, until, at)
      doneUntil = from = until
    }
    if (at.getTime() - notedMs >= noteEveryMs) {
      await store.noteExpired(from)
      notedMs = at.getTime()
    }
    return total
  }
}

const earlier = (time: Date, ms: number): Date => new Date(time.getTime() - ms)
