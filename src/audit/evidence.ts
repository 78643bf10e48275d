import type { Activation } from '../activation/activation.js'
import type { Device } from '../enrolment/enrolment.js'
import type { ChainEvent } from './chain.js'
import type { Checkpoint } from './checkpoint.js'

/** What the database holds to show that a person confirmed an activation. */
export interface Evidence {
  activation: Activation
  /** The biometric challenge token, compact JWS; null: none is stored. */
  confirmation: { deviceId: string; token: string; confirmedAt: Date } | null
  /** The device that the confirmation names, also when it was removed since; null: there is none. */
  device: Pick<Device, 'id' | 'provider' | 'subscriberId' | 'spki' | 'webauthn'> | null
}

/** An entry of an audit history: what an export has a line for. */
export type CheckpointEntry = { kind: 'checkpoint'; checkpoint: Checkpoint }
export type EventEntry = { kind: 'event'; event: ChainEvent }
export type EvidenceEntry = { kind: 'evidence'; evidence: Evidence }
/** Something that cannot be read as any of these; `place` says where it stands. */
export type UnreadableEntry = { kind: 'unreadable'; place: string; detail: string }
export type HistoryEntry = CheckpointEntry | EventEntry | EvidenceEntry | UnreadableEntry

/**
 * An audit history to be verified, in a database or an export. It is read twice, so that no more than a page of it
 * need be in memory; `store/` provides both kinds.
 */
export interface AuditSource {
  /** All checkpoints, and the first event of each chain. */
  claims(): AsyncIterable<HistoryEntry>
  /**
   * All events, chain by chain in order of `seq`. The evidence for the activations that events name comes in a block
   * before them and is valid until the next block.
   */
  history(): AsyncIterable<HistoryEntry>
}

/** The activation whose evidence is verified with this event; null: none is. */
export function needsEvidence({ type, about }: ChainEvent): string | null {
  if (type !== 'signature.made' && type !== 'activation.confirmed') return null
  // A row that was tampered with may hold any JSON.
  const activationId = (about as ChainEvent['about'] | null)?.activationId
  return typeof activationId === 'string' ? activationId : null
}
