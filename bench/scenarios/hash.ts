import { type Answer, closedLoop } from '../load/closed-loop.js'
import { type Digested, openPreparedDocuments } from '../load/prepared-documents.js'
import { createRequestWriter } from '../load/requests.js'
import { scannedPdf } from '../load/scanned-pdf.js'
import { credentialOf, personOf } from '../prepare/protocol.js'
import { sampleOf } from '../report/sample.js'
import { round as rounded } from '../report/statistics.js'
import { operatorCalls } from '../stage/enrol-over-http.js'
import { watchMemory } from '../stage/memory.js'
import type { Stage } from '../stage/stage.js'
import { type Figure, quotient } from './figure.js'
import type { OpenScenario, Scenario } from './scenario.js'

/** Sizes of documents; the last is the largest that is taken. */
export const documentSizes = { '64k': 64 * 1024, '1m': 1024 * 1024, '10m': 10 * 1024 * 1024 } as const
export type DocumentSize = keyof typeof documentSizes
/** Connections: enough that nothing waits for the next request. */
export const hashConnections: Readonly<Record<DocumentSize, number>> = { '64k': 32, '1m': 8, '10m': 4 }
/** Documents that are told apart, each sent by a relying party of its own: what waits for one of them has a limit. */
const distinct = 20

/** What is sent of a document, to the server and to the ceiling alike. */
export function hashRequest(
  url: string,
  pdf: Buffer,
  { clientId, clientSecret, certificate }: { clientId: string; clientSecret: string; certificate: string }
): Buffer {
  return createRequestWriter(`${url}/vnpt/rest/v2/signature`, 'unused').post('/calculateHash', {
    sp_id: clientId,
    sp_password: clientSecret,
    signerCert: certificate,
    digestAlgorithm: 'sha256',
    sign_files: [{ name: 'hop-dong.pdf', pdfContent: pdf.toString('base64') }]
  })
}

/** The documents of one size. */
export const documentsOf = (size: DocumentSize, seed: string): Buffer[] =>
  Array.from({ length: distinct }, (_, index) => scannedPdf(documentSizes[size], `${seed} scan ${index}`))

/** `hash-{size}`: whole PDFs, by VNPT's calculateHash. */
function hashScenario(
  name: string,
  size: DocumentSize,
  connections: number,
  rest: Pick<Scenario, 'byName' | 'roundsMax'> = {}
): Scenario {
  return {
    name,
    ...rest,
    about: `VNPT calculateHash of PDFs of ${size.replace('k', ' KiB').replace('m', ' MiB')}, ${connections} connections: read, given a place for a signature, hashed, and kept until it comes; every hash is computed anew from what is kept`,
    unit: 'documents/s',
    open: (stage) => openHash(stage, name, size, connections)
  }
}

async function openHash(
  stage: Stage,
  name: string,
  size: DocumentSize,
  connections: number
): Promise<OpenScenario> {
  const served = await stage.served()
  const prepared = await openPreparedDocuments(await served.databaseUrl())
  const operator = operatorCalls(served.url, await served.operatorKey())
  const { certificate } = credentialOf(personOf(served.population.people, 0), 'RSA-2048')
  const pdfs = documentsOf(size, stage.options.seed)
  const parties = await Promise.all(
    pdfs.map((_, index) =>
      operator<{ clientId: string; clientSecret: string }>('POST', '/relying-parties', {
        provider: 'vnpt',
        name: `Cổng thử tải ${name} ${index}`
      })
    )
  )
  const requests = pdfs.map((pdf, index) => {
    const party = parties[index]
    if (party === undefined) throw new TypeError('a relying party for each document')
    return hashRequest(served.url, pdf, { ...party, certificate })
  })

  const digestedOf = ({ index, body }: Answer): Digested => {
    const { hashResps } = JSON.parse(body) as { hashResps: { hash: string; fileID: string }[] }
    const [first] = hashResps
    return { fileId: first?.fileID ?? '', hash: first?.hash ?? '', original: pdfs[index] ?? Buffer.of() }
  }

  return {
    async measure({ windowMs, warmUpMs }) {
      const memory = watchMemory(served.pid)
      const before = await served.usage()
      const loop = await closedLoop({
        url: served.url,
        connections,
        requests,
        warmUpMs,
        windowMs,
        again: true
      })
      const after = await served.usage()
      const { beforeMiB, mostMiB } = memory.stop()
      const answered = loop.answers.filter(({ status }) => status === 200).map(digestedOf)
      const { verified, wrong } = await prepared.check(answered, Buffer.from(certificate, 'base64'))
      if (wrong.length > 0) throw new Error(`${name}: ${wrong.length} wrong hashes. ${wrong[0]}`)
      const refused = loop.answers.find(({ status }) => status !== 200)
      if (refused !== undefined)
        stage.console.say(`  a document was answered ${refused.status} ${refused.body}`)
      await prepared.forget()
      return {
        ...sampleOf({ loop, digests: 1, connections, before, after, verified }),
        values: {
          memoryBeforeMiB: rounded(beforeMiB),
          memoryMostMiB: rounded(mostMiB),
          memoryAfterMiB: rounded(watchMemory(served.pid).stop().mostMiB)
        }
      }
    },
    async close() {
      for (const { clientId } of parties) await operator('DELETE', `/relying-parties/vnpt/${clientId}`)
      await prepared.close()
    }
  }
}

export const hashScenarios: readonly Scenario[] = [
  hashScenario('hash-64k', '64k', hashConnections['64k'], { byName: true }),
  hashScenario('hash-1m', '1m', hashConnections['1m'], { byName: true }),
  hashScenario('hash-10m', '10m', hashConnections['10m']),
  hashScenario('hash-10m-x20', '10m', 20, { roundsMax: 1 })
]

export const hashFigures: readonly Figure[] = [quotient('hash-10m', 'http-hash-10m', 0.6)]
