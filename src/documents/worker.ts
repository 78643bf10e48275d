import { parentPort, workerData } from 'node:worker_threads'
import { DocumentRefusal } from './refusal.js'
import type { Digested, Job, JobOutcome } from './workshop.js'

/*
 * Reads one document of somebody else's, and ends. Started by `workshop.ts`, which ends it by force where it takes too
 * long: there is no PKCS#11 in it, and nothing of anybody else's.
 */

if (parentPort === null) throw new TypeError('worker.js is started by the workshop only')
const port = parentPort
const job: Job = workerData

/** Each kind has libraries of its own, which take time to load. */
async function work({ content }: Job): Promise<Digested> {
  if (content.kind === 'pdf') {
    const { digestPdf } = await import('./pdf/digest-pdf.js')
    const { document, place, fieldName } = await digestPdf(content)
    return { document, place: { kind: 'pdf', fieldName, ...place } }
  }
  const { digestXml } = await import('./xml/digest-xml.js')
  const { document, ...place } = digestXml(content)
  return { document: Buffer.from(document, 'utf8'), place: { kind: 'xml', ...place } }
}

async function outcome(): Promise<JobOutcome> {
  try {
    return { done: await work(job) }
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
