import { StartError } from '../src/errors.js'
import { readOptions } from './options.js'
import { run, writeReportOnly } from './run.js'
import { scenarios } from './scenarios/all.js'

/*
 * `npm run bench`: measures a server process of its own, beside what the HSM and HTTP give without it. See
 * docs/bench.md.
 */

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort())

try {
  const options = readOptions(
    process.argv.slice(2),
    scenarios.map(({ name }) => name)
  )
  if (options !== null && options.report !== null) await writeReportOnly(options.report, options.reportIn)
  else if (options !== null) await run(options, stopping.signal)
} catch (error) {
  console.error(error instanceof StartError ? error.message : error)
  process.exitCode = 1
}
// What a signal interrupted may still be under way; the children end by themselves when we are gone.
if (stopping.signal.aborted) process.exit(1)
