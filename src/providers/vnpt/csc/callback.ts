import type { CallbackShape } from '../../../delivery/delivery.js'
import { standingOf } from './states.js'

/** What notifyUrl is sent (§3.4), once: whoever misses it asks `gettraninfo`. Nobody proves anything. */
export const callback: CallbackShape = {
  body: (transaction) => ({
    tranId: transaction.id,
    refTranId: transaction.name,
    status: standingOf(transaction).status
  }),
  acknowledges: ({ status }) => status >= 200 && status < 300,
  token: null,
  once: true
}
