import { createHash } from 'node:crypto'
import fastify from 'fastify'

/*
 * What HTTP and hashing alone cost: a bare Fastify route that parses a request of calculateHash, decodes its documents
 * and hashes them. Nothing is checked, read, kept or logged.
 */

if (process.send === undefined) throw new TypeError('http-hash.ts starts this program')

const app = fastify({ logger: false, bodyLimit: 32 * 1024 * 1024 })
app.post<{ Body: { sign_files: { pdfContent: string }[] } }>(
  '/vnpt/rest/v2/signature/calculateHash',
  async ({ body }) => ({
    hashes: body.sign_files.map(({ pdfContent }) =>
      createHash('sha256').update(Buffer.from(pdfContent, 'base64')).digest('base64')
    )
  })
)
const url = await app.listen({ host: '127.0.0.1', port: 0 })

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined)
process.on('message', () => void app.close().then(() => process.disconnect()))
process.on('disconnect', () => process.exit())
process.send({ type: 'ready', url })
