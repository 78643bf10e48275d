import { annexFault } from '../../annex/envelope.js'
import type { Dialect } from '../../dialect/dialect.js'
import { callback } from './callback.js'
import { getCertificate } from './get-certificate.js'
import { ca2Id } from './paths.js'
import { sign } from './sign.js'
import { status } from './status.js'

/** CA2 Remote Signing (docs/providers/nacencomm.md): `/api/data`, and the same under `/rssp/v2/neac`. */
export const ca2: Dialect = {
  id: ca2Id,
  roots: ['/api/data', '/rssp/v2/neac'],
  hosts: [{ name: 'rmsca2.nacencomm.vn', manners: 'production' }],
  quirks: [
    {
      name: 'nacencomm.minus-two',
      meaning: 'What could not be signed answers 200 with `signature_value` "-2"; off, it is an error.',
      mark: 'V'
    },
    {
      name: 'nacencomm.empty-while-pending',
      meaning:
        'While the subscriber has not answered, the list is there with `signature_value` ""; off, it is null.',
      mark: 'V'
    }
  ],
  async routes(app, options) {
    for (const routes of [getCertificate, sign, status]) await app.register(routes, options)
  },
  fault: annexFault,
  callback
}
