import { parentPort, workerData } from 'node:worker_threads'
import { describe } from './ckr.js'
import { hashes } from './hashes.js'
import { initialise, loadModule } from './module.js'
import {
  type Batch,
  type Failure,
  type FromWorker,
  itemNumbers,
  type KeyMissing,
  type ToWorker,
  type WorkerSetup
} from './protocol.js'
import { createSigner, type Signer } from './signer.js'
import { openWorkerSessions } from './worker-sessions.js'

/*
 * A signing worker: one thread, two sessions, one batch after the other. Started by `pool.ts`; never ended from
 * outside, since a thread that is stopped inside the binding may crash the process. It ends when told to `stop`,
 * by closing its port.
 */

if (parentPort === null) throw new TypeError('worker.js is started by the signing pool only')
const port = parentPort
const setup: WorkerSetup = workerData
const post = (message: FromWorker) => port.postMessage(message)

function signBatch(signer: Signer, batch: Batch): void {
  const digests = Buffer.from(batch.digests.buffer, batch.digests.byteOffset, batch.digests.byteLength)
  const failures: { index: number; failure: Failure | KeyMissing }[] = []
  const items = itemsOf(batch)
  // An array of its own, not a slice of Node's shared pool: it is posted.
  const packed = new Uint8Array(
    items.reduce((sum, { count, signatureLength }) => sum + count * signatureLength, 0)
  )
  const signatures = Buffer.from(packed.buffer)
  let first = 0
  let digestAt = 0
  let signatureAt = 0
  for (const { number, scheme, count, signatureLength } of items) {
    const base = first
    signer.sign(
      { number, reference: batch.keys.get(number) },
      scheme,
      digests.subarray(digestAt, digestAt + count * hashes[scheme.hash].octets),
      signatures.subarray(signatureAt, signatureAt + count * signatureLength),
      (index) => {
        // Read by the pool if this thread dies: what was not handed over was not signed.
        Atomics.store(setup.progress, 1, base + index + 1)
        Atomics.store(setup.progress, 0, batch.seq)
      },
      (index, failure) => failures.push({ index: base + index, failure })
    )
    first += count
    digestAt += count * hashes[scheme.hash].octets
    signatureAt += count * signatureLength
  }
  post({ type: 'done', seq: batch.seq, signatures: packed, failures, counts: signer.counts() })
}

function itemsOf({ items, schemes }: Batch) {
  return Array.from({ length: items.length / itemNumbers }, (_, index) => {
    const [number = 0, scheme = 0, count = 0, signatureLength = 0] = items.subarray(index * itemNumbers)
    const used = schemes[scheme]
    if (used === undefined) throw new TypeError('a batch names a scheme that it does not carry')
    return { number, scheme: used, count, signatureLength }
  })
}

try {
  const cryptoki = loadModule(setup.modulePath)
  initialise(cryptoki)
  const sessions = openWorkerSessions(cryptoki.lib, setup.tokenLabel, setup.pin)
  const signer = createSigner(cryptoki.lib, sessions, setup.keyCacheSize)
  port.on('message', (message: ToWorker) => {
    switch (message.type) {
      case 'batch':
        signBatch(signer, message)
        return
      case 'forget':
        signer.forget(message.name)
        post({ type: 'forgotten', request: message.request })
        return
      case 'stop':
        // Closing the vault destroys the keys in it.
        sessions.close()
        port.close()
        return
      default:
        throw new TypeError('a message of an unknown type')
    }
  })
  post({ type: 'ready' })
} catch (error) {
  post({ type: 'failed', detail: describe(error) })
  port.close()
}
