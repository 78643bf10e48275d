import type { Sample } from '../report/result.js'

/** A ratio that is reported. What it needs is measured in one group, so that its rounds ran beside each other. */
export interface Figure {
  /** Its key in the result, such as `sign-p256-x20/raw-p256`. */
  readonly name: string
  /** Scenarios; choosing the first one chooses them all. */
  readonly needs: readonly string[]
  readonly goal: number
  /** The goal is the most it may be; otherwise the least. */
  readonly atMost?: true
  /** Its value in one round. @param of The round's sample of a scenario in `needs`. NaN: could not be told. */
  value(of: (scenario: string) => Sample): number
}

/** What one scenario gives a second, divided by what another does. */
export const quotient = (of: string, to: string, goal: number): Figure => ({
  name: `${of}/${to}`,
  needs: [of, to],
  goal,
  value: (sample) => sample(of).perSecond / sample(to).perSecond
})
