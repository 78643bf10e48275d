import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Options } from '../options.js'
import type { Outcome, Result } from '../run.js'
import { count, table } from './table.js'
import { title } from './tap.js'

/** What a run was about, for the head of a report. */
export interface Occasion {
  options: Options
  startedAt: Date
  tookMs: number
  specs: string
}

/** Writes report.json and report.md into the folder, which is made. */
export function writeReports(folder: string, results: readonly Result[], occasion: Occasion): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'report.json'), `${JSON.stringify(json(results, occasion), null, 2)}\n`)
  writeFileSync(join(folder, 'report.md'), markdown(results, occasion))
}

const outcomes: readonly Outcome[] = ['passed', 'failed', 'not offered', 'unsure', 'no case']

function json(results: readonly Result[], { options, startedAt, tookMs, specs }: Occasion): object {
  const { base, version, user, phone, only } = options
  return {
    ...{ base, version, specs, user, phone, only, startedAt: startedAt.toISOString(), tookMs },
    counts: Object.fromEntries(outcomes.map((outcome) => [outcome, count(results, outcome)])),
    cases: results
      .filter(({ outcome }) => outcome !== 'no case')
      .map(({ rule, outcome, reason, mark, exchanges, tookMs: took }) => ({
        ...{ clause: rule.clause, mark: rule.mark, text: rule.text, outcome, reason, tookMs: took },
        ...(outcome === 'failed' || outcome === 'unsure'
          ? { failureMark: mark, exchanges: exchanges.slice(-3) }
          : {})
      })),
    rowsWithoutCase: results
      .filter(({ outcome }) => outcome === 'no case')
      .map(({ rule, reason }) => ({ clause: rule.clause, mark: rule.mark, text: rule.text, reason }))
  }
}

function markdown(results: readonly Result[], { options, startedAt, tookMs, specs }: Occasion): string {
  const list = (heading: string, outcome: Outcome): string[] => {
    const found = results.filter((result) => result.outcome === outcome)
    if (found.length === 0) return []
    return [
      `## ${heading}`,
      '',
      ...found.map((result) => `- **${escaped(title(result))}**: ${escaped(result.reason ?? '')}`),
      ''
    ]
  }
  const [head = '', ...rows] = table(results).map(
    (line) =>
      `| ${line
        .split(/ {2,}/)
        .map((cell) => cell.trim())
        .join(' | ')} |`
  )
  return [
    `# CSC conformance of ${options.base}`,
    '',
    `Version ${options.version}, which calls itself ${specs}. ${startedAt.toISOString()}, ${(tookMs / 1000).toFixed(1)} s, phone ${options.phone}${options.only === null ? '' : `, clauses ${options.only.join(', ')} alone`}.`,
    '',
    head,
    head.replaceAll(/[^|]+/g, ' --- '),
    ...rows,
    '',
    'P: in the text of 1.0.4.0. C: of 2.0.0.2, from two sources. S: of 2.0.0.2, from one. K: from code for 2.1 and 2.2. U: a common reading. What is marked S, K or U fails nobody.',
    '',
    ...list('Failed', 'failed'),
    ...list('Unsure', 'unsure'),
    ...list('Not offered', 'not offered'),
    ...list('Rows of the reference without a case', 'no case')
  ].join('\n')
}

const escaped = (text: string): string => text.replaceAll(/([|*_`<>[\]])/g, '\\$1').replaceAll(/\s+/g, ' ')
