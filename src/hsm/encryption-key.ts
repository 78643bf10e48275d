import { randomBytes } from 'node:crypto'
import type { Handle, PKCS11 } from 'pkcs11js'
import pkcs11 from 'pkcs11js'
import { ServiceError } from '../errors.js'
import { CKR, describe, readCkr } from './ckr.js'
import type { Secrets } from './hsm.js'
import type { Live, LiveToken } from './live.js'
import type { Exclusive } from './lock.js'
import { findSecretKey, makeSecretKey } from './secret-keys.js'
import { encryptionKeyLabel, encryptionKeyTemplate } from './templates.js'
import { closeSession, openSession } from './token.js'

/** NIST SP 800-38D §8.2.2: a random IV of 96 bits, fresh for every encryption. */
const ivOctets = 12
const tagOctets = 16
/** Octets of a secret, and of the name of its place. */
const plainMax = 4_096
const contextMax = 1_024

/** The encryption key's handle, null if there is none. @throws ServiceError `hsm_unavailable` when there are two. */
export function findEncryptionKey(lib: PKCS11, session: Handle): Handle | null {
  return findSecretKey(lib, session, encryptionKeyLabel)
}

/** Makes the encryption key if it does not exist. */
export async function makeEncryptionKey(lib: PKCS11, session: Handle, exclusive: Exclusive): Promise<void> {
  const mechanism = { mechanism: pkcs11.CKM_AES_KEY_GEN }
  const birth = { label: encryptionKeyLabel, mechanism, template: encryptionKeyTemplate }
  await makeSecretKey(lib, session, birth, exclusive)
}

/**
 * Encrypts on a session opened for the one call, on the calling thread: it is asked for seldom, and takes less than
 * a millisecond.
 */
export function createSecrets(live: Live): Secrets {
  /** Both ways may be done twice without harm. */
  function run<T>(work: (token: LiveToken, session: Handle) => T): T {
    const token = live()
    try {
      return inSession(token, work)
    } catch (error) {
      const code = readCkr(error)
      if (code === null || !staleHandle.has(code)) throw error
      const found = findEncryptionKey(token.lib, token.session)
      if (found === null)
        throw new ServiceError('hsm_unavailable', 'the token does not hold the encryption key', {
          cause: error
        })
      token.encryptionKey = found
      return inSession(token, work)
    }
  }

  return {
    async encrypt(plain, context) {
      checkLength('a secret', plain.length, plainMax)
      const parameter = { iv: randomBytes(ivOctets), context: contextOctets(context) }
      return run(({ lib, encryptionKey }, session) => {
        lib.C_EncryptInit(session, gcm(parameter), encryptionKey)
        const sealed = lib.C_Encrypt(session, Buffer.from(plain), Buffer.alloc(plain.length + tagOctets))
        if (sealed.length !== plain.length + tagOctets)
          throw new Error(`the encryption key made ${sealed.length} octets of ${plain.length}`)
        return new Uint8Array(Buffer.concat([parameter.iv, sealed]))
      })
    },

    async decrypt(encrypted, context) {
      if (encrypted.length <= ivOctets + tagOctets || encrypted.length > plainMax + ivOctets + tagOctets)
        throw new ServiceError('integrity_broken', `${encrypted.length} octets are no encrypted secret`)
      const parameter = {
        iv: Buffer.from(encrypted.subarray(0, ivOctets)),
        context: contextOctets(context)
      }
      return run(({ lib, encryptionKey }, session) => {
        lib.C_DecryptInit(session, gcm(parameter), encryptionKey)
        try {
          const sealed = Buffer.from(encrypted.subarray(ivOctets))
          return new Uint8Array(lib.C_Decrypt(session, sealed, Buffer.alloc(sealed.length)))
        } catch (cause) {
          const code = readCkr(cause)
          if (code === null || !tagRefused.has(code)) throw cause
          throw new ServiceError('integrity_broken', `a secret does not decrypt: ${describe(cause)}`, {
            cause
          })
        }
      })
    }
  }
}

function inSession<T>(token: LiveToken, work: (token: LiveToken, session: Handle) => T): T {
  const session = openSession(token.lib, token.slot)
  try {
    return work(token, session)
  } finally {
    closeSession(token.lib, session)
  }
}

/** CK_GCM_PARAMS as PKCS #11 v2.40 errata 01 has it, with the length of the IV in bits. */
function gcm({ iv, context }: { iv: Buffer; context: Buffer }): pkcs11.Mechanism {
  const parameter: pkcs11.AesGCM = {
    type: pkcs11.CK_PARAMS_AES_GCM_v240,
    iv,
    ivBits: ivOctets * 8,
    aad: context,
    tagBits: tagOctets * 8
  }
  return { mechanism: pkcs11.CKM_AES_GCM, parameter }
}

function contextOctets(context: string): Buffer {
  const octets = Buffer.from(context, 'utf8')
  checkLength('a context', octets.length, contextMax)
  return octets
}

function checkLength(what: string, length: number, max: number): void {
  if (length === 0 || length > max) throw new RangeError(`${what} has 1 to ${max} octets, not ${length}`)
}

/** The token is there, and what was known of it is not true any more. */
const staleHandle: ReadonlySet<number> = new Set([
  CKR.KEY_HANDLE_INVALID,
  CKR.OBJECT_HANDLE_INVALID,
  CKR.SESSION_CLOSED,
  CKR.SESSION_HANDLE_INVALID
])

/** What C_Decrypt says of a tag that does not fit. SoftHSM has no more precise word for it than a general error. */
const tagRefused: ReadonlySet<number> = new Set([
  CKR.ENCRYPTED_DATA_INVALID,
  CKR.ENCRYPTED_DATA_LEN_RANGE,
  CKR.GENERAL_ERROR
])
