import { createPublicKey, verify } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import pkcs11, { type Handle } from 'pkcs11js'
import { readCkr } from '../../src/hsm/ckr.js'
import { publicKeyOf } from '../../src/hsm/generate.js'
import { inputOf, mechanismOf } from '../../src/hsm/schemes.js'
import { keyPairGeneration, unwrappedKeyTemplate } from '../../src/hsm/templates.js'
import { findSlot, login, openSession } from '../../src/hsm/token.js'
import { digestOf, documentOf } from '../load/documents.js'
import type { MeasuredAlgorithm } from '../prepare/protocol.js'
import type { FromRaw, RawSetup, RawWork, ToRaw } from './raw-protocol.js'

/*
 * A thread of the raw ceilings: one session, keys like those of subscribers (born, wrapped, and unwrapped into the
 * form in which the service signs with them), and a loop around two calls of the binding. Ends by closing its port,
 * never by force.
 */

if (parentPort === null) throw new TypeError('raw-process.ts starts this worker')
const port = parentPort
const setup: RawSetup = workerData
const post = (message: FromRaw) => port.postMessage(message)

const wrapMechanism = { mechanism: pkcs11.CKM_AES_KEY_WRAP_PAD }
const lib = new pkcs11.PKCS11()
lib.load(setup.modulePath)
try {
  lib.C_Initialize({ flags: pkcs11.CKF_OS_LOCKING_OK })
} catch (error) {
  if (readCkr(error) !== pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED) throw error
}
const slot = findSlot(lib, setup.tokenLabel)
if (slot === null) throw new Error(`no token is called ${setup.tokenLabel}`)
const session = openSession(lib, slot)
login(lib, session, setup.pin)
const masterKey = lib.C_GenerateKey(session, { mechanism: pkcs11.CKM_AES_KEY_GEN }, [
  { type: pkcs11.CKA_VALUE_LEN, value: 32 },
  { type: pkcs11.CKA_TOKEN, value: false },
  { type: pkcs11.CKA_PRIVATE, value: true },
  { type: pkcs11.CKA_WRAP, value: true },
  { type: pkcs11.CKA_UNWRAP, value: true }
])

interface RawKey {
  handle: Handle
  blob: Buffer
  spki: Uint8Array
}
const keys = new Map<MeasuredAlgorithm, RawKey>()

function keyOf(algorithm: MeasuredAlgorithm): RawKey {
  const known = keys.get(algorithm)
  if (known !== undefined) return known
  const { mechanism, publicTemplate, privateTemplate } = keyPairGeneration(algorithm, { kind: 'session' })
  const pair = lib.C_GenerateKeyPair(session, mechanism, publicTemplate, privateTemplate)
  const spki = publicKeyOf(lib, session, pair.publicKey, algorithm)
  // A copy: the binding answers with a view into the buffer it was given.
  const blob = Buffer.from(
    lib.C_WrapKey(session, wrapMechanism, masterKey, pair.privateKey, Buffer.alloc(4096))
  )
  const handle = lib.C_UnwrapKey(session, wrapMechanism, masterKey, blob, unwrappedKeyTemplate(algorithm))
  const key = { handle, blob, spki }
  keys.set(algorithm, key)
  return key
}

/** One operation, to be repeated. */
function operationOf({ operation, algorithm }: RawWork): () => void {
  const { handle, blob, spki } = keyOf(algorithm)
  if (operation === 'unwrap') {
    const template = unwrappedKeyTemplate(algorithm)
    return () =>
      lib.C_DestroyObject(session, lib.C_UnwrapKey(session, wrapMechanism, masterKey, blob, template))
  }
  const scheme = { type: algorithm === 'P-256' ? 'ecdsa' : 'pkcs1', hash: 'SHA-256' } as const
  const mechanism = mechanismOf(scheme)
  const { input, digestAt } = inputOf(scheme)
  digestOf('raw', 1).copy(input, digestAt)
  const output = Buffer.alloc(512)
  const sign = () => {
    lib.C_SignInit(session, mechanism, handle)
    return lib.C_Sign(session, input, output)
  }
  const publicKey = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  const dsaEncoding = 'ieee-p1363' // as PKCS #11 has it; RSA has no such thing
  if (!verify('sha256', Buffer.from(documentOf('raw', 1)), { key: publicKey, dsaEncoding }, sign()))
    throw new Error(`the raw ${algorithm} signature does not verify`)
  return sign
}

function measure({ work, warmUpMs, windowMs }: Extract<ToRaw, { type: 'measure' }>): number {
  const once = operationOf(work)
  const from = performance.now() + warmUpMs
  while (performance.now() < from) once()
  const startedAt = performance.now()
  let count = 0
  let elapsedMs = 0
  do {
    once()
    count += 1
    elapsedMs = performance.now() - startedAt
  } while (elapsedMs < windowMs)
  return count / (elapsedMs / 1000)
}

port.on('message', (message: ToRaw) => {
  if (message.type === 'stop') {
    lib.C_CloseSession(session)
    port.close()
    return
  }
  try {
    post({ type: 'measured', perSecond: measure(message) })
  } catch (error) {
    post({ type: 'failed', reason: String(error) })
  }
})
// Both made now, so that the first round does not wait for an RSA key.
keyOf('P-256')
keyOf('RSA-2048')
post({ type: 'ready' })
