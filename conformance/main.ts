#!/usr/bin/env node
import { readOptions, UsageError } from './options.js'
import { table } from './report/table.js'
import { breaks, point, title } from './report/tap.js'
import { writeReports } from './report/write.js'
import { tables } from './rules/all.js'
import { type Result, run, select } from './run.js'
import { createPerson } from './server/person.js'
import { createTarget } from './server/target.js'

const say = (line: string): void => void process.stdout.write(`${line}\n`)

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`${error.message}\nTry --help.\n`)
  return 2
})

/** @returns The exit code: 0 when nothing that is sure failed, else 1. */
async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args)
  if ('usage' in options) {
    say(options.usage)
    return 0
  }
  if ('list' in options) {
    for (const rule of select(tables, options.list, null)) say(title({ rule }))
    return 0
  }
  const rules = select(tables, options.version, options.only)
  if (rules.length === 0) throw new UsageError(`--only ${options.only?.join()}: there is no such clause`)

  const [startedAt, begunAt] = [new Date(), performance.now()]
  const target = createTarget(options, createPerson(options), begunAt + options.patienceMs)
  say('TAP version 14')
  say(`1..${rules.length}`)
  const results = await run(target, rules, inOrder())
  await target.oauth.revokeIssued()

  const tookMs = Math.round(performance.now() - begunAt)
  for (const line of table(results)) say(`# ${line}`)
  say(`# ${(tookMs / 1000).toFixed(1)} s`)
  if (options.report !== null) {
    const specs = await target.info().then(
      (info) => String(info.specs),
      () => 'nothing'
    )
    writeReports(options.report, results, { options, startedAt, tookMs, specs })
    say(`# ${options.report}/report.md, ${options.report}/report.json`)
  }
  return results.some(breaks) ? 1 : 0
}

/** Says each result when all before it were said: cases end in another order than they stand in. */
function inOrder(): (result: Result, index: number) => void {
  const ended: Result[] = []
  let next = 0
  return (result, index) => {
    ended[index] = result
    for (let ready = ended[next]; ready !== undefined; ready = ended[next]) {
      say(point(ready, next + 1))
      next += 1
    }
  }
}
