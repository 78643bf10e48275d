import type { DialectRoutes } from '../../dialect/dialect.js'
import { credentialsAuthorize } from './credentials-authorize.js'
import { credentialsInfo } from './credentials-info.js'
import { credentialsList } from './credentials-list.js'
import { extendTransaction } from './extend-transaction.js'
import { registerExtension } from './register-extension.js'
import { signHash } from './sign-hash.js'

/** The CSC endpoints (§4.4), beneath each root of the calls under `ras`. */
export const cscCalls: readonly DialectRoutes[] = [
  credentialsList,
  credentialsInfo,
  credentialsAuthorize,
  signHash,
  registerExtension,
  extendTransaction
]
