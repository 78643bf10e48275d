import type { Handle, PKCS11 } from 'pkcs11js'
import pkcs11 from 'pkcs11js'
import { ServiceError } from '../errors.js'
import { CKR, readCkr } from './ckr.js'
import type { Live, LiveToken } from './live.js'
import type { Exclusive } from './lock.js'
import { findSecretKey, makeSecretKey } from './secret-keys.js'
import { sealKeyLabel, sealKeyTemplate } from './templates.js'
import { closeSession, openSession } from './token.js'

const mechanism: pkcs11.Mechanism = { mechanism: pkcs11.CKM_SHA256_HMAC }
const macLength = 32
const output = Buffer.alloc(macLength)

/** The seal key's handle, null if there is none. @throws ServiceError `hsm_unavailable` when there are two. */
export function findSealKey(lib: PKCS11, session: Handle): Handle | null {
  return findSecretKey(lib, session, sealKeyLabel)
}

/** Makes the seal key if it does not exist. */
export async function makeSealKey(lib: PKCS11, session: Handle, exclusive: Exclusive): Promise<void> {
  const generation = { mechanism: pkcs11.CKM_GENERIC_SECRET_KEY_GEN }
  const birth = { label: sealKeyLabel, mechanism: generation, template: sealKeyTemplate }
  await makeSecretKey(lib, session, birth, exclusive)
}

/** Computes MACs on a session of its own, on the calling thread: 20 µs each in SoftHSM, too little to send away. */
export interface Sealer {
  /**
   * HMAC-SHA-256.
   * @param message At least one octet: an empty input would leave the operation open.
   * @throws ServiceError `hsm_unavailable`, or an error of the binding.
   */
  mac(message: Uint8Array): Uint8Array
}

export function createSealer(live: Live): Sealer {
  let session: Handle | null = null
  let of: LiveToken | null = null

  function attempt(token: LiveToken, message: Uint8Array): Uint8Array {
    const { lib } = token
    session ??= openSession(lib, token.slot)
    try {
      lib.C_SignInit(session, mechanism, token.sealKey)
      const mac = lib.C_Sign(
        session,
        Buffer.from(message.buffer, message.byteOffset, message.byteLength),
        output
      )
      if (mac.length !== macLength) throw new Error(`the seal key made ${mac.length} octets`)
      return new Uint8Array(mac) // a copy: the output buffer is used again
    } catch (error) {
      closeSession(lib, session) // an operation may be open on it
      session = null
      throw error
    }
  }

  return {
    mac(message) {
      const token = live()
      if (of !== token) {
        session = null // died with its token
        of = token
      }
      try {
        return attempt(token, message)
      } catch (error) {
        const code = readCkr(error)
        if (code === null || !worthAnotherTry.has(code)) throw error
        const found = findSealKey(token.lib, token.session)
        if (found === null)
          throw new ServiceError('hsm_unavailable', 'the token does not hold the seal key', { cause: error })
        token.sealKey = found
        return attempt(token, message)
      }
    }
  }
}

/** A MAC may be computed twice without harm. */
const worthAnotherTry: ReadonlySet<number> = new Set([
  CKR.KEY_HANDLE_INVALID,
  CKR.OBJECT_HANDLE_INVALID,
  CKR.OPERATION_ACTIVE,
  CKR.SESSION_CLOSED,
  CKR.SESSION_HANDLE_INVALID
])
