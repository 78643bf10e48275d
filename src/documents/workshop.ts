import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { ServiceError } from '../errors.js'
import type { PdfRequest, Place, XmlRequest } from './documents.js'

/** Heap of a worker, its stack, and the time it has. */
const limits = { heapMb: 256, youngMb: 32, stackMb: 4, timeMs: 20_000 }
/** Documents that are read at the same time, and that wait for their turn. */
const atOnce = 2
const waitingMax = 32
/** Characters of what is logged of a document that broke its reader. */
const whyMax = 2_000

/** What a worker is given. */
export interface Job {
  content: PdfRequest | XmlRequest
}

/** A document with an empty place for its signature. */
export interface Digested {
  document: Uint8Array
  place: Place
}

/** What it answers: what it made, or a sentence for whoever sent the document. */
export type JobOutcome = { done: Digested } | { refused: string; why?: string | undefined }

/** Where documents are read. */
export interface Workshop {
  /** @throws ServiceError `request_invalid` with the reason; `too_many_requests` when too many wait. */
  run(job: Job): Promise<Digested>
  /** Ends what is under way. */
  close(): Promise<void>
}

/** Reads each document in a thread of its own, with a heap and a time of its own. */
export function openWorkshop({ onTrouble }: { onTrouble: (why: string) => void }): Workshop {
  const waiting: (() => void)[] = []
  let closed = false
  const running = new Set<Worker>()
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

  return {
    async run(job) {
      await turn()
      try {
        if (closed) throw new ServiceError('internal', 'the workshop is closed')
        const worker = new Worker(new URL('./worker.js', import.meta.url), {
          workerData: job,
          resourceLimits: {
            maxOldGenerationSizeMb: limits.heapMb,
            maxYoungGenerationSizeMb: limits.youngMb,
            stackSizeMb: limits.stackMb
          },
          // What a library says of a document is not for our output.
          stdout: true,
          stderr: true
        })
        running.add(worker)
        try {
          const outcome = await outcomeOf(worker)
          if ('done' in outcome) return outcome.done
          if (outcome.why !== undefined) onTrouble(outcome.why.slice(0, whyMax))
          throw new ServiceError('request_invalid', `a document was refused: ${outcome.refused}`, {
            says: outcome.refused
          })
        } finally {
          running.delete(worker)
          await worker.terminate()
        }
      } finally {
        leave()
      }
    },

    async close() {
      closed = true
      await Promise.all([...running].map((worker) => worker.terminate()))
    }
  }
}

/** What a worker answers, or what is to be said of one that does not. */
async function outcomeOf(worker: Worker): Promise<JobOutcome> {
  const done = new AbortController()
  const answered = new Promise<JobOutcome>((resolve) => {
    worker.once('message', resolve)
    worker.once('error', (error: NodeJS.ErrnoException) =>
      resolve({ refused: 'The document needs more memory than it is given.', why: error.stack })
    )
    worker.once('exit', () => resolve({ refused: 'The document cannot be read.' }))
  })
  const late = sleep(limits.timeMs, undefined, { signal: done.signal }).then(
    (): JobOutcome => ({ refused: `The document takes more than ${limits.timeMs / 1000} s to read.` }),
    (): JobOutcome => ({ refused: 'The document was read in time.' })
  )
  try {
    return await Promise.race([answered, late])
  } finally {
    done.abort()
  }
}
