import type { Handle, PKCS11 } from 'pkcs11js'
import pkcs11 from 'pkcs11js'
import { ServiceError } from '../errors.js'
import { describe } from './ckr.js'
import type { Exclusive } from './lock.js'
import type { ProgramResult } from './master-key-program.js'
import { destroyQuietly, findObjects } from './objects.js'
import {
  keyPairGeneration,
  masterKeyLabel,
  masterKeyTemplate,
  secretKeySearch,
  unwrappedKeyTemplate
} from './templates.js'

/** AES key wrap with padding (RFC 5649), no parameter. */
export const wrapMechanism: pkcs11.Mechanism = { mechanism: pkcs11.CKM_AES_KEY_WRAP_PAD }

/** Octets of the longest wrapped key (RSA-4096: about 2,384), with room to spare. */
export const wrappedKeyLimit = 4096

/**
 * The master key's handle, null if there is none.
 * @throws ServiceError `hsm_unavailable` when there are two: nobody could tell which one wrapped a key.
 */
export function findMasterKey(lib: PKCS11, session: Handle): Handle | null {
  const handles = findObjects(lib, session, secretKeySearch(masterKeyLabel))
  if (handles.length > 1)
    throw new ServiceError('hsm_unavailable', `${handles.length} keys are called ${masterKeyLabel}`)
  return handles[0] ?? null
}

/** Makes the master key if it does not exist. Prefers the way that sets an unwrap template. */
export async function makeMasterKey(
  lib: PKCS11,
  session: Handle,
  deps: {
    exclusive: Exclusive
    /** Runs `softhsm/master-key.c`. */
    program: () => Promise<ProgramResult>
    log: (message: string) => void
  }
): Promise<void> {
  if (findMasterKey(lib, session) !== null) return
  await deps.exclusive(async () => {
    if (findMasterKey(lib, session) !== null) return
    const result = await deps.program()
    if (!result.made) {
      deps.log(`the master key is made without an unwrap template: ${result.why}`)
      generateWithout(lib, session)
    }
    if (findMasterKey(lib, session) === null) {
      throw new ServiceError('hsm_unavailable', 'the new master key does not appear')
    }
  })
}

/** The second and third best: with CKA_ALLOWED_MECHANISMS, or without it where the module does not know it. */
function generateWithout(lib: PKCS11, session: Handle): void {
  const mechanism = { mechanism: pkcs11.CKM_AES_KEY_GEN }
  try {
    lib.C_GenerateKey(session, mechanism, masterKeyTemplate({ allowedMechanisms: true }))
  } catch {
    lib.C_GenerateKey(session, mechanism, masterKeyTemplate({ allowedMechanisms: false }))
  }
}

/**
 * Tries what must not be possible: to unwrap a key into a readable one, and to decrypt with the master key. What a
 * module promises in attributes it may not keep, so the deed is what counts. Costs a few milliseconds.
 * @returns A sentence for each protection that does not hold.
 */
export function weaknessesOf(lib: PKCS11, session: Handle, master: Handle): string[] {
  const sentences: string[] = []
  if (unwrapsReadable(lib, session, master)) {
    sentences.push(
      'Whoever holds the token PIN and the database can read subscriber keys: ' +
        'the master key has no unwrap template, so the module unwraps a key into a readable one.'
    )
  }
  if (decrypts(lib, session, master)) {
    sentences.push(
      'Whoever holds the token PIN and the database can read subscriber keys: ' +
        'the module lets the master key decrypt what it has wrapped.'
    )
  }
  return sentences
}

function unwrapsReadable(lib: PKCS11, session: Handle, master: Handle): boolean {
  const { mechanism, publicTemplate, privateTemplate } = keyPairGeneration('P-256', { kind: 'session' })
  const pair = lib.C_GenerateKeyPair(session, mechanism, publicTemplate, privateTemplate)
  try {
    const blob = lib.C_WrapKey(session, wrapMechanism, master, pair.privateKey, Buffer.alloc(wrappedKeyLimit))
    // The honest way must work, else the refusal below would prove nothing.
    const good = lib.C_UnwrapKey(session, wrapMechanism, master, blob, unwrappedKeyTemplate('P-256'))
    destroyQuietly(lib, session, good)
    const weak = unwrappedKeyTemplate('P-256').map((attribute) => {
      if (attribute.type === pkcs11.CKA_SENSITIVE) return { ...attribute, value: false }
      if (attribute.type === pkcs11.CKA_EXTRACTABLE) return { ...attribute, value: true }
      return attribute
    })
    try {
      destroyQuietly(lib, session, lib.C_UnwrapKey(session, wrapMechanism, master, blob, weak))
      return true
    } catch {
      return false
    }
  } catch (cause) {
    throw new ServiceError('hsm_unavailable', `the master key does not wrap and unwrap: ${describe(cause)}`, {
      cause
    })
  } finally {
    destroyQuietly(lib, session, pair.publicKey)
    destroyQuietly(lib, session, pair.privateKey)
  }
}

function decrypts(lib: PKCS11, session: Handle, master: Handle): boolean {
  const allow = (value: boolean) =>
    lib.C_SetAttributeValue(session, master, [{ type: pkcs11.CKA_DECRYPT, value }])
  let loosened = false
  let started = false
  try {
    allow(true)
    loosened = true
  } catch {
    // not modifiable: as it should be
  }
  try {
    lib.C_DecryptInit(session, { mechanism: pkcs11.CKM_AES_ECB }, master)
    started = true
    lib.C_Decrypt(session, Buffer.alloc(16), Buffer.alloc(16)) // ends the operation
  } catch {
    // refused to begin: as it should be
  }
  if (loosened) allow(false)
  return started
}
