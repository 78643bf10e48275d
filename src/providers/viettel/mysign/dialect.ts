import type { Dialect } from '../../dialect/dialect.js'
import { cscCalls } from '../csc/calls.js'
import { fileCalls } from '../files/calls.js'
import { authenticate } from './authenticate.js'
import { callback } from './callback.js'
import { certificatesInfo } from './certificates-info.js'
import { mySignFault } from './fault.js'
import { login } from './login.js'
import { gateway, rasRoots } from './paths.js'
import { requestStatus } from './request-status.js'
import { mySignId, signHash } from './sign-hash.js'

/** Viettel MySign by its gateway (docs/providers/viettel.md): bare values on success, `{error, ...}` otherwise. */
export const mySign: Dialect = {
  id: mySignId,
  roots: [gateway, '/adss/service'],
  hosts: [{ name: 'remotesigning.viettel.vn', manners: 'production' }],
  quirks: [
    {
      name: 'viettel.strings-for-numbers',
      meaning: '`expires_in`, `len`, `multisign`, `scal` and `status` are strings; off, they are numbers.',
      mark: 'V'
    },
    {
      name: 'viettel.signature-line-breaks',
      meaning: 'Signatures carry a CR LF after every 76 characters; off, they are in one line.',
      mark: 'V'
    },
    {
      name: 'viettel.pending-4000',
      meaning:
        'A pending `status` is 4000, and 6000 once confirmed; off, it is 0 for both, as older clients know it.',
      mark: 'V'
    }
  ],
  async routes(app, options) {
    for (const prefix of rasRoots)
      for (const routes of [login, authenticate, ...cscCalls])
        await app.register(routes, { ...options, prefix })
    for (const routes of [certificatesInfo, signHash, requestStatus, ...fileCalls])
      await app.register(routes, options)
  },
  fault: mySignFault,
  callback
}
