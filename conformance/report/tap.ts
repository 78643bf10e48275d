import { binding } from '../rule.js'
import type { Result } from '../run.js'

/** One line of TAP 14, and below it what was expected. */
export function point(result: Result, number: number): string {
  const { outcome, reason, rule } = result
  const name = title(result).replaceAll(/([\\#])/g, '\\$1')
  const line = `${number} - ${name}`
  if (outcome === 'passed') return `ok ${line}`
  if (outcome === 'not offered') return `ok ${line} # SKIP not offered: ${oneLine(reason)}`
  if (outcome === 'no case') return `ok ${line} # SKIP no case: ${oneLine(reason)}`
  const directive = outcome === 'unsure' ? ` # TODO ${result.mark}: not sure` : ''
  const last = result.exchanges.at(-1)
  return [
    `not ok ${line}${directive}`,
    '  ---',
    `  message: ${JSON.stringify(reason)}`,
    `  clause: ${JSON.stringify(rule.clause)}`,
    `  mark: ${result.mark}`,
    ...(last === undefined
      ? []
      : [
          `  request: ${JSON.stringify(last.request)}`,
          `  sent: ${JSON.stringify(last.sent.slice(0, 500))}`,
          `  status: ${last.status}`,
          `  received: ${JSON.stringify(last.received.slice(0, 500))}`
        ]),
    '  ...'
  ].join('\n')
}

/** Clause, mark and text; two rows may share a text, never all three. */
export const title = ({ rule: { clause, mark, text } }: Pick<Result, 'rule'>): string =>
  `${clause} [${mark}] ${text}`

const oneLine = (text: string | null): string =>
  (text ?? '').replaceAll(/\s+/g, ' ').replaceAll('#', '\\#').slice(0, 200)

/** Whether a result ends the run with a failure. */
export const breaks = ({ outcome, mark }: Result): boolean => outcome === 'failed' && binding(mark)
