import type { Transaction } from '../../../transactions/transaction.js'

/** `tranStatus` with `tranStatusDesc` (§3.4). */
const descriptions = {
  1: 'SUCCESS',
  4000: 'WAITING_FOR_SIGNER_CONFIRM',
  4001: 'EXPIRED',
  4002: 'SIGNER_REJECTED',
  4003: 'AUTHORIZE_KEY_FAILED',
  4004: 'SIGN_FAILED'
} as const

const statuses = {
  waiting: 4000,
  signing: 4000,
  signed: 1,
  rejected: 4002,
  expired: 4001,
  cancelled: 4003,
  failed: 4004
} as const

/** How a transaction stands. 4003: the credential, or the device, was taken away meanwhile. */
export function standingOf({ state, reason }: Pick<Transaction, 'state' | 'reason'>) {
  const status = state === 'failed' && reason === 'certificate_expired' ? 4003 : statuses[state]
  return { status, description: descriptions[status] }
}
