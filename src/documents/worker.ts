import { hash } from 'node:crypto'
import { getHeapStatistics } from 'node:v8'
import { parentPort } from 'node:worker_threads'
import { digestOfRange } from './pdf/place.js'
import { DocumentRefusal } from './refusal.js'
import type { Digested, Job, JobOutcome } from './workshop.js'

/*
 * Reads documents of somebody else's, one after the other. Started by `reader.ts`, which ends it by force where it takes
 * too long: there is no PKCS#11 in it.
 */

if (parentPort === null) throw new TypeError('worker.js is started by the workshop only')
const port = parentPort

/** Each kind has libraries of its own, which take time to load. */
async function work({ content }: Job): Promise<Digested> {
  if (content.kind === 'pdf') {
    const { digestPdf } = await import('./pdf/digest-pdf.js')
    const { revision, place, fieldName } = await digestPdf(content)
    const original = content.document
    return {
      original,
      revision,
      place: { kind: 'pdf', fieldName, ...place },
      documentSha256: digestOfRange([original, revision], place)
    }
  }
  const { digestXml } = await import('./xml/digest-xml.js')
  const { document, ...place } = digestXml(content)
  return {
    original: Buffer.from(document, 'utf8'),
    revision: new Uint8Array(),
    place: { kind: 'xml', ...place },
    documentSha256: hash('sha256', Buffer.from(place.signedInfo, 'utf8'), 'buffer')
  }
}

async function outcome(job: Job): Promise<JobOutcome> {
  try {
    return { done: await work(job), heapOctets: getHeapStatistics().used_heap_size }
  } catch (error) {
    if (error instanceof DocumentRefusal) return { refused: error.message }
    // What a document can do to a parser is not foreseen in every case; whatever it is, it ends here.
    return {
      refused: 'The document cannot be read.',
      why: error instanceof Error ? error.stack : String(error)
    }
  }
}

port.on('message', (job: Job) => {
  void outcome(job).then((answer) => {
    port.postMessage(answer, 'done' in answer ? ownMemory(answer.done.original) : [])
  })
})

/** Small arrays share their memory with others. */
function ownMemory({ buffer, byteLength }: Uint8Array): ArrayBuffer[] {
  return buffer instanceof ArrayBuffer && byteLength === buffer.byteLength ? [buffer] : []
}
