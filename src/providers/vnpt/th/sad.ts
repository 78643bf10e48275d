import type { Clock } from '../../../clock.js'
import type { Transaction } from '../../../transactions/transaction.js'

/** Life of a `sad`, in seconds (§3.2). */
const sadTtlS = 299

/** When the `sad` of a transaction ends. */
export const sadEnd = ({ createdAt }: Transaction): Date => new Date(createdAt.getTime() + sadTtlS * 1000)

/** `expired_in`: the seconds it has left, begun ones included. */
export const expiredIn = (transaction: Transaction, now: Clock): number =>
  Math.max(0, Math.ceil((sadEnd(transaction).getTime() - now().getTime()) / 1000))
