import type { Audit, AuditEvent } from '../audit/audit.js'

/** How long repeats of one refusal are gathered into one event. */
export const refusalsGatheredMs = 1_000

/** Audits refusals without letting a stranger decide how much is written. */
export interface Refusals {
  /**
   * Resolves when the refusal is in the audit. The first of a `key` is written at once; those of the next second wait
   * together and become one event, whose `about.count` says how many. A caller awaits this before it answers, so that
   * nothing is refused unrecorded and whoever guesses quickly is slowed down.
   * @param key What repeats are of; from a set that strangers cannot enlarge.
   */
  record(key: string, event: AuditEvent): Promise<void>
  /** Writes at once what waits. */
  close(): Promise<void>
}

interface Gathering {
  timer: NodeJS.Timeout
  /** The last of those that wait; null: none does. */
  event: AuditEvent | null
  count: number
  waiting: { resolve: () => void; reject: (error: unknown) => void }[]
}

/** @param options.gatherMs For tests. */
export function createRefusals({
  audit,
  gatherMs = refusalsGatheredMs
}: {
  audit: Audit
  gatherMs?: number
}): Refusals {
  const gatherings = new Map<string, Gathering>()

  function open(key: string): void {
    const timer = setTimeout(() => void end(key), gatherMs)
    timer.unref() // only those who wait keep the process
    gatherings.set(key, { timer, event: null, count: 0, waiting: [] })
  }

  async function end(key: string): Promise<void> {
    const gathering = gatherings.get(key)
    if (gathering === undefined) return
    clearTimeout(gathering.timer)
    gatherings.delete(key)
    if (gathering.event === null) return
    open(key)
    try {
      await audit.record(counted(gathering.event, gathering.count))
      for (const { resolve } of gathering.waiting) resolve()
    } catch (error) {
      for (const { reject } of gathering.waiting) reject(error)
    }
  }

  return {
    record(key, event) {
      const gathering = gatherings.get(key)
      if (gathering === undefined) {
        open(key)
        return audit.record(counted(event, 1))
      }
      gathering.timer.ref()
      gathering.event = event
      gathering.count += 1
      return new Promise((resolve, reject) => {
        gathering.waiting.push({ resolve, reject })
      })
    },
    async close() {
      await Promise.all([...gatherings.keys()].map(end))
      for (const { timer } of gatherings.values()) clearTimeout(timer)
      gatherings.clear()
    }
  }
}

function counted(event: AuditEvent, count: number): AuditEvent {
  return { ...event, about: { ...event.about, count } }
}
