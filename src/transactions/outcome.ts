import type { Activation } from '../activation/activation.js'
import { outcomeOf, type PastReservation, type TransactionEnding } from './needs.js'

/** What became of a transaction, as far as its activation and reservations tell. */
export type Verdict =
  | {
      ended: true
      outcome: TransactionEnding['outcome']
      reason: string | null
      signatures: Uint8Array[] | null
    }
  /** Its reservation is with the HSM, or with a server that others will find dead. */
  | { ended: false }

/** The outcome that follows from an activation that ended unsigned, or null when it has not. */
export function endOf({ status, confirmedAt, endedReason }: Activation): Verdict | null {
  const outcome = outcomeOf[status]
  if (outcome === null) return null
  // It was confirmed, and no server came to sign it within the life of an approval.
  if (outcome === 'expired' && confirmedAt !== null)
    return { ended: true, outcome: 'failed', reason: 'not_signed_in_time', signatures: null }
  return { ended: true, outcome, reason: endedReason, signatures: null }
}

/** The outcome of one whose digests were all taken: signed only when there is a signature for each. */
export function outcomeOfReservations(count: number, reservations: readonly PastReservation[]): Verdict {
  const signatures = new Map<number, Uint8Array>()
  for (const { positions, outcome, signatures: made } of reservations) {
    if (outcome === null) return { ended: false }
    positions.forEach((position, index) => {
      const signature = made?.[index] ?? null
      if (signature !== null) signatures.set(position, signature)
    })
  }
  const inOrder = Array.from({ length: count }, (_, position) => signatures.get(position))
  return inOrder.includes(undefined)
    ? { ended: true, outcome: 'failed', reason: 'signature_uncertain', signatures: null }
    : { ended: true, outcome: 'signed', reason: null, signatures: inOrder as Uint8Array[] }
}
