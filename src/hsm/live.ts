import type { Handle, PKCS11 } from 'pkcs11js'

/** The token while it answers. All of it is void, and made anew, after the token was lost. */
export interface LiveToken {
  readonly lib: PKCS11
  readonly slot: Handle
  /**
   * The main thread's session, held open all the time: when the last session of a process closes, the module logs
   * it out and destroys every thread's keys. Used for calls that end at once; never across an `await`.
   */
  readonly session: Handle
  sealKey: Handle
  encryptionKey: Handle
  /** Null only where keys are token objects and none was ever wrapped. */
  masterKey: Handle | null
}

/** The live token. @throws ServiceError `hsm_unavailable` while it is lost or closed. */
export type Live = () => LiveToken
