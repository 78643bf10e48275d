import type { ReservationOutcome } from '../signing/needs.js'
import type { Queryable } from '../store/database.js'

/** Values that RFC 8785 canonical JSON writes the same everywhere; binary as base64, times as RFC 3339 UTC. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** Everything that is worth an event. A name is public API: add one, never rename one. */
export type AuditType =
  | 'chain.started'
  | 'chain.retired'
  | 'server.recovered'
  | 'operator.created'
  | 'operator.removed'
  | 'operator.refused'
  | 'relying-party.created'
  | 'relying-party.changed'
  | 'relying-party.removed'
  | 'relying-party.secret-replaced'
  | 'client.authenticated'
  | 'client.refused'
  | 'token.revoked'
  | 'token.redeemed'
  | 'authorization.granted'
  | 'authorization.denied'
  | 'grant.revoked'
  | 'login.refused'
  | 'subscriber.created'
  | 'subscriber.changed'
  | 'subscriber.password-set'
  | 'subscriber.unlocked'
  | 'subscriber.totp-set'
  | 'subscriber.totp-removed'
  | 'credential.issued'
  | 'credential.pin-set'
  | 'credential.published'
  | 'credential.suspended'
  | 'credential.resumed'
  | 'credential.revoked'
  | 'factor.refused'
  | 'activation-code.created'
  | 'activation-code.consented'
  | 'device.enrolled'
  | 'device.removed'
  | 'device.refused'
  | 'virtual-phone.set'
  | 'virtual-phone.removed'
  | 'activation.asked'
  | 'activation.refused'
  | 'activation.confirmed'
  | 'activation.confirmation-refused'
  | 'activation.rejected'
  | 'activation.expired'
  | 'activation.cancelled'
  | 'sad.issued'
  | 'signature.made'
  | 'signature.refused'
  | 'signature.uncertain'
  | 'reservation.failed'
  | 'request.refused'
  | 'integrity.broken'

/** One thing that happened. */
export interface AuditEvent {
  type: AuditType
  /** Who did it: `operator:<id>`, `relying-party:<provider>/<clientId>`, `device:<id>`, `server:<id>`, `anyone`. */
  actor: string
  /** What it was about. Never a secret, SAD, password, code or token value; digests and hashes are welcome. */
  about: { readonly [key: string]: Json }
}

/** How a reservation ended for good: none of its occurrences goes back. */
export type ReservationEnding = Omit<ReservationOutcome, 'returned'>

/** Adds events to the transaction that makes a change; they are durable when it commits, and only then. */
export type RecordIn = (transaction: Queryable, ...events: readonly AuditEvent[]) => Promise<void>

/** The room's door for everyone who makes things happen. */
export interface Audit {
  /**
   * Chains and stores the events, in order. Resolves when they are durable; call it after the change and before the
   * answer leaves. Concurrent calls share one statement.
   * @throws ServiceError `database_unavailable`: the change may stand, but must not be acknowledged.
   */
  record(...events: readonly AuditEvent[]): Promise<void>
  /**
   * Records the events of a reservation and how it ended, both or neither, as cheaply as `record`.
   * @returns False when the reservation had ended already (this process was taken for dead): its events are recorded
   *   all the same, and what was made must not be handed out.
   * @throws ServiceError `database_unavailable`: nobody knows whether they are durable.
   */
  recordEnding(ending: ReservationEnding, ...events: readonly AuditEvent[]): Promise<boolean>
  /**
   * A change and its events in one transaction, so that no crash leaves one without the other. The chain takes
   * nothing else until `change` is done: for changes that are rare, and not for what signs.
   * @param change Runs the transaction, calling `record` inside it, and resolves only once it has committed. May call
   *   `record` again after a roll-back, or not at all when there is nothing to change. Must not call `Audit.record`.
   * @throws what `change` throws; then nothing counts as recorded.
   */
  recordWith<T>(change: (record: RecordIn) => Promise<T>): Promise<T>
}
