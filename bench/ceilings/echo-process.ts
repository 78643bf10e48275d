import fastify from 'fastify'
import { Body, Reply } from '../../src/csc/v2/sign-hash.js'

/*
 * What HTTP alone costs: a bare Fastify route with the schemas of signHash that answers as many constant signatures
 * as it was sent digests. No log, no token, no check, no database, no key.
 */

if (process.send === undefined) throw new TypeError('echo.ts starts this program')
/** A P-256 signature has some 71 octets in DER. */
const signature = Buffer.alloc(71, 0x30).toString('base64')

const app = fastify({
  logger: false,
  ajv: {
    customOptions: {
      coerceTypes: false,
      removeAdditional: false,
      useDefaults: true,
      allErrors: false,
      strict: false
    }
  }
})
app.post<{ Body: { hashes: string[] } }>(
  '/signatures/signHash',
  { schema: { body: Body, response: { 200: Reply } } },
  async ({ body }) => ({ signatures: body.hashes.map(() => signature) })
)
const url = await app.listen({ host: '127.0.0.1', port: 0 })

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined)
process.on('message', () => void app.close().then(() => process.disconnect()))
process.on('disconnect', () => process.exit())
process.send({ type: 'ready', url })
