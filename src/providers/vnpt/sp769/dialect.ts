import { annexFault } from '../../annex/envelope.js'
import type { Dialect } from '../../dialect/dialect.js'
import { callback } from './callback.js'
import { calculateHash } from './documents/calculate-hash.js'
import { signExternal } from './documents/sign-external.js'
import { getCertificate } from './get-certificate.js'
import { sign } from './sign.js'
import { status } from './status.js'

/** VNPT SmartCA as most integrators meet it: sp769, version 1 (docs/providers/vnpt.md). */
export const sp769: Dialect = {
  id: 'sp769',
  roots: ['/sca/sp769', '/rest/v2/signature'],
  hosts: [
    { name: 'gwsca.vnpt.vn', manners: 'production' },
    { name: 'rmgateway.vnptit.vn', manners: 'sandbox' }
  ],
  quirks: [
    {
      name: 'vnpt.base64-line-breaks',
      meaning: '`cert_data` carries a line break after every 76 characters.',
      mark: 'P'
    }
  ],
  async routes(app, options) {
    for (const routes of [getCertificate, sign, status, calculateHash, signExternal])
      await app.register(routes, options)
  },
  fault: annexFault,
  callback
}
