import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Job, JobOutcome } from './workshop.js'

/** Heap of a thread, of that its young generation, and its stack. */
const limits = { heapMb: 256, youngMb: 32, stackMb: 4 }
/**
 * How long a thread is used: what its libraries remember of documents, such as every name in them, goes with it. Loading
 * them anew takes half a second of processor time.
 */
const documentsMax = 500
const heapKeptOctets = 128 * 1024 * 1024

/** A thread that reads documents, one after the other. */
export interface Reader {
  /** Whether it takes a further document. One that refused a document does not: nothing of that one stays behind. */
  readonly fit: boolean
  /** Never fails: what the thread does not live through is an answer, too. Ends the thread unless it stays fit. */
  read(job: Job, timeMs: number): Promise<JobOutcome>
  end(): Promise<void>
}

/** Starts a thread. It keeps the process alive only while it reads. */
export function startReader(): Reader {
  const worker = new Worker(new URL('./worker.js', import.meta.url), {
    resourceLimits: {
      maxOldGenerationSizeMb: limits.heapMb,
      maxYoungGenerationSizeMb: limits.youngMb,
      stackSizeMb: limits.stackMb
    },
    // What a library says of a document is not for our output.
    stdout: true,
    stderr: true
  })
  let fit = true
  let documents = 0
  worker.once('exit', () => {
    fit = false
  })
  // Without a listener, one that breaks while nobody waits for it would end the process.
  worker.on('error', () => undefined)
  worker.unref()

  async function outcomeOf(job: Job, timeMs: number): Promise<JobOutcome> {
    const done = new AbortController()
    const { signal } = done
    const answered = new Promise<JobOutcome>((resolve) => {
      const broken = (error: Error) =>
        resolve({ refused: 'The document needs more memory than it is given.', why: error.stack })
      const ended = () => resolve({ refused: 'The document cannot be read.' })
      worker.once('message', resolve).once('error', broken).once('exit', ended)
      signal.addEventListener('abort', () => {
        worker.off('message', resolve).off('error', broken).off('exit', ended)
      })
    })
    const late = sleep(timeMs, undefined, { signal }).then(
      (): JobOutcome => ({ refused: `The document takes more than ${timeMs / 1000} s to read.` }),
      (): JobOutcome => ({ refused: 'The document was read in time.' })
    )
    const { content, transfer } = handedOver(job)
    worker.postMessage({ content } satisfies Job, transfer)
    try {
      return await Promise.race([answered, late])
    } finally {
      done.abort()
    }
  }

  return {
    get fit() {
      return fit
    },
    async read(job, timeMs) {
      documents += 1
      worker.ref()
      const outcome = await outcomeOf(job, timeMs)
      worker.unref()
      fit &&= 'done' in outcome && documents < documentsMax && outcome.heapOctets < heapKeptOctets
      if (!fit) await worker.terminate()
      return outcome
    },
    async end() {
      fit = false
      await worker.terminate()
    }
  }
}

/** A document that has its memory for itself goes over without a copy, and is gone here. */
function handedOver({ content }: Job): { content: Job['content']; transfer: ArrayBuffer[] } {
  if (content.kind === 'xml') return { content, transfer: [] }
  const { buffer, byteLength } = content.document
  const whole = buffer instanceof ArrayBuffer && byteLength === buffer.byteLength
  return { content, transfer: whole ? [buffer] : [] }
}
