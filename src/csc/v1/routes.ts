import type { ApiRoutes } from '../deps.js'
import { credentialsAuthorize } from './credentials-authorize.js'
import { credentialsInfo } from './credentials-info.js'
import { credentialsList } from './credentials-list.js'
import { extendTransaction } from './extend-transaction.js'
import { info } from './info.js'
import { sendOtp } from './send-otp.js'
import { signHash } from './sign-hash.js'

/** What is v1's alone: CSC API v1 §11, but for what both versions share. */
export const v1Methods: readonly ApiRoutes[] = [
  info,
  credentialsList,
  credentialsInfo,
  credentialsAuthorize,
  extendTransaction,
  sendOtp,
  signHash
]
