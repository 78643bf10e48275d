import type { KeyAlgorithm, SignatureScheme, SignResult } from './hsm.js'

/** A key as a worker needs to know it. */
export interface KeyReference {
  /** What a worker's cache calls it: `subscriber:<id>` or `installation:<label>`. */
  name: string
  algorithm: KeyAlgorithm
  /** SubjectPublicKeyInfo, DER; the loaded key is checked against it. */
  spki: Uint8Array
  source:
    | { type: 'wrapped'; blob: Uint8Array }
    | { type: 'subscriber'; tokenKeyId: Uint8Array }
    | { type: 'installation'; label: string }
}

/**
 * Several digests in one message, packed one after the other in the order of the items: a message costs a tenth of
 * a P-256 signature, and more if it carries many small objects.
 */
export interface Batch {
  type: 'batch'
  /** Grows by one with every batch that a worker is sent. */
  seq: number
  /** Those of its keys, by number, that the worker is not known to hold. */
  keys: Map<number, KeyReference>
  schemes: SignatureScheme[]
  /** `itemNumbers` for some digests of one call: the key's number, index of the scheme, digests, octets of a signature. */
  items: Float64Array
  digests: Uint8Array
}

/** Numbers an item has in `Batch.items`. */
export const itemNumbers = 4

export type ToWorker = Batch | { type: 'forget'; request: number; name: string } | { type: 'stop' }

/** Why a digest has no signature. */
export type Failure = Exclude<SignResult, { outcome: 'signed' }>
/** The worker was sent no more than a key's number, and has given the key up: it is to be sent with the key. */
export interface KeyMissing {
  outcome: 'key-missing'
}

/** A worker's counters since it started, and the keys it holds. */
export interface WorkerCounts {
  keyLoads: number
  keyHits: number
  keysLoaded: number
}

export type FromWorker =
  | { type: 'ready' }
  /** It could not open its sessions, and ends. */
  | { type: 'failed'; detail: string }
  | {
      type: 'done'
      seq: number
      /** Packed like the digests: RSA as in RFC 8017, ECDSA r‖s; zeros where there is none. */
      signatures: Uint8Array
      /** `index` counts digests over the whole batch. */
      failures: { index: number; failure: Failure | KeyMissing }[]
      counts: WorkerCounts
    }
  | { type: 'forgotten'; request: number }

/** What a worker is started with. */
export interface WorkerSetup {
  modulePath: string
  tokenLabel: string
  /** To log in again after the token threw everybody out. */
  pin: string
  /** Keys it may hold. */
  keyCacheSize: number
  /** Two numbers that it writes before each C_Sign: the batch's `seq`, and how many of its digests were handed over. */
  progress: Int32Array
}

/** The bytes in an array of their own: posting a view copies all that lies behind it. */
export function compact(bytes: Uint8Array): Uint8Array {
  const whole = bytes.byteLength === bytes.buffer.byteLength && bytes.constructor === Uint8Array
  return whole ? bytes : new Uint8Array(bytes)
}
