import type { Sample } from '../report/result.js'
import type { Stage } from '../stage/stage.js'

/** One thing that is measured: a scenario, or a ceiling that scenarios are compared with. */
export interface Scenario {
  readonly name: string
  /** A sentence for the report. */
  readonly about: string
  readonly unit: 'signatures/s' | 'requests/s' | 'unwraps/s' | 'jobs/s' | 'credentials/s' | 'documents/s'
  /** Measured in the first round alone: it draws a curve, and takes long. */
  readonly once?: true
  /** Rounds that count, at most: it takes long, and its figure is no ratio. */
  readonly roundsMax?: number
  /** Measured only where `--only` names it. */
  readonly byName?: true
  /** Needs nothing of the server but its HTTP, so that it can be measured at one elsewhere. */
  readonly anywhere?: true
  /** Called once before the first round. */
  open(stage: Stage): Promise<OpenScenario>
}

/** A round is a preparation, then a window. */
export interface OpenScenario {
  /** What has to be there before the window opens. Not timed. */
  prepare?(round: Round): Promise<void>
  measure(round: Round): Promise<Sample>
  close(): Promise<void>
}

/** Round 0 warms up and does not count. */
export interface Round {
  number: number
  windowMs: number
  warmUpMs: number
}

/** Thrown by `open` where something this scenario cannot do without is not installed; the others are measured. */
export class ScenarioSkipped extends Error {
  override readonly name = 'ScenarioSkipped'
}
