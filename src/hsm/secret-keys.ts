import type { Handle, Mechanism, PKCS11, Template } from 'pkcs11js'
import { ServiceError } from '../errors.js'
import type { Exclusive } from './lock.js'
import { findObjects } from './objects.js'
import { secretKeySearch } from './templates.js'

/**
 * The handle of the secret key of the installation with this label, null if there is none.
 * @throws ServiceError `hsm_unavailable` when there are two: nobody could tell which one was used.
 */
export function findSecretKey(lib: PKCS11, session: Handle, label: string): Handle | null {
  const handles = findObjects(lib, session, secretKeySearch(label))
  if (handles.length > 1)
    throw new ServiceError('hsm_unavailable', `${handles.length} keys are called ${label}`)
  return handles[0] ?? null
}

/** How a secret key is made; `template` may leave out what a module does not know. */
export interface SecretKeyBirth {
  label: string
  mechanism: Mechanism
  template: (options: { allowedMechanisms: boolean }) => Template
}

/** Makes the key if it does not exist: bound to its mechanism, where the module knows such a bond. */
export async function makeSecretKey(
  lib: PKCS11,
  session: Handle,
  { label, mechanism, template }: SecretKeyBirth,
  exclusive: Exclusive
): Promise<void> {
  if (findSecretKey(lib, session, label) !== null) return
  await exclusive(async () => {
    if (findSecretKey(lib, session, label) !== null) return
    try {
      lib.C_GenerateKey(session, mechanism, template({ allowedMechanisms: true }))
    } catch {
      lib.C_GenerateKey(session, mechanism, template({ allowedMechanisms: false }))
    }
  })
}
