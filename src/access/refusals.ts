import type { Audit, AuditEvent } from '../audit/audit.js'

/** What a gate counts its refusals by. */
const windowMs = 1_000
/** Refusals a gate writes one by one in that time; further ones are gathered. */
const writtenAtOnce = 20

/** Audits refusals without letting a stranger decide how much is written. */
export interface Refusals {
  /**
   * Resolves when the refusal is in the audit. The first 20 at a `gate` in a second are written at once; further ones
   * wait for its end together and become one event a `subject`, whose `about.count` says how many. A caller awaits this
   * before it answers, so that nothing is refused unrecorded and whoever guesses quickly is slowed down. How long it
   * takes depends on the gate alone, and so does not tell which subjects exist.
   * @param subject What repeats are of; from a set that strangers cannot enlarge.
   */
  record(gate: string, subject: string, event: AuditEvent): Promise<void>
  /** Writes at once what waits. */
  close(): Promise<void>
}

/** One second at one gate. */
interface Gathering {
  timer: NodeJS.Timeout
  /** Events written at once. */
  written: number
  /** By subject. */
  events: Map<string, { event: AuditEvent; count: number }>
  waiting: { resolve: () => void; reject: (error: unknown) => void }[]
}

/** See `Refusals`; one for the whole room. */
export function createRefusals({ audit }: { audit: Pick<Audit, 'record'> }): Refusals {
  const gatherings = new Map<string, Gathering>()

  function open(gate: string): Gathering {
    const timer = setTimeout(() => void end(gate), windowMs)
    timer.unref() // only those who wait keep the process
    const gathering: Gathering = { timer, written: 0, events: new Map(), waiting: [] }
    gatherings.set(gate, gathering)
    return gathering
  }

  async function end(gate: string): Promise<void> {
    const gathering = gatherings.get(gate)
    if (gathering === undefined) return
    clearTimeout(gathering.timer)
    gatherings.delete(gate)
    const { events, waiting } = gathering
    if (waiting.length === 0) return
    // Whoever keeps on waits on: the next second begins full.
    open(gate).written = writtenAtOnce
    try {
      await audit.record(...[...events.values()].map(({ event, count }) => counted(event, count)))
      for (const { resolve } of waiting) resolve()
    } catch (error) {
      for (const { reject } of waiting) reject(error)
    }
  }

  return {
    record(gate, subject, event) {
      const gathering = gatherings.get(gate) ?? open(gate)
      if (gathering.written < writtenAtOnce) {
        gathering.written += 1
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
