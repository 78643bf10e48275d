import type { Outcome, Result } from '../run.js'

const columns: readonly { outcome: Outcome; title: string }[] = [
  { outcome: 'passed', title: 'passed' },
  { outcome: 'failed', title: 'failed' },
  { outcome: 'not offered', title: 'not offered' },
  { outcome: 'unsure', title: 'unsure' },
  { outcome: 'no case', title: 'no case' }
]

/** How many ended how. */
export const count = (results: readonly Result[], outcome: Outcome): number =>
  results.filter((result) => result.outcome === outcome).length

/** Clauses in order, each with its counts, and the sum of all. */
export function table(results: readonly Result[]): string[] {
  const clauses = [...new Set(results.map(({ rule }) => rule.clause))].sort(byClause)
  const rows = clauses.map((clause) =>
    row(
      clause,
      results.filter(({ rule }) => rule.clause === clause)
    )
  )
  const head = ['clause', ...columns.map(({ title }) => title)]
  const all = [head, ...rows, row('all', results)]
  const widths = head.map((_, index) => Math.max(...all.map((cells) => (cells[index] ?? '').length)))
  return all.map((cells) =>
    cells
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0)))
      .join('  ')
  )
}

const row = (name: string, results: readonly Result[]): string[] => [
  name,
  ...columns.map(({ outcome }) => String(count(results, outcome)))
]

/** 8.3.1 before 11.2; words first. */
export function byClause(a: string, b: string): number {
  const [one, two] = [a, b].map((clause) => clause.split('.').map(Number)) as [number[], number[]]
  if (Number.isNaN(one[0]) || Number.isNaN(two[0]))
    return Number.isNaN(one[0]) ? (Number.isNaN(two[0]) ? 0 : -1) : 1
  for (let index = 0; index < Math.max(one.length, two.length); index += 1) {
    const difference = (one[index] ?? -1) - (two[index] ?? -1)
    if (difference !== 0) return difference
  }
  return 0
}
