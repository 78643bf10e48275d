import type { Latencies } from './statistics.js'

/** One window of one scenario or ceiling. Documented in docs/bench.md; `schema` grows when a member changes. */
export interface Sample {
  /** The figure: how many of `unit` a second. */
  perSecond: number
  windowMs: number
  /** Of scenarios over HTTP. */
  load?: LoadSample
  /** What else was measured; each name ends with its unit, such as `startMs`. */
  values?: Record<string, number | null>
  /** Of scenarios that draw a curve. */
  points?: Point[]
}

/** A window of its own within a round. */
export interface Point {
  /** What was changed from point to point, such as the number of connections. */
  at: number
  perSecond: number
  load: LoadSample
}

export interface LoadSample {
  connections: number
  /** Answered with 200 within the window. */
  requests: number
  signatures: number
  latencyMs: Latencies
  /** Lost, unanswered, or answered with another status than 200, warm-up included. */
  errors: number
  errorsByStatus: Record<string, number>
  /** Signatures that verified: all that were made, those of the warm-up included. */
  verified: number
  /**
   * From here on: over the whole load, warm-up and end included, divided by all signatures (or requests) in it. Null:
   * cannot be known, as the CPU of a server elsewhere.
   */
  serverCpuMsPerSignature: number | null
  postgresCpuMsPerSignature: number | null
  generatorCpuMsPerSignature: number | null
  /** Cores in use, on average. */
  serverCores: number | null
  postgresCores: number | null
  generatorCores: number
  /** Share of the time in which the server's event loop worked, 0 to 1. */
  eventLoopUtilisation: number | null
  statementsPerRequest: number | null
  /** Of the keys asked for, how many were ready in the HSM. */
  keyHitRate: number | null
  /** The prepared requests did not last until the end of the window, which was cut short. */
  ranOut: boolean
}

export interface Measurement {
  name: string
  about: string
  unit: string
  /** Median of the rounds. */
  perSecond: number
  rounds: Sample[]
}

export interface Ratio {
  median: number
  min: number
  max: number
  rounds: number[]
}

/** What `bench/results/<date>.json` holds. */
export interface Result {
  schema: 1
  startedAt: string
  finishedAt: string
  commit: string | null
  /** Whether the checkout differed from that commit. */
  changed: boolean
  /** `loadBefore`: processes that wanted to run, on average over the minute before. Other people's work, if it is much. */
  machine: { cpu: string; cores: number; memoryGiB: number; loadBefore: number; system: string }
  versions: Record<string, string>
  settings: Record<string, string | number | boolean | null>
  measurements: Record<string, Measurement>
  /** Scenarios that could not be measured here, and why. */
  skipped: Record<string, string>
  /** By figure, such as `a/b`: the rounds of a divided by the rounds of b that ran beside them. */
  ratios: Record<string, Ratio>
}
