import type { AuditEvent } from '../audit/audit.js'
import type { CancelledActivation } from './needs.js'

/** The event of an activation that ended because its credential, device or relying party did. */
export function cancelledEvent(
  { id, provider, clientId, subscriberId }: CancelledActivation,
  reason: string,
  actor: string
): AuditEvent {
  return {
    type: 'activation.cancelled',
    actor,
    about: { activationId: id, provider, clientId, subscriberId, reason }
  }
}
