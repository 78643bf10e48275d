import { binding, Failure, type Mark, NotOffered, type Rule, type Version } from './rule.js'
import { type Exchange, recordingIn, withoutSecrets } from './server/http.js'
import type { Target } from './server/target.js'

/** How a case ended. `unsure`: not as expected, and it is not sure that it should be. */
export type Outcome = 'passed' | 'failed' | 'unsure' | 'not offered' | 'no case'

/** A rule and what came of it. */
export interface Result {
  rule: Rule
  outcome: Outcome
  /** Why it was not passed. */
  reason: string | null
  /** How sure a failure is. */
  mark: Mark
  exchanges: Exchange[]
  tookMs: number
}

/** Rules of one version, kept in order; those of other clauses than `only` are left out. */
export function select(
  tables: readonly ((version: Version) => Rule[])[],
  version: Version,
  only: readonly string[] | null
): Rule[] {
  const rules = tables.flatMap((table) => table(version))
  const twice = rules.find(({ clause, text }, index) =>
    rules.slice(0, index).some((other) => other.clause === clause && other.text === text)
  )
  if (twice !== undefined) throw new TypeError(`${twice.clause} has "${twice.text}" twice`)
  if (only === null) return rules
  return rules.filter(({ clause }) =>
    only.some((wanted) => clause === wanted || clause.startsWith(`${wanted}.`))
  )
}

/** Tries all rules, several at once, those of a lane one after another. `done` hears of each in the order it ends. */
export async function run(
  target: Target,
  rules: readonly Rule[],
  done: (result: Result, index: number) => void
): Promise<Result[]> {
  const results: Result[] = []
  const waiting = rules.map((rule, index) => ({ rule, index }))
  const busy = new Set<string>()
  async function work(): Promise<void> {
    for (;;) {
      const place = waiting.findIndex(({ rule }) => rule.lane === undefined || !busy.has(rule.lane))
      const [next] = place === -1 ? [] : waiting.splice(place, 1)
      if (next === undefined) return
      const { lane } = next.rule
      if (lane !== undefined) busy.add(lane)
      const result = await tryRule(target, next.rule)
      if (lane !== undefined) busy.delete(lane)
      results[next.index] = result
      done(result, next.index)
    }
  }
  // A worker that finds only its lane's busy cases ends; the one in the lane goes on with them.
  await Promise.all(Array.from({ length: target.options.concurrency }, work))
  return results
}

async function tryRule(target: Target, rule: Rule): Promise<Result> {
  const startedAt = performance.now()
  const exchanges: Exchange[] = []
  const { check } = rule
  const ended = (outcome: Outcome, reason: string | null, mark = rule.mark): Result => {
    return { rule, outcome, reason, mark, exchanges, tookMs: Math.round(performance.now() - startedAt) }
  }
  if (typeof check !== 'function') return ended('no case', check.untried)
  if (target.options.phone === 'auto' && startedAt > target.endsAt)
    return ended('not offered', `no time left: --patience ${target.options.patienceMs / 1000}`)
  try {
    await recordingIn(exchanges, () => check(target))
    return ended('passed', null)
  } catch (error) {
    if (error instanceof NotOffered) return ended('not offered', error.message)
    const mark = (error instanceof Failure ? error.mark : null) ?? rule.mark
    const reason = withoutSecrets(error instanceof Error ? error.message : String(error))
    return ended(binding(mark) ? 'failed' : 'unsure', reason, mark)
  }
}

/** Stands for a wait that would take too long. @throws NotOffered */
export function requireTime({ endsAt }: Target, ms: number, what: string): void {
  if (performance.now() + ms > endsAt)
    throw new NotOffered(`${what}: needs ${Math.ceil(ms / 1000)} s; --patience`)
}
