import { ServiceError } from '../errors.js'
import type { Transaction } from './transaction.js'

/** Calls that wait for outcomes in one process at once, at most (I10): each of them looks into the database by itself. */
export const waitingCallsMax = { perTransaction: 16, perRelyingParty: 2_000 } as const
const retryAfterS = 5

/** Counts the calls that wait. */
export interface WaitingCalls {
  /**
   * @returns To be called when it waits no more.
   * @throws ServiceError `too_many_requests`.
   */
  enter(by: Pick<Transaction, 'id' | 'provider' | 'clientId'>): () => void
}

/** See `WaitingCalls`; one a process. */
export function createWaitingCalls(): WaitingCalls {
  const waiting = new Map<string, number>()

  return {
    enter({ id, provider, clientId }) {
      const { perTransaction, perRelyingParty } = waitingCallsMax
      const counted = [
        { key: id, max: perTransaction },
        { key: `${provider} ${clientId}`, max: perRelyingParty }
      ]
      for (const { key, max } of counted)
        if ((waiting.get(key) ?? 0) >= max)
          throw new ServiceError('too_many_requests', `${max} calls of ${key} wait`, {
            says: 'Too many calls wait for the subscriber.',
            retryAfterS
          })
      for (const { key } of counted) waiting.set(key, (waiting.get(key) ?? 0) + 1)
      return () => {
        for (const { key } of counted) {
          const left = (waiting.get(key) ?? 0) - 1
          if (left > 0) waiting.set(key, left)
          else waiting.delete(key)
        }
      }
    }
  }
}
