import type { ServiceError } from '../../../errors.js'
import { annexFault } from '../../annex/envelope.js'
import type { DialectFault } from '../../dialect/dialect.js'

/** A failure. An object, where every success is a bare value: whoever does not look at the status takes it for none. */
export function apiSignCoreFault(failure: ServiceError): DialectFault {
  const { status, body } = annexFault(failure)
  const { description } = body as { description: string }
  return { status, body: { Message: description } }
}
