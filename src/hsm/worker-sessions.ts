import type { Handle, PKCS11 } from 'pkcs11js'
import { ServiceError } from '../errors.js'
import { closeSession, findSlot, login, openSession, sessionLives } from './token.js'

/**
 * A worker's two sessions. The *vault* unwraps keys and owns them: a session object dies with the session that made
 * it, so the vault stays open as long as the worker serves. The *signing* session may be thrown away when an
 * operation on it went wrong.
 */
export interface WorkerSessions {
  vault(): Handle
  signing(): Handle
  /** Throws the signing session away; the next use opens another. */
  replaceSigning(): void
  vaultLives(): boolean
  /** Opens both anew, logged in; all keys are gone. */
  restart(): void
  /** C_GetTokenInfo, the only call that notices a vanished token. */
  tokenAnswers(): boolean
  close(): void
}

/** @throws ServiceError `hsm_unavailable`, or an error of the binding. */
export function openWorkerSessions(lib: PKCS11, tokenLabel: string, pin: string): WorkerSessions {
  const found = findSlot(lib, tokenLabel)
  if (found === null) throw new ServiceError('hsm_unavailable', `no token is called ${tokenLabel}`)
  const slot = found
  let signing: Handle | null = null
  let vault = open()

  function open(): Handle {
    const session = openSession(lib, slot)
    login(lib, session, pin)
    return session
  }

  function replaceSigning(): void {
    if (signing !== null) closeSession(lib, signing)
    signing = null
  }

  return {
    vault: () => vault,
    signing() {
      signing ??= openSession(lib, slot)
      return signing
    },
    replaceSigning,
    vaultLives: () => sessionLives(lib, vault),
    restart() {
      replaceSigning()
      closeSession(lib, vault)
      vault = open()
    },
    tokenAnswers() {
      try {
        lib.C_GetTokenInfo(slot)
        return true
      } catch {
        return false
      }
    },
    close() {
      replaceSigning()
      closeSession(lib, vault)
    }
  }
}
