import type { ErrorCode } from '../../../errors.js'
import type { Transaction } from '../../../transactions/transaction.js'

/** `status` of a transaction, with what is said beside it (§4.3). */
const texts = {
  '1': 'Ký thành công',
  '0': 'Đang chờ xử lý',
  '4000': 'Chờ người dùng xác nhận',
  '6000': 'Người dùng đã xác nhận, đang ký',
  '4001': 'Hết thời gian chờ người dùng xác nhận',
  '4002': 'Người dùng từ chối ký',
  '4004': 'Ký không thành công',
  '13004': 'Chứng thư số hết hạn hoặc đã bị thu hồi'
} as const

/** How a transaction stands, as this dialect says it. */
export interface Standing {
  status: keyof typeof texts
  description: string
}

/** Of a transaction in whatever state, as clients of today expect it. */
export function standingOf({ state, reason }: Pick<Transaction, 'state' | 'reason'>): Standing {
  const unusable = state === 'cancelled' || (state === 'failed' && reason === 'certificate_expired')
  const status = unusable ? '13004' : statuses[state]
  return { status, description: texts[status] }
}

const statuses = {
  waiting: '4000',
  signing: '6000',
  signed: '1',
  rejected: '4002',
  expired: '4001',
  cancelled: '13004',
  failed: '4004'
} as const

/** The same for clients that know one pending status. */
export const pendingStanding: Standing = { status: '0', description: texts['0'] }

/** The failure as which `signHash` answers a transaction that has no signatures, where it waits for them. */
export const failureOf: Readonly<Record<Exclude<Standing['status'], '1'>, ErrorCode>> = {
  '0': 'activation_waiting',
  '4000': 'activation_waiting',
  '6000': 'activation_waiting',
  '4001': 'activation_expired',
  '4002': 'activation_rejected',
  '4004': 'signature_uncertain',
  '13004': 'activation_cancelled'
}
