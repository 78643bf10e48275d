import graphene from 'graphene-pk11'
import pkcs11 from 'pkcs11js'
import { ServiceError } from '../errors.js'
import { describe } from './ckr.js'

/**
 * A loaded PKCS#11 library. Keep it referenced as long as handles of it are in use: when it is collected as
 * garbage, the binding closes the library.
 */
export interface Cryptoki {
  readonly module: graphene.Module
  /** The binding itself, for what runs often. */
  readonly lib: pkcs11.PKCS11
}

/** @throws ServiceError `hsm_unavailable` when the file is missing or no PKCS#11 module. */
export function loadModule(path: string): Cryptoki {
  try {
    const module = graphene.Module.load(path)
    return { module, lib: module.lib }
  } catch (cause) {
    throw new ServiceError('hsm_unavailable', `cannot load the PKCS#11 module ${path}: ${describe(cause)}`, {
      cause
    })
  }
}

/**
 * C_Initialize with the system's own locks: without the flag the binding asks for a module without any, and
 * SoftHSM crashes under two threads. Harmless where another thread of the process has done it already.
 */
export function initialise({ module }: Cryptoki): void {
  module.initialize({ flags: pkcs11.CKF_OS_LOCKING_OK })
}
