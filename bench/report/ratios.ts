import type { Figure } from '../scenarios/figure.js'
import type { Measurement, Ratio } from './result.js'
import { median, round } from './statistics.js'

/** The figures whose scenarios were all measured, round by round. */
export function ratiosOf(
  figures: readonly Figure[],
  measurements: Readonly<Record<string, Measurement>>
): Record<string, Ratio> {
  const ratios: Record<string, Ratio> = {}
  for (const figure of figures) {
    const counts = figure.needs.map((name) => measurements[name]?.rounds.length ?? 0)
    const rounds = Array.from({ length: Math.min(...counts) }, (_, index) =>
      round(
        figure.value((name) => {
          const sample = measurements[name]?.rounds[index]
          if (sample === undefined) throw new TypeError(`${figure.name} does not say that it needs ${name}`)
          return sample
        })
      )
    ).filter(Number.isFinite)
    if (rounds.length === 0) continue
    ratios[figure.name] = {
      median: round(median(rounds)),
      min: Math.min(...rounds),
      max: Math.max(...rounds),
      rounds
    }
  }
  return ratios
}
