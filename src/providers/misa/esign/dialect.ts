import type { Dialect } from '../../dialect/dialect.js'
import { callback } from './callback.js'
import { certificates } from './certificates.js'
import { proveClient } from './client.js'
import { attachDocuments } from './documents-attachment.js'
import { hashDocuments } from './documents-hash.js'
import { webdevPage } from './elsewhere.js'
import { fault } from './faults.js'
import { login } from './login.js'
import { quirks } from './quirks.js'
import { refreshToken } from './refresh-token.js'
import { signHash } from './sign-hash.js'
import { holdSubscriber, proveSubscriber } from './signer-token.js'
import { status } from './status.js'

/** MISA eSign RemoteSigning, version 2 (docs/providers/misa.md): the person logs in, then documents are signed. */
export const esign: Dialect = {
  id: 'esign',
  roots: ['/webdev', '/api/auth', '/external/esrm'],
  hosts: [
    { name: 'esignapp.misa.vn', manners: 'production' },
    { name: 'testesignappv1.misa.vn', manners: 'sandbox' }
  ],
  quirks,
  async routes(app, options) {
    for (const routes of [login, refreshToken, webdevPage]) await app.register(routes, options)
    await app.register(async (signing) => {
      holdSubscriber(signing)
      signing.addHook('onRequest', proveClient(options, { bare: false }))
      signing.addHook('onRequest', proveSubscriber(options))
      for (const routes of [certificates, hashDocuments, signHash, status, attachDocuments])
        await signing.register(routes, options)
    })
  },
  fault,
  callback
}
