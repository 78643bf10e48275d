import type { Dialect } from '../../dialect/dialect.js'
import { sp769 } from '../sp769/dialect.js'
import { confirm } from './confirm.js'
import { thFault } from './fault.js'
import { thPath } from './paths.js'
import { sign } from './sign.js'

/** SmartCA TH, version 2 of two calls of sp769: password and one-time code besides (docs/providers/vnpt.md). */
export const th: Dialect = {
  id: 'th',
  roots: [thPath],
  hosts: sp769.hosts,
  quirks: [],
  async routes(app, options) {
    for (const routes of [sign, confirm]) await app.register(routes, options)
  },
  fault: thFault,
  callback: sp769.callback
}
