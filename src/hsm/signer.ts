import type { PKCS11 } from 'pkcs11js'
import { CKR, describe, readCkr, refusedBySign } from './ckr.js'
import { hashes } from './hashes.js'
import type { SignatureScheme } from './hsm.js'
import { createLoadedKeys, KeyNotHeld, KeyRefused, type NamedKey } from './loaded-keys.js'
import type { Failure, KeyMissing, WorkerCounts } from './protocol.js'
import { inputOf, mechanismOf } from './schemes.js'
import type { WorkerSessions } from './worker-sessions.js'

/** Signs, and mends what can be mended, on one thread. */
export interface Signer {
  /**
   * Signs digests with one key, in order.
   * @param digests Packed, each of the length of the scheme's hash.
   * @param signatures Room for the packed signatures; must be zero where one fails.
   * @param handOver Called before each C_Sign with the digest's index: from then on it may have been signed.
   * @param fail Called for each digest that has no signature.
   */
  sign(
    key: NamedKey,
    scheme: SignatureScheme,
    digests: Buffer,
    signatures: Buffer,
    handOver: (index: number) => void,
    fail: (index: number, failure: Failure | KeyMissing) => void
  ): void
  forget(name: string): void
  counts(): WorkerCounts
}

export function createSigner(lib: PKCS11, sessions: WorkerSessions, keyCacheSize: number): Signer {
  const keys = createLoadedKeys(lib, sessions, keyCacheSize)

  /** The keys are given up first: their handles must not be used once others may have the same numbers. */
  function reopen(): void {
    keys.drop()
    sessions.restart()
  }

  /** Repairs what a return value points at. @returns Whether another attempt makes sense. */
  function mend(code: number | null, key: NamedKey): boolean {
    switch (code) {
      case CKR.OBJECT_HANDLE_INVALID:
      case CKR.KEY_HANDLE_INVALID:
      case CKR.UNWRAPPING_KEY_HANDLE_INVALID:
        keys.discard(key.number)
        keys.forgetMasterKey()
        return true
      case CKR.SESSION_CLOSED:
      case CKR.SESSION_HANDLE_INVALID:
        if (sessions.vaultLives()) sessions.replaceSigning()
        else reopen()
        return true
      case CKR.OPERATION_ACTIVE:
        sessions.replaceSigning()
        return true
      case CKR.USER_NOT_LOGGED_IN:
        reopen()
        return true
      default:
        return false
    }
  }

  function refusal(error: unknown): Failure | KeyMissing {
    if (error instanceof KeyNotHeld) return { outcome: 'key-missing' }
    if (error instanceof KeyRefused)
      return { outcome: 'refused', reason: error.reason, detail: error.message }
    return { outcome: 'refused', reason: 'unavailable', detail: describe(error) }
  }

  return {
    sign(key, scheme, digests, signatures, handOver, fail) {
      const digestLength = hashes[scheme.hash].octets
      const count = digests.length / digestLength
      const signatureLength = signatures.length / count
      const mechanism = mechanismOf(scheme)
      const { input, digestAt } = inputOf(scheme)

      /** Null: signed. `key`: whether every further digest would fail in the same way. */
      function signOne(
        index: number,
        mayMend: boolean
      ): { failure: Failure | KeyMissing; key: boolean } | null {
        const output = signatures.subarray(index * signatureLength, (index + 1) * signatureLength)
        let stage: 'key' | 'init' | 'sign' = 'key'
        try {
          const handle = keys.handleOf(key)
          stage = 'init'
          lib.C_SignInit(sessions.signing(), mechanism, handle)
          digests.copy(input, digestAt, index * digestLength, (index + 1) * digestLength)
          handOver(index)
          stage = 'sign'
          const { length } = lib.C_Sign(sessions.signing(), input, output)
          if (length === signatureLength) return null
          output.fill(0)
          return { failure: { outcome: 'uncertain', detail: `a signature of ${length} octets` }, key: false }
        } catch (error) {
          if (stage === 'sign') {
            output.fill(0)
            sessions.replaceSigning() // the operation may still be open on it
            if (!refusedBySign(error)) {
              return { failure: { outcome: 'uncertain', detail: describe(error) }, key: false }
            }
          }
          try {
            if (mayMend && mend(readCkr(error), key)) return signOne(index, false)
          } catch (mending) {
            return { failure: refusal(mending), key: true }
          }
          return { failure: refusal(error), key: stage === 'key' }
        }
      }

      for (let index = 0; index < count; index += 1) {
        const failed = signOne(index, true)
        if (failed === null) continue
        fail(index, failed.failure)
        if (failed.key) {
          for (let rest = index + 1; rest < count; rest += 1) fail(rest, failed.failure)
          return
        }
      }
    },
    forget: keys.forget,
    counts: keys.counts
  }
}
