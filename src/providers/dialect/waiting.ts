import type { FastifyReply } from 'fastify'
import type { Clock } from '../../clock.js'
import { untilGone } from '../../http/gone.js'
import type { Transaction, Transactions } from '../../transactions/transaction.js'

/** How long after the subscriber's time is over a call still waits: for what was confirmed at the last moment. */
const signingGraceMs = 15_000
/** The longest that a call waits; what moves nothing for longer than 10 minutes is cut. */
const waitMaxMs = 590_000

/** A call that answers when the subscriber has: the transaction as it has ended, or stands when nobody waits any more. */
export async function waitForEnd(
  { transactions, now }: { transactions: Pick<Transactions, 'wait'>; now: Clock },
  transaction: Transaction,
  reply: FastifyReply
): Promise<Transaction> {
  const patienceMs = transaction.expiresAt.getTime() - now().getTime() + signingGraceMs
  return transactions.wait(transaction, Math.min(patienceMs, waitMaxMs), untilGone(reply))
}
