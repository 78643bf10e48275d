/** What is wrong, in a word. Names are public API of `--json`: add one, never rename one. */
export type ProblemCode =
  | 'unreadable'
  | 'event-changed'
  | 'events-missing'
  | 'events-out-of-order'
  | 'link-wrong'
  | 'time-backwards'
  | 'start-wrong'
  | 'head-differs'
  | 'tail-cut'
  | 'chain-missing'
  | 'retirement-wrong'
  | 'checkpoint-signature-wrong'
  | 'checkpoint-key-unknown'
  | 'checkpoint-removed'
  | 'checkpoint-changed'
  | 'confirmation-wrong'
  | 'device-wrong'

/** One thing that is wrong. */
export interface Problem {
  code: ProblemCode
  /** Chain and place in it, where it is about one. */
  chain: string | null
  seq: number | null
  /** A sentence. */
  says: string
}

/** What verifying found. */
export interface AuditReport {
  /** Nothing is wrong. */
  whole: boolean
  chains: number
  events: number
  /** In the database or export, and in the data folder; null: no data folder was given. */
  checkpoints: number
  keptCheckpoints: number | null
  /** `signature.made` and `activation.confirmed` events whose biometric challenge token verified again. */
  signatures: number
  confirmations: number
  /** Events behind the last checkpoint of their chain: if they were cut off, nobody could tell. */
  uncovered: number
  /** The first `problemsMax` of them, and how many there are. */
  problems: Problem[]
  problemsFound: number
}

/** Problems that a report lists. */
export const problemsMax = 1_000

/** Lines for a person. */
export function reportLines(report: AuditReport): string[] {
  const { problems, problemsFound } = report
  const counts =
    `${report.chains} chains, ${report.events} events, ${report.checkpoints} checkpoints` +
    `${report.keptCheckpoints === null ? '' : ` (${report.keptCheckpoints} in the data folder)`}, ` +
    `${report.signatures} signatures and ${report.confirmations} confirmations verified by their biometric tokens`
  return [
    ...problems.map(({ code, chain, seq, says }) => {
      const place = chain === null ? '' : `chain ${chain}${seq === null ? '' : ` seq ${seq}`}: `
      return `${code}: ${place}${says}`
    }),
    ...(problemsFound > problems.length ? [`... and ${problemsFound - problems.length} more`] : []),
    counts,
    `${report.uncovered} events came after the last checkpoint of their chain`,
    report.whole ? 'The audit is whole.' : `The audit is BROKEN: ${problemsFound} problems.`
  ]
}
