import { v5 as uuidv5 } from 'uuid'
import type { CallbackAnswer, CallbackShape } from '../../../delivery/delivery.js'
import { statusAnswer } from './status-answer.js'

/** The webhook (§5.5), posted to the address registered out of band. Nobody proves anything. */
export const callback: CallbackShape = {
  body(transaction) {
    const { transactionId, status, errorCode, signatures } = statusAnswer(transaction)
    return {
      // The same in every attempt, and another id than the transaction's.
      messageId: uuidv5('message', transactionId),
      clientId: transaction.clientId,
      extraData: {},
      status,
      errorCode,
      transactionId,
      signatures: signatures ?? []
    }
  },
  acknowledges,
  token: null
}

/** Receivers answer {errorCode, devMsg, userMsg}; which code means "taken" is not public, so none at all does, and 0. */
function acknowledges({ status, body }: CallbackAnswer): boolean {
  if (status < 200 || status > 299) return false
  if (typeof body !== 'object' || body === null || !('errorCode' in body)) return true
  return [null, '', '0', 0].some((taken) => taken === body.errorCode)
}
