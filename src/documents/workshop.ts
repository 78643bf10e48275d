import { ServiceError } from '../errors.js'
import type { PdfRequest, Place, XmlRequest } from './documents.js'
import { type Reader, startReader } from './reader.js'

/** The time that a document has. */
const timeMsDefault = 20_000
/** Documents that are read at the same time, and that wait for their turn. */
const atOnce = 2
const waitingMax = 32
/** A thread without work is kept so long: its libraries take some 60 MiB. */
const idleMs = 60_000
/** Characters of what is logged of a document that broke its reader. */
const whyMax = 2_000

/** What a thread is given. */
export interface Job {
  content: PdfRequest | XmlRequest
}

/** A document with an empty place for its signature. */
export interface Digested {
  /** A PDF begins with what came, in the same memory where that was its own; XML is written anew. */
  original: Uint8Array
  /** What follows it. */
  revision: Uint8Array
  place: Place
  /** SHA-256 of the byte range of a PDF; of XML, of what is signed. */
  documentSha256: Uint8Array
}

/** What it answers: what it made, or a sentence for whoever sent the document. */
export type JobOutcome =
  | { done: Digested; heapOctets: number }
  | { refused: string; why?: string | undefined }

/** Where documents are read. */
export interface Workshop {
  /**
   * A PDF is handed over: its octets are gone from the array that came with the job.
   * @throws ServiceError `request_invalid` with the reason; `too_many_requests` when too many wait.
   */
  run(job: Job): Promise<Digested>
  /** Ends what is under way. */
  close(): Promise<void>
}

/** What the workshop is opened with. */
export interface WorkshopOptions {
  /** Told of a document that broke its reader. */
  onTrouble: (why: string) => void
  /** How long one document may take, the start of a thread included. Default 20 s. */
  timeMs?: number
}

/** Reads documents in a few threads, each with a heap of its own, and each document with a time of its own. */
export function openWorkshop({ onTrouble, timeMs = timeMsDefault }: WorkshopOptions): Workshop {
  const waiting: (() => void)[] = []
  const idle: { reader: Reader; timer: NodeJS.Timeout }[] = []
  const all = new Set<Reader>()
  let closed = false
  let busy = 0

  async function turn(): Promise<void> {
    if (busy < atOnce) {
      busy += 1
      return
    }
    if (waiting.length >= waitingMax)
      throw new ServiceError('too_many_requests', 'too many documents wait to be read', { retryAfterS: 5 })
    await new Promise<void>((resolve) => waiting.push(resolve))
  }
  function leave(): void {
    const next = waiting.shift()
    if (next === undefined) busy -= 1
    else next()
  }

  /** The one that worked last, so that those not needed end; else a new one. */
  function taken(): Reader {
    for (let last = idle.pop(); last !== undefined; last = idle.pop()) {
      clearTimeout(last.timer)
      if (last.reader.fit) return last.reader
      all.delete(last.reader)
    }
    const reader = startReader()
    all.add(reader)
    return reader
  }
  function putBack(reader: Reader): void {
    if (!reader.fit) {
      all.delete(reader)
      return
    }
    const timer = setTimeout(() => {
      idle.splice(0, idle.length, ...idle.filter((one) => one.reader !== reader))
      all.delete(reader)
      void reader.end()
    }, idleMs)
    timer.unref()
    idle.push({ reader, timer })
  }

  return {
    async run(job) {
      await turn()
      try {
        if (closed) throw new ServiceError('internal', 'the workshop is closed')
        const reader = taken()
        const outcome = await reader.read(job, timeMs)
        putBack(reader)
        if ('done' in outcome) return outcome.done
        if (outcome.why !== undefined) onTrouble(outcome.why.slice(0, whyMax))
        throw new ServiceError('request_invalid', `a document was refused: ${outcome.refused}`, {
          says: outcome.refused
        })
      } finally {
        leave()
      }
    },

    async close() {
      closed = true
      for (const { timer } of idle) clearTimeout(timer)
      await Promise.all([...all].map((reader) => reader.end()))
    }
  }
}
