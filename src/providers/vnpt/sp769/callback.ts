import type { CallbackShape } from '../../../delivery/delivery.js'
import { annexEnded } from '../../annex/envelope.js'
import { signatureItems } from '../../annex/signature-items.js'
import { stateMessages } from '../../annex/state-messages.js'

/** The webhook (§3.1.4): the array that the status call names `signatures` is `signed_files` here. Nobody proves anything. */
export const callback: CallbackShape = {
  body(transaction) {
    const { state, clientId, name } = transaction
    const ended =
      state === 'failed' || state === 'cancelled'
        ? annexEnded[state === 'failed' ? 'failed' : 'unusable'].body
        : { status_code: 200, message: stateMessages[state] }
    return {
      sp_id: clientId,
      status_code: ended.status_code,
      message: ended.message,
      transaction_id: name,
      signed_files: signatureItems(transaction) ?? []
    }
  },
  acknowledges: ({ status }) => status >= 200 && status < 300,
  token: null
}
