import type { CallbackShape } from '../../../delivery/delivery.js'
import { statusAnswer } from './status-answer.js'

/** What `urlWebhook` is sent: nobody outside knows, so it is what `status` answers. */
export const callback: CallbackShape = {
  body: (transaction) => ({ sp_id: transaction.clientId, ...statusAnswer(transaction, () => true).body }),
  acknowledges: ({ status }) => status >= 200 && status < 300,
  token: null
}
