import { timingSafeEqual } from 'node:crypto'
import type { Hsm } from '../hsm/hsm.js'
import { batched } from '../store/batch.js'
import type { Transaction } from './transaction.js'

/** What tells a secret of a transaction apart from everything else that the same key signs. */
const header = { alg: 'HS256', typ: 'JWT', kid: 'transaction-sad/1' }

/**
 * Secrets that name a transaction, for dialects that hand one out when they are asked and want it back when they are
 * asked for the result. One is a JWS by a key that stays in the HSM, over the transaction, its relying party and an
 * end: nothing is kept of it, and every server makes the same one. It opens no key: the subscriber's confirmation does.
 */
export interface TransactionSads {
  /** @throws ServiceError `hsm_unavailable`, `hsm_busy`. */
  sadOf(transaction: Transaction, expiresAt: Date): Promise<string>
  /** Whether `sad` is what `sadOf` answers, in constant time; whether its time is over is the caller's to say. */
  isSadOf(transaction: Transaction, expiresAt: Date, sad: string): Promise<boolean>
}

/** See `TransactionSads`. Concurrent calls share one call of the HSM. */
export function createTransactionSads({ mac }: { mac: Hsm['mac'] }): TransactionSads {
  const macOf = batched(mac, { limit: 256, lanes: 2 })

  async function sadOf({ id, provider, clientId, createdAt }: Transaction, expiresAt: Date): Promise<string> {
    const claims = {
      iss: provider,
      aud: clientId,
      jti: id,
      iat: seconds(createdAt),
      exp: seconds(expiresAt)
    }
    const signed = [header, claims].map((part) => base64url(JSON.stringify(part))).join('.')
    return `${signed}.${Buffer.from(await macOf(Buffer.from(signed, 'ascii'))).toString('base64url')}`
  }

  return {
    sadOf,
    async isSadOf(transaction, expiresAt, sad) {
      const [expected, given] = [Buffer.from(await sadOf(transaction, expiresAt)), Buffer.from(sad)]
      return expected.length === given.length && timingSafeEqual(expected, given)
    }
  }
}

const seconds = (at: Date): number => Math.floor(at.getTime() / 1000)
const base64url = (text: string): string => Buffer.from(text, 'utf8').toString('base64url')
