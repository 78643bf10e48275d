import { parentPort, workerData } from 'node:worker_threads'
import { type DigestedPdf, digestPdf } from './pdf/digest-pdf.js'
import { DocumentRefusal } from './refusal.js'
import type { Job, JobOutcome } from './workshop.js'

/*
 * Reads one document of somebody else's, and ends. Started by `workshop.ts`, which ends it by force where it takes too
 * long: there is no PKCS#11 in it, and nothing of anybody else's.
 */

if (parentPort === null) throw new TypeError('worker.js is started by the workshop only')
const port = parentPort
const job: Job = workerData

const work = (): Promise<DigestedPdf> => digestPdf(job.content)

async function outcome(): Promise<JobOutcome> {
  try {
    return { done: await work() }
  } catch (error) {
    if (error instanceof DocumentRefusal) return { refused: error.message }
    // What a document can do to a parser is not foreseen in every case; whatever it is, it ends here.
    return {
      refused: 'The document cannot be read.',
      why: error instanceof Error ? error.stack : String(error)
    }
  }
}

port.postMessage(await outcome())
