import type { Figure } from '../scenarios/figure.js'
import type { Measurement, Result } from './result.js'
import { median } from './statistics.js'

/** Cells as lines of text, columns aligned. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)
      )
      .join('  ')
      .trimEnd()
  )
}

const shown = (value: number | null | undefined, digits: number): string =>
  value === null || value === undefined || !Number.isFinite(value) ? '-' : value.toFixed(digits)

/** The ratios with their goals. */
export function ratioTable({ ratios }: Pick<Result, 'ratios'>, figures: readonly Figure[]): string[] {
  const rows = figures.flatMap(({ name, goal, atMost }) => {
    const ratio = ratios[name]
    if (ratio === undefined) return []
    const range = `${shown(ratio.min, 2)}..${shown(ratio.max, 2)}`
    return [[name, shown(ratio.median, 2), range, `${atMost ? '<=' : '>='} ${shown(goal, 2)}`]]
  })
  return rows.length === 0 ? [] : aligned([['figure', 'median', 'range', 'goal'], ...rows])
}

/** One line a scenario, medians of the rounds. */
export function scenarioTable({ measurements }: Pick<Result, 'measurements'>): string[] {
  const head = [
    'scenario',
    'a second',
    'p50 ms',
    'p95 ms',
    'p99 ms',
    'p99.9 ms',
    'errors',
    'server ms/sig',
    'pg ms/sig',
    'load ms/sig',
    'loop',
    'stmts/req',
    'key hits'
  ]
  return aligned([head, ...Object.values(measurements).map(rowOf)])
}

function rowOf({ name, perSecond, rounds }: Measurement): string[] {
  const loads = rounds.flatMap(({ load }) => (load === undefined ? [] : [load]))
  const of = (read: (load: (typeof loads)[number]) => number | null) => {
    const values = loads.map(read).filter((value) => value !== null)
    return values.length === 0 ? null : median(values)
  }
  return [
    name,
    shown(perSecond, 0),
    shown(
      of(({ latencyMs }) => latencyMs.p50),
      1
    ),
    shown(
      of(({ latencyMs }) => latencyMs.p95),
      1
    ),
    shown(
      of(({ latencyMs }) => latencyMs.p99),
      1
    ),
    shown(
      of(({ latencyMs }) => latencyMs.p999),
      1
    ),
    loads.length === 0 ? '-' : String(loads.reduce((sum, { errors }) => sum + errors, 0)),
    shown(
      of((load) => load.serverCpuMsPerSignature),
      3
    ),
    shown(
      of((load) => load.postgresCpuMsPerSignature),
      3
    ),
    shown(
      of((load) => load.generatorCpuMsPerSignature),
      3
    ),
    shown(
      of((load) => load.eventLoopUtilisation),
      2
    ),
    shown(
      of((load) => load.statementsPerRequest),
      2
    ),
    shown(
      of((load) => load.keyHitRate),
      3
    )
  ]
}
