import type { MeasuredAlgorithm } from '../prepare/protocol.js'

/** What the threads of the raw ceilings loop over. */
export type RawWork = { operation: 'sign' | 'unwrap'; algorithm: MeasuredAlgorithm }

/** What a thread is started with. */
export interface RawSetup {
  modulePath: string
  tokenLabel: string
  pin: string
}

export type ToRaw = { type: 'measure'; work: RawWork; warmUpMs: number; windowMs: number } | { type: 'stop' }
export type FromRaw =
  | { type: 'ready' }
  /** `perSecond`: of this thread; of the process, the sum over its threads. */
  | { type: 'measured'; perSecond: number }
  | { type: 'failed'; reason: string }
