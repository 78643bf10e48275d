import type { Figure } from '../scenarios/figure.js'
import type { Plot } from './plots.js'
import type { Measurement, Result } from './result.js'
import { errorsColumn, latencyColumns, loadColumns, pointsOf, shown, valuesOf } from './table.js'

/** The report: what was measured, for people. Everything in it comes from the result. */
export function markdownOf(result: Result, figures: readonly Figure[], plots: readonly Plot[]): string {
  const { measurements, skipped } = result
  const all = Object.values(measurements)
  const ceilings = all.filter(({ rounds }) =>
    rounds.every(({ load, points, values }) => !load && !points && !values)
  )
  const others = all.filter((one) => !ceilings.includes(one))
  return [
    '# Benchmark report',
    'Written by `npm run bench`; [docs/bench.md](../docs/bench.md) says what is measured and how. Figures of one run divide by each other; bare numbers belong to this machine.',
    result.settings.quick
      ? '**A quick run**: everything is shrunk, the numbers of subscribers too, and nothing here says how fast anything is.'
      : '',
    ...machine(result),
    '## Figures',
    'Of each round, one side divided by the other; the median of the rounds, and the least and the greatest.',
    ...figureTable(result, figures),
    ...plots.map(({ file, alternative }) => `![${alternative}](plots/${file})`),
    '## Scenarios',
    ...table(
      ['scenario', 'a second', 'unit', ...latencyColumns.map(({ head }) => head), 'errors'],
      others
        .filter(hasLoad)
        .map((one) => [
          `\`${one.name}\``,
          shown(one.perSecond, 0),
          one.unit,
          ...latencyColumns.map((column) => column.cell(one)),
          errorsColumn.cell(one)
        ])
    ),
    ...table(
      ['what a signature or job costs', ...loadColumns.map(({ head }) => head)],
      others
        .filter(hasLoad)
        .map((one) => [`\`${one.name}\``, ...loadColumns.map((column) => column.cell(one))])
    ),
    '## Ceilings',
    ...table(
      ['ceiling', 'a second', 'unit', ''],
      ceilings.map(({ name, perSecond, unit, about }) => [`\`${name}\``, shown(perSecond, 0), unit, about])
    ),
    ...section(
      'Further values',
      ['scenario', 'value', 'median'],
      all.flatMap(valuesOf).map(({ of, value, median }) => coded([of, value, median], 2))
    ),
    ...section(
      'Curves',
      ['scenario', 'at', 'a second', ...latencyColumns.map(({ head }) => head), 'errors'],
      all.flatMap(pointsOf).map((cells) => coded(cells, 1))
    ),
    ...section('Not measured', ['scenario', 'because'], Object.entries(skipped ?? {})),
    '## What the scenarios do',
    ...table(
      ['scenario', ''],
      others.map(({ name, about }) => [`\`${name}\``, about])
    )
  ]
    .filter((block) => block !== '')
    .join('\n\n')
    .concat('\n')
}

function machine({
  machine: on,
  versions,
  settings,
  commit,
  changed,
  startedAt,
  finishedAt
}: Result): string[] {
  const minutes = Math.max(1, Math.round((Date.parse(finishedAt) - Date.parse(startedAt)) / 60_000))
  const words = (record: Readonly<Record<string, unknown>>) =>
    Object.entries(record)
      .map(([name, value]) => `${name} ${String(value)}`)
      .join(', ')
  return table(
    ['', ''],
    [
      ['when', `${startedAt.slice(0, 16).replace('T', ' ')} UTC, ${minutes} min`],
      ['commit', `${commit?.slice(0, 12) ?? 'unknown'}${changed ? ', with changes' : ''}`],
      ['machine', `${on.cpu}, ${on.cores} cores, ${on.memoryGiB} GiB, ${on.system}`],
      ['shared by', 'server, PostgreSQL, load generator'],
      ['load before', `${on.loadBefore ?? 'unknown'} (average over a minute)`],
      ['versions', words(versions)],
      ['settings', words(settings)]
    ]
  )
}

function figureTable({ ratios }: Result, figures: readonly Figure[]): string[] {
  return table(
    ['figure', 'median', 'range', 'goal', 'reached'],
    figures.flatMap(({ name, goal, atMost }) => {
      const ratio = ratios[name]
      if (ratio === undefined) return []
      const reached = atMost ? ratio.median <= goal : ratio.median >= goal
      return [
        [
          `\`${name}\``,
          shown(ratio.median, 2),
          `${shown(ratio.min, 2)} to ${shown(ratio.max, 2)}`,
          `${atMost ? '≤' : '≥'} ${shown(goal, 2)}`,
          reached ? 'yes' : 'no'
        ]
      ]
    })
  )
}

/** Names as code, in the first columns. */
const coded = (cells: readonly string[], columns: number): string[] =>
  cells.map((cell, column) => (column < columns ? `\`${cell}\`` : cell))

const hasLoad = ({ rounds }: Measurement): boolean => rounds.some(({ load }) => load !== undefined)

function section(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return rows.length === 0 ? [] : [`## ${title}`, ...table(head, rows)]
}

/** A table with aligned columns, as the formatter wants it; nothing where there are no rows. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return []
  const widths = head.map((_, column) =>
    Math.max(3, ...[head, ...rows].map((row) => row[column]?.length ?? 0))
  )
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  return [[line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')]
}
