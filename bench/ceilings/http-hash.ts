import { createHash } from 'node:crypto'
import { closedLoop } from '../load/closed-loop.js'
import {
  type DocumentSize,
  documentSizes,
  documentsOf,
  hashConnections,
  hashRequest
} from '../scenarios/hash.js'
import type { Scenario } from '../scenarios/scenario.js'
import { startCeilingChild } from './child.js'

const program = new URL('http-hash-process.js', import.meta.url)
/** As long as those of the scenario. */
const nobody = {
  clientId: '00000000-0000-7000-8000-000000000000',
  clientSecret: 's'.repeat(43),
  certificate: 'M'.repeat(1_600)
}

function httpHash(size: DocumentSize, rest: Pick<Scenario, 'byName'> = {}): Scenario {
  const name = `http-hash-${size}`
  return {
    name,
    ...rest,
    about: `a bare Fastify route that parses the requests of hash-${size}, decodes the base64 in them and hashes it, over as many connections`,
    unit: 'documents/s',
    async open({ options }) {
      const child = await startCeilingChild<{ type: 'stop' }, { type: 'ready'; url: string }>(program, [])
      const { url } = child.first
      const pdfs = documentsOf(size, options.seed)
      const digests = pdfs.map((pdf) => createHash('sha256').update(pdf).digest('base64'))
      const requests = pdfs.map((pdf) => hashRequest(url, pdf, nobody))
      const connections = hashConnections[size]
      return {
        async measure({ windowMs, warmUpMs }) {
          const loop = await closedLoop({ url, connections, requests, warmUpMs, windowMs, again: true })
          const { answers, windowFrom, windowTo } = loop
          const wrong = answers.find(({ index, body }) => body !== `{"hashes":["${digests[index]}"]}`)
          if (wrong !== undefined) throw new Error(`${name}: answered ${wrong.status} ${wrong.body}`)
          const within = answers.filter(({ endedAt }) => endedAt >= windowFrom && endedAt < windowTo)
          return { perSecond: (within.length / (windowTo - windowFrom)) * 1000, windowMs }
        },
        close: () => child.stop({ type: 'stop' })
      }
    }
  }
}

/** What is left when nothing is done with a document but to hash it. */
export const httpHashCeilings: readonly Scenario[] = (Object.keys(documentSizes) as DocumentSize[]).map(
  (size) => httpHash(size, size === '10m' ? {} : { byName: true })
)
