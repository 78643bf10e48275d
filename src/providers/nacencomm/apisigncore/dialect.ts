import type { Dialect } from '../../dialect/dialect.js'
import { ask } from './ask.js'
import { certificate } from './certificate.js'
import { close } from './close.js'
import { apiSignCoreFault } from './fault.js'
import { apiSignCoreId, apiSignCorePath } from './paths.js'
import { result } from './result.js'

/** CA2's older mobile signing API, as integrators call it (docs/providers/nacencomm.md). What its app calls is not offered. */
export const apiSignCore: Dialect = {
  id: apiSignCoreId,
  roots: [apiSignCorePath],
  hosts: [{ name: 'apisign.nacencomm.vn', manners: 'production' }],
  quirks: [
    {
      name: 'nacencomm.getcert-line-breaks',
      meaning: '`Getcert` answers base64 with a line break after every 76 characters; off, one line.',
      mark: 'V'
    }
  ],
  async routes(app, options) {
    for (const routes of [ask, result, certificate, close]) await app.register(routes, options)
  },
  fault: apiSignCoreFault,
  callback: null
}
