import type { Handle, PKCS11 } from 'pkcs11js'
import pkcs11 from 'pkcs11js'
import { ServiceError } from '../errors.js'
import { CKR, describe, readCkr } from './ckr.js'

const sessionFlags = pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION
const labelLength = 32

/** A label as a token carries it: UTF-8, padded with blanks (PKCS #11 v2.40 base §3.2, CK_TOKEN_INFO). */
function paddedLabel(label: string): string {
  const length = Buffer.byteLength(label)
  if (length === 0 || length > labelLength) {
    throw new RangeError(`a token label has 1 to ${labelLength} octets, not ${length}`)
  }
  return label + ' '.repeat(labelLength - length)
}

/**
 * The slot that holds the token, null if none does. Never remember a slot: its number changes when a token is
 * initialised, and again in the next process.
 * @throws ServiceError `hsm_unavailable` when two tokens have the label.
 */
export function findSlot(lib: PKCS11, label: string): Handle | null {
  const slots = lib.C_GetSlotList(true).filter((slot) => {
    const info = tokenInfo(lib, slot)
    return (
      info !== null && info.label.trimEnd() === label && (info.flags & pkcs11.CKF_TOKEN_INITIALIZED) !== 0
    )
  })
  if (slots.length > 1)
    throw new ServiceError('hsm_unavailable', `${slots.length} tokens are called ${label}`)
  return slots[0] ?? null
}

/** A slot whose token cannot be read must not hide the others. */
function tokenInfo(lib: PKCS11, slot: Handle): pkcs11.TokenInfo | null {
  try {
    return lib.C_GetTokenInfo(slot)
  } catch {
    return null
  }
}

/** Whether somebody has set the user PIN; false after a first start that was cut short. */
export function hasUserPin(lib: PKCS11, slot: Handle): boolean {
  return (lib.C_GetTokenInfo(slot).flags & pkcs11.CKF_USER_PIN_INITIALIZED) !== 0
}

/**
 * Makes a token in a free slot. Its user PIN is not set yet.
 * @throws ServiceError `hsm_unavailable` when the module has no uninitialised slot.
 */
export function initialiseToken(lib: PKCS11, label: string, soPin: string): Handle {
  const free = lib
    .C_GetSlotList(true)
    .find(
      (slot) =>
        ((tokenInfo(lib, slot)?.flags ?? pkcs11.CKF_TOKEN_INITIALIZED) & pkcs11.CKF_TOKEN_INITIALIZED) === 0
    )
  if (free === undefined) throw new ServiceError('hsm_unavailable', 'no slot is free for a new token')
  // Padded here: the binding hands over the text as it is, and the module reads 32 octets of it.
  lib.C_InitToken(free, soPin, paddedLabel(label))
  const slot = findSlot(lib, label)
  if (slot === null) throw new ServiceError('hsm_unavailable', `the new token ${label} does not appear`)
  return slot
}

/** Sets the user PIN of a token that has none. */
export function setUserPin(lib: PKCS11, slot: Handle, soPin: string, pin: string): void {
  const session = lib.C_OpenSession(slot, sessionFlags)
  try {
    lib.C_Login(session, pkcs11.CKU_SO, soPin)
    lib.C_InitPIN(session, pin)
    lib.C_Logout(session) // no user session is open yet, so that nobody loses objects by it
  } finally {
    lib.C_CloseSession(session)
  }
}

/** Opens a read-write session. Login belongs to the process: see `login`. */
export function openSession(lib: PKCS11, slot: Handle): Handle {
  return lib.C_OpenSession(slot, sessionFlags)
}

/**
 * Logs the process in, on any session; all sessions of all threads share it. Nobody ever logs out: that would
 * destroy every thread's session objects.
 * @throws ServiceError `hsm_unavailable` when the PIN is wrong.
 */
export function login(lib: PKCS11, session: Handle, pin: string): void {
  try {
    lib.C_Login(session, pkcs11.CKU_USER, pin)
  } catch (cause) {
    const code = readCkr(cause)
    if (code === CKR.USER_ALREADY_LOGGED_IN) return
    const why = code === CKR.PIN_INCORRECT ? 'the token refuses the PIN' : `C_Login: ${describe(cause)}`
    throw new ServiceError('hsm_unavailable', why, { cause })
  }
}

/** Whether a session handle still works. */
export function sessionLives(lib: PKCS11, session: Handle): boolean {
  try {
    lib.C_GetSessionInfo(session)
    return true
  } catch {
    return false
  }
}

/** Closes a session that may be closed already. */
export function closeSession(lib: PKCS11, session: Handle): void {
  try {
    lib.C_CloseSession(session)
  } catch {
    // gone with the token or the module
  }
}
