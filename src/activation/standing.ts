import { ServiceError } from '../errors.js'
import type { Activation, ActivationStatus } from './activation.js'

/** How long a confirmed activation may still be turned into a SAD, in seconds. */
export const approvalLifetimeS = 600

/**
 * When the last SAD of an activation ends that `issueSad` could give: nothing that extends a SAD goes beyond. Of a
 * session it was shown.
 */
export function sadsEnd(
  { validUntil, confirmedAt, expiresAt }: Pick<Activation, 'validUntil' | 'confirmedAt' | 'expiresAt'>,
  sadTtlS: number
): Date {
  if (validUntil !== null) return validUntil
  return new Date((confirmedAt ?? expiresAt).getTime() + (approvalLifetimeS + sadTtlS) * 1000)
}

/** @throws ServiceError that says how an activation stands which is not confirmed. */
export function requireConfirmed(activation: Activation, at: Date): void {
  const because = `${activation.id} is ${activation.status}`
  switch (activation.status) {
    case 'waiting':
      throw new ServiceError(
        activation.expiresAt <= at ? 'activation_expired' : 'activation_waiting',
        because
      )
    case 'rejected':
      throw new ServiceError('activation_rejected', because)
    case 'expired':
      throw new ServiceError('activation_expired', because)
    case 'cancelled':
      throw new ServiceError('activation_cancelled', because)
    case 'spent':
      throw new ServiceError('sad_invalid', because)
    case 'confirmed':
      if (
        activation.confirmedAt !== null &&
        activation.confirmedAt.getTime() + approvalLifetimeS * 1000 <= at.getTime()
      ) {
        throw new ServiceError('activation_expired', `${activation.id} was confirmed too long ago`)
      }
  }
}

/** @throws ServiceError `challenge_ended` naming the status. */
export function requireWaiting(activation: Activation, at: Date): void {
  if (activation.status !== 'waiting') throw challengeEnded(activation.status)
  if (activation.expiresAt <= at) throw challengeEnded('expired')
}

/** What a device hears of a challenge it can no longer answer. */
export function challengeEnded(status: ActivationStatus): ServiceError {
  const shown = status === 'spent' ? 'confirmed' : status
  return new ServiceError('challenge_ended', `the challenge is ${status}`, {
    says: `The challenge has ended: ${shown}.`,
    state: shown
  })
}
