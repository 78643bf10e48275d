import type { Figure } from '../scenarios/all.js'
import type { Measurement, Ratio } from './result.js'
import { median, round } from './statistics.js'

/** Ratios of the figures whose two sides were measured, round by round. */
export function ratiosOf(
  figures: readonly Figure[],
  measurements: Readonly<Record<string, Measurement>>
): Record<string, Ratio> {
  const ratios: Record<string, Ratio> = {}
  for (const { of, to } of figures) {
    const [above, below] = [measurements[of], measurements[to]]
    if (above === undefined || below === undefined) continue
    const rounds = above.rounds.map(({ perSecond }, index) =>
      round(perSecond / (below.rounds[index]?.perSecond ?? Number.NaN))
    )
    ratios[`${of}/${to}`] = {
      median: round(median(rounds)),
      min: Math.min(...rounds),
      max: Math.max(...rounds),
      rounds
    }
  }
  return ratios
}
