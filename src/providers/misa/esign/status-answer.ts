import type { Transaction, TransactionState } from '../../../transactions/transaction.js'

/** Why there are no signatures. `status` does not tell (§13); the codes are ours, the texts go to the person. */
const failures = {
  rejected: { errorCode: 'e3001', errorDescription: 'Người dùng từ chối ký.' },
  expired: { errorCode: 'e3002', errorDescription: 'Quá thời gian xác nhận ký.' },
  cancelled: {
    errorCode: 'e3003',
    errorDescription: 'Yêu cầu ký bị huỷ vì chứng thư số hoặc thiết bị không còn dùng được.'
  },
  failed: { errorCode: 'e3004', errorDescription: 'Ký không thành công.' }
} as const

const statuses: Readonly<Record<TransactionState, 'PENDING' | 'SUCCESS' | 'FAILED'>> = {
  waiting: 'PENDING',
  signing: 'PENDING',
  signed: 'SUCCESS',
  rejected: 'FAILED',
  expired: 'FAILED',
  cancelled: 'FAILED',
  failed: 'FAILED'
}

/** A transaction as `Signing/status` answers it (§5.5); the webhook carries the same members and others. */
export function statusAnswer({ id, state, documentIds, signatures }: Transaction) {
  const failure =
    state === 'waiting' || state === 'signing' || state === 'signed'
      ? { errorCode: null, errorDescription: null }
      : failures[state]
  return {
    transactionId: id,
    status: statuses[state],
    ...failure,
    signatures:
      signatures?.map((signature, index) => ({
        documentId: documentIds[index] ?? '',
        signature: Buffer.from(signature).toString('base64')
      })) ?? null
  }
}
