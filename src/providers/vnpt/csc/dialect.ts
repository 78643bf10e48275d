import type { Dialect } from '../../dialect/dialect.js'
import { authorize } from './authorize.js'
import { callback } from './callback.js'
import { credentialsInfo } from './credentials-info.js'
import { credentialsList } from './credentials-list.js'
import { smartCaCscFault } from './fault.js'
import { authPath, credentialsPath, identityPath, signaturePath, smartCaCscId } from './paths.js'
import { sign } from './sign.js'
import { signHash } from './sign-hash.js'
import { token } from './token.js'
import { transactionInfo } from './transaction-info.js'
import { userInfo } from './user-info.js'

/** VNPT SmartCA by OAuth and calls of CSC's kind (docs/providers/vnpt.md). */
export const smartCaCsc: Dialect = {
  id: smartCaCscId,
  roots: [authPath, identityPath, credentialsPath, signaturePath],
  hosts: [
    { name: 'gwsca.vnpt.vn', manners: 'production' },
    { name: 'rmgateway.vnptit.vn', manners: 'sandbox' }
  ],
  quirks: [
    {
      name: 'vnpt.csc-multisign-1',
      meaning:
        '`multisign` is 1, although one confirmation allows more; off, it is what the credential allows.',
      mark: 'V'
    }
  ],
  async routes(app, options) {
    for (const routes of [
      authorize,
      token,
      userInfo,
      credentialsList,
      credentialsInfo,
      signHash,
      sign,
      transactionInfo
    ])
      await app.register(routes, options)
  },
  fault: smartCaCscFault,
  callback
}
