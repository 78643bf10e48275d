import type { Audit, AuditEvent } from '../audit/audit.js'

/** How long repeats of one refusal are gathered into one event. */
export const refusalsGatheredMs = 1_000

/** Audits refusals without letting a stranger decide how much is written. */
export interface Refusals {
  /**
   * Resolves when the refusal is in the audit. The first at a `gate` is written at once; those of the next second
   * wait together and become one event a `subject`, whose `about.count` says how many. A caller awaits this before it
   * answers, so that nothing is refused unrecorded and whoever guesses quickly is slowed down. How long it takes
   * depends on the gate alone, and so does not tell which subjects exist.
   * @param subject What repeats are of; from a set that strangers cannot enlarge.
   */
  record(gate: string, subject: string, event: AuditEvent): Promise<void>
  /** Writes at once what waits. */
  close(): Promise<void>
}

interface Gathering {
  timer: NodeJS.Timeout
  /** By subject. */
  events: Map<string, { event: AuditEvent; count: number }>
  waiting: { resolve: () => void; reject: (error: unknown) => void }[]
}

/** @param options.gatherMs For tests. */
export function createRefusals(options: { audit: Audit; gatherMs?: number }): Refusals {
  const { audit, gatherMs = refusalsGatheredMs } = options
  const gatherings = new Map<string, Gathering>()

  function open(gate: string): void {
    const timer = setTimeout(() => void end(gate), gatherMs)
    timer.unref() // only those who wait keep the process
    gatherings.set(gate, { timer, events: new Map(), waiting: [] })
  }

  async function end(gate: string): Promise<void> {
    const gathering = gatherings.get(gate)
    if (gathering === undefined) return
    clearTimeout(gathering.timer)
    gatherings.delete(gate)
    const { events, waiting } = gathering
    if (waiting.length === 0) return
    open(gate)
    try {
      await audit.record(...[...events.values()].map(({ event, count }) => counted(event, count)))
      for (const { resolve } of waiting) resolve()
    } catch (error) {
      for (const { reject } of waiting) reject(error)
    }
  }

  return {
    record(gate, subject, event) {
      const gathering = gatherings.get(gate)
      if (gathering === undefined) {
        open(gate)
        return audit.record(counted(event, 1))
      }
      gathering.timer.ref()
      const gathered = gathering.events.get(subject)
      if (gathered === undefined) gathering.events.set(subject, { event, count: 1 })
      else gathered.count += 1
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
