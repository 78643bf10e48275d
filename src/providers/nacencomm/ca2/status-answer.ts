import type { Transaction } from '../../../transactions/transaction.js'
import { base64 } from '../../annex/certificates.js'
import { annexEnded } from '../../annex/envelope.js'

/** What clients look for in `message` (§6.1): they know refusal and expiry by these words. */
const messages = {
  waiting: 'Success',
  signing: 'Success',
  signed: 'Success',
  rejected: 'Người dùng từ chối ký',
  expired: 'Giao dịch đã hết hạn',
  failed: 'Ký thất bại'
} as const

/** A transaction as `status` answers it and as `urlWebhook` is told, without the relying party's name. */
export function statusAnswer(transaction: Transaction, quirk: (name: string) => boolean) {
  const { state } = transaction
  if (state === 'cancelled') return annexEnded.unusable
  if (state === 'failed' && !quirk('nacencomm.minus-two')) return annexEnded.failed
  return {
    status: 200,
    body: {
      status_code: 200,
      message: messages[state],
      data: {
        transaction_id: transaction.name ?? transaction.id,
        signatures: signatureItems(transaction, quirk)
      }
    }
  }
}

/** Clients read the first entry without looking whether there is one. */
function signatureItems({ documentIds, signatures, state }: Transaction, quirk: (name: string) => boolean) {
  if (signatures === null && state !== 'failed' && !quirk('nacencomm.empty-while-pending')) return null
  const unsigned = state === 'failed' ? '-2' : ''
  return documentIds.map((doc_id, index) => {
    const signature = signatures?.[index]
    return {
      doc_id,
      signature_value: signature === undefined ? unsigned : base64(signature),
      timestamp_signature: null
    }
  })
}
