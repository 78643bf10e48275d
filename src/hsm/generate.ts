import type { Handle, PKCS11 } from 'pkcs11js'
import pkcs11 from 'pkcs11js'
import { ServiceError } from '../errors.js'
import { algorithms } from './algorithms.js'
import { CKR, readCkr } from './ckr.js'
import { ecSpki, rsaSpki } from './encodings.js'
import type { KeyAlgorithm } from './hsm.js'
import type { Live, LiveToken } from './live.js'
import { readAttribute } from './objects.js'
import { type Birth, keyPairGeneration } from './templates.js'
import { closeSession, openSession } from './token.js'

/** A pair as it was born. The handles live in the session that made them, or in the token. */
export interface NewPair {
  privateKey: Handle
  publicKey: Handle
  /** SubjectPublicKeyInfo, DER. */
  spki: Uint8Array
}

// The binding does not keep the buffers of a running asynchronous call alive; this does.
const inUse = new Set<readonly unknown[]>()

/** C_GenerateKeyPair on another thread: a long RSA key holds up neither the event loop nor other sessions. */
export async function generatePair(
  lib: PKCS11,
  session: Handle,
  algorithm: KeyAlgorithm,
  birth: Birth
): Promise<NewPair> {
  const { mechanism, publicTemplate, privateTemplate } = keyPairGeneration(algorithm, birth)
  const inputs = [session, mechanism, publicTemplate, privateTemplate] as const
  inUse.add(inputs)
  try {
    const pair = await lib.C_GenerateKeyPairAsync(...inputs)
    return { ...pair, spki: publicKeyOf(lib, session, pair.publicKey, algorithm) }
  } finally {
    inUse.delete(inputs)
  }
}

/**
 * SubjectPublicKeyInfo from the attributes of a public key; of an RSA key also from its private object.
 * @throws ServiceError `hsm_unavailable` when the object has none of them.
 */
export function publicKeyOf(
  lib: PKCS11,
  session: Handle,
  object: Handle,
  algorithm: KeyAlgorithm
): Uint8Array {
  if (algorithms[algorithm].type === 'EC') {
    const point = readAttribute(lib, session, object, pkcs11.CKA_EC_POINT)
    if (point !== null) return ecSpki(algorithm, point)
  } else {
    const modulus = readAttribute(lib, session, object, pkcs11.CKA_MODULUS)
    const exponent = readAttribute(lib, session, object, pkcs11.CKA_PUBLIC_EXPONENT)
    if (modulus !== null && exponent !== null) return rsaSpki(modulus, exponent)
  }
  throw new ServiceError('hsm_unavailable', `the module does not show the public part of a ${algorithm} key`)
}

/** Work on sessions of its own, a few at a time. */
export interface Generator {
  /**
   * Runs `work` on a session that nobody else uses meanwhile.
   * @throws ServiceError `hsm_busy` when too much waits already.
   */
  run<T>(work: (live: LiveToken, session: Handle) => Promise<T>): Promise<T>
  /** Resolves when nothing runs and nothing waits; what waits is refused. Sessions are closed. */
  stop(): Promise<void>
}

/**
 * @param options.lanes How many pairs are generated at the same time. They share libuv's four threads with
 *   password hashing and files, so two are enough.
 * @param options.queueLimit Calls that may wait.
 */
export function createGenerator(live: Live, options: { lanes: number; queueLimit: number }): Generator {
  interface Call {
    run: () => Promise<void>
    refuse: (error: unknown) => void
  }
  interface Lane {
    session: Handle | null
    of: LiveToken | null
  }
  const waiting: Call[] = []
  const idle: Lane[] = Array.from({ length: options.lanes }, () => ({ session: null, of: null }))
  let running = 0
  let stopped: (() => void)[] = []

  function next(): void {
    const call = waiting.shift()
    if (call !== undefined) {
      running += 1
      void call.run().finally(() => {
        running -= 1
        next()
      })
    } else if (running === 0) {
      for (const resolve of stopped) resolve()
      stopped = []
    }
  }

  async function onLane<T>(lane: Lane, work: (live: LiveToken, session: Handle) => Promise<T>): Promise<T> {
    const token = live()
    if (lane.session === null || lane.of !== token) {
      lane.session = openSession(token.lib, token.slot)
      lane.of = token
    }
    return work(token, lane.session)
  }

  return {
    run: (work) =>
      new Promise((resolve, reject) => {
        if (waiting.length >= options.queueLimit) {
          reject(new ServiceError('hsm_busy', `${waiting.length} key pairs wait to be generated`))
          return
        }
        const run = async () => {
          const lane = idle.pop()
          if (lane === undefined) throw new TypeError('more calls run than there are lanes')
          try {
            resolve(
              await onLane(lane, work).catch((error: unknown) => {
                if (readCkr(error) !== CKR.SESSION_HANDLE_INVALID) throw error
                lane.session = null // closed by the token's side: once more on a new one
                return onLane(lane, work)
              })
            )
          } catch (error) {
            reject(error)
          } finally {
            idle.push(lane)
          }
        }
        waiting.push({ run, refuse: reject })
        if (running < options.lanes) next()
      }),

    async stop() {
      for (const call of waiting.splice(0)) {
        call.refuse(new ServiceError('hsm_unavailable', 'the HSM is being closed'))
      }
      if (running > 0) await new Promise<void>((resolve) => stopped.push(resolve))
      for (const lane of idle) {
        if (lane.session !== null && lane.of !== null) closeSession(lane.of.lib, lane.session)
        lane.session = null
        lane.of = null
      }
    }
  }
}
