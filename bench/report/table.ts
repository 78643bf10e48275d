import type { Figure } from '../scenarios/figure.js'
import type { LoadSample, Measurement, Result } from './result.js'
import { median, round } from './statistics.js'

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

/** `-` for what is not known. */
export const shown = (value: number | null | undefined, digits: number): string =>
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
  const columns = [...latencyColumns, errorsColumn, ...loadColumns]
  return aligned([
    ['scenario', 'a second', ...columns.map(({ head }) => head)],
    ...Object.values(measurements).map((one) => [
      one.name,
      shown(one.perSecond, 0),
      ...columns.map(({ cell }) => cell(one))
    ])
  ])
}

/** What else scenarios measured, a line a value: the median of the rounds. */
export function valueTable({ measurements }: Pick<Result, 'measurements'>): string[] {
  const rows = Object.values(measurements).flatMap(valuesOf)
  return rows.length === 0
    ? []
    : aligned([['', 'median'], ...rows.map(({ of, value, median: middle }) => [`${of} ${value}`, middle])])
}

/** The points of curves, a line each. */
export function pointTable({ measurements }: Pick<Result, 'measurements'>): string[] {
  const rows = Object.values(measurements).flatMap((one) => pointsOf(one))
  return rows.length === 0
    ? []
    : aligned([['curve', 'at', 'a second', ...latencyColumns.map(({ head }) => head), 'errors'], ...rows])
}

/** What a measurement has beside its load. */
export function valuesOf({ name, rounds }: Measurement): { of: string; value: string; median: string }[] {
  const names = [...new Set(rounds.flatMap(({ values }) => Object.keys(values ?? {})))]
  return names.map((value) => {
    const known = rounds.flatMap(({ values }) => values?.[value] ?? [])
    return { of: name, value, median: known.length === 0 ? '-' : String(round(median(known))) }
  })
}

/** The cells of a curve's points. */
export function pointsOf({ name, rounds }: Measurement): string[][] {
  return rounds.flatMap(({ points = [] }) =>
    points.map(({ at, perSecond, load: { latencyMs, errors } }) => [
      name,
      String(at),
      shown(perSecond, 0),
      ...[latencyMs.p50, latencyMs.p95, latencyMs.p99, latencyMs.p999].map((ms) => shown(ms, 1)),
      String(errors)
    ])
  )
}

/** What is shown of a measurement under a heading. */
export interface Column {
  head: string
  cell(measurement: Measurement): string
}

/** The median of the rounds; `-` where no round has it. */
function column(head: string, digits: number, read: (load: LoadSample) => number | null): Column {
  return {
    head,
    cell({ rounds }) {
      const values = rounds.flatMap(({ load }) => (load === undefined ? [] : (read(load) ?? [])))
      return values.length === 0 ? '-' : shown(median(values), digits)
    }
  }
}

export const latencyColumns: readonly Column[] = [
  column('p50 ms', 1, ({ latencyMs }) => latencyMs.p50),
  column('p95 ms', 1, ({ latencyMs }) => latencyMs.p95),
  column('p99 ms', 1, ({ latencyMs }) => latencyMs.p99),
  column('p99.9 ms', 1, ({ latencyMs }) => latencyMs.p999)
]

export const errorsColumn: Column = {
  head: 'errors',
  cell: ({ rounds }) => {
    const errors = rounds.flatMap(({ load }) => load?.errors ?? [])
    return errors.length === 0 ? '-' : String(errors.reduce((sum, count) => sum + count, 0))
  }
}

export const loadColumns: readonly Column[] = [
  column('server ms/sig', 3, (load) => load.serverCpuMsPerSignature),
  column('pg ms/sig', 3, (load) => load.postgresCpuMsPerSignature),
  column('load ms/sig', 3, (load) => load.generatorCpuMsPerSignature),
  column('loop', 2, (load) => load.eventLoopUtilisation),
  column('stmts/req', 2, (load) => load.statementsPerRequest),
  column('key hits', 3, (load) => load.keyHitRate)
]
