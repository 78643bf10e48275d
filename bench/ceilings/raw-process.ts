import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import pkcs11 from 'pkcs11js'
import { findSoftHsmModule, prepareSoftHsm, useSoftHsm } from '../../src/hsm/softhsm.js'
import { initialiseToken, setUserPin } from '../../src/hsm/token.js'
import type { FromRaw, RawSetup, ToRaw } from './raw-protocol.js'

/*
 * The raw ceilings as a process of their own: SoftHSM, a token that ends with it, and threads in a loop. Nothing of
 * the service but the form of its keys.
 */

const threads = Number(process.argv[2])
const found = findSoftHsmModule()
if (process.send === undefined || found === null || !(threads > 0))
  throw new TypeError('raw.ts starts this program')
const say = (message: FromRaw) => process.send?.(message)
const folder = mkdtempSync(join(tmpdir(), 'kyso-bench-raw-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined)

useSoftHsm(prepareSoftHsm(folder).confPath)
const setup: RawSetup = { modulePath: found, tokenLabel: 'bench', pin: '1234' }
const lib = new pkcs11.PKCS11()
lib.load(setup.modulePath)
lib.C_Initialize({ flags: pkcs11.CKF_OS_LOCKING_OK })
setUserPin(lib, initialiseToken(lib, setup.tokenLabel, '12345678'), '12345678', setup.pin)

/** The answer that a worker gives next. */
function answer(worker: Worker): Promise<FromRaw> {
  return new Promise((resolve, reject) => {
    const settle = (work: () => void) => () => {
      worker.off('message', onMessage).off('error', onError)
      work()
    }
    const onMessage = (message: FromRaw) => settle(() => resolve(message))()
    const onError = (error: Error) => settle(() => reject(error))()
    worker.on('message', onMessage).on('error', onError)
  })
}

const program = new URL('raw-worker.js', import.meta.url)
const workers = Array.from({ length: threads }, () => new Worker(program, { workerData: setup }))
const ended = workers.map((worker) => new Promise<void>((resolve) => worker.once('exit', () => resolve())))
await Promise.all(workers.map(answer))

process.on('message', async (message: ToRaw) => {
  if (message.type === 'stop') return stop()
  const answers = await Promise.all(
    workers.map((worker) => {
      worker.postMessage(message)
      return answer(worker)
    })
  )
  const failed = answers.find((one) => one.type === 'failed')
  const rates = answers.map((one) => (one.type === 'measured' ? one.perSecond : Number.NaN))
  say(failed ?? { type: 'measured', perSecond: rates.reduce((sum, rate) => sum + rate, 0) })
})

let stopping = false
async function stop(): Promise<void> {
  if (stopping) return
  stopping = true
  for (const worker of workers) worker.postMessage({ type: 'stop' } satisfies ToRaw)
  await Promise.all(ended)
  lib.C_Finalize()
  lib.close()
  if (process.connected) process.disconnect()
}
process.on('disconnect', () => void stop())
say({ type: 'ready' })
