import type { Transaction, Transactions } from '../../../transactions/transaction.js'
import { apiSignCoreId } from './paths.js'

/** The request that a code names, and no other dialect's: nobody says who asks, so the code is the secret. */
export async function findRequest(
  transactions: Pick<Transactions, 'findUnowned'>,
  code: string,
  provider: string
): Promise<Transaction | null> {
  const found = await transactions.findUnowned(code, provider)
  return found?.dialect === apiSignCoreId && found.id === code ? found : null
}
