import type { Measurement, Result } from './result.js'
import { median } from './statistics.js'

/**
 * How a result stands to an earlier one: figures, then what was measured, then what was measured beside it, each as new
 * divided by old. What only one of the two has is left out.
 */
export function comparison(now: Result, before: Result): string[] {
  const lines = [
    `against ${before.startedAt} (commit ${before.commit?.slice(0, 7) ?? 'unknown'}): now ÷ then`
  ]
  const line = (name: string, value: number | undefined, than: number | undefined) => {
    if (!value || !than || !Number.isFinite(value / than)) return
    lines.push(`  ${name.padEnd(44)} ${(value / than).toFixed(3).padStart(7)}   ${value} instead of ${than}`)
  }
  for (const [name, { median: middle }] of Object.entries(now.ratios))
    line(name, middle, before.ratios[name]?.median)
  for (const { name, perSecond } of Object.values(now.measurements))
    line(name, perSecond, before.measurements[name]?.perSecond)
  for (const one of Object.values(now.measurements)) {
    const [present, earlier] = [further(one), further(before.measurements[one.name])]
    for (const [name, value] of present) line(`${one.name} ${name}`, value, earlier.get(name))
  }
  return lines
}

/** Medians of the values and each point of the curves. */
function further(measurement: Measurement | undefined): Map<string, number> {
  const rounds = measurement?.rounds ?? []
  const names = new Set(rounds.flatMap(({ values }) => Object.keys(values ?? {})))
  return new Map([
    ...[...names].map((name): [string, number] => [
      name,
      median(rounds.flatMap(({ values }) => values?.[name] ?? []))
    ]),
    ...rounds.flatMap(({ points = [] }) =>
      points.map(({ at, perSecond }): [string, number] => [`at ${at}`, perSecond])
    )
  ])
}
