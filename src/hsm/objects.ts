import type { Handle, PKCS11, Template } from 'pkcs11js'
import { CKR, readCkr } from './ckr.js'

const foundAtOnce = 256

/** Handles of all objects that match, in the module's order. The session must have no other search running. */
export function findObjects(lib: PKCS11, session: Handle, template: Template): Handle[] {
  lib.C_FindObjectsInit(session, template)
  try {
    const handles: Handle[] = []
    for (;;) {
      const some = lib.C_FindObjects(session, foundAtOnce)
      if (some.length === 0) return handles
      handles.push(...some)
    }
  } finally {
    lib.C_FindObjectsFinal(session)
  }
}

/** The value of an attribute, null where the object has none. Of a number: its octets in the machine's order. */
export function readAttribute(lib: PKCS11, session: Handle, object: Handle, type: number): Buffer | null {
  try {
    const value: unknown = lib.C_GetAttributeValue(session, object, [{ type }])[0]?.value
    return Buffer.isBuffer(value) && value.length > 0 ? value : null
  } catch (error) {
    if (readCkr(error) === CKR.ATTRIBUTE_TYPE_INVALID) return null
    throw error
  }
}

/** Values of several attributes, by one call where the object has them all; null for each that it has not. */
export function readAttributes(
  lib: PKCS11,
  session: Handle,
  object: Handle,
  types: readonly number[]
): (Buffer | null)[] {
  try {
    const values = lib.C_GetAttributeValue(
      session,
      object,
      types.map((type) => ({ type }))
    )
    return values.map(({ value }) => (Buffer.isBuffer(value) && value.length > 0 ? value : null))
  } catch (error) {
    if (readCkr(error) !== CKR.ATTRIBUTE_TYPE_INVALID) throw error
    return types.map((type) => readAttribute(lib, session, object, type))
  }
}

/** Removes an object that may be gone already. */
export function destroyQuietly(lib: PKCS11, session: Handle, object: Handle): void {
  try {
    lib.C_DestroyObject(session, object)
  } catch {
    // A session object dies with its session anyway; of a token object the caller looks again.
  }
}
