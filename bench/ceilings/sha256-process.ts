import { createHash } from 'node:crypto'
import { type DocumentSize, documentsOf } from '../scenarios/hash.js'
import type { FromSha256, ToSha256 } from './sha256.js'

/* What hashing alone costs: documents that lie in memory, one after the other, in one thread. */

const say = (message: FromSha256) => process.send?.(message)
if (process.send === undefined) throw new TypeError('sha256.ts starts this program')
const [size = '10m', seed = ''] = process.argv.slice(2)
const documents = documentsOf(size as DocumentSize, seed)

function run(ms: number): number {
  const from = performance.now()
  let count = 0
  do {
    for (const document of documents) createHash('sha256').update(document).digest()
    count += documents.length
  } while (performance.now() - from < ms)
  return (count / (performance.now() - from)) * 1000
}

process.on('message', (message: ToSha256) => {
  if (message.type === 'stop') return process.disconnect()
  if (message.warmUpMs > 0) run(message.warmUpMs)
  say({ type: 'measured', perSecond: run(message.windowMs) })
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined)
process.on('disconnect', () => process.exit())
say({ type: 'ready' })
