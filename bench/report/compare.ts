import type { Result } from './result.js'

/** How a result stands to an earlier one: figures, then what was measured, each as new divided by old. */
export function comparison(now: Result, before: Result): string[] {
  const lines = [
    `against ${before.startedAt} (commit ${before.commit?.slice(0, 7) ?? 'unknown'}): now ÷ then`
  ]
  const line = (name: string, value: number, than: number) =>
    lines.push(`  ${name.padEnd(34)} ${(value / than).toFixed(3)}   ${value} instead of ${than}`)
  for (const [name, { median }] of Object.entries(now.ratios)) {
    const earlier = before.ratios[name]
    if (earlier !== undefined) line(name, median, earlier.median)
  }
  for (const { name, perSecond } of Object.values(now.measurements)) {
    const earlier = before.measurements[name]
    if (earlier !== undefined) line(name, perSecond, earlier.perSecond)
  }
  return lines
}
