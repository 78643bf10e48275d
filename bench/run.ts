import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Options } from './options.js'
import { createConsole } from './progress.js'
import { comparison } from './report/compare.js'
import { commit, machine, versions } from './report/machine.js'
import { ratiosOf } from './report/ratios.js'
import type { Measurement, Result } from './report/result.js'
import { pointTable, ratioTable, scenarioTable, valueTable } from './report/table.js'
import { readResult, writeReport } from './report/write.js'
import { measureGroup } from './rounds.js'
import { byQuick, chosenGroups, figures } from './scenarios/all.js'
import { openStage } from './stage/stage.js'

const bench = fileURLToPath(new URL('../../bench', import.meta.url))
const results = join(bench, 'results')

/**
 * Measures what was chosen and writes the result.
 * @param stopping Aborted on a signal: what is open is closed, and what was measured until then is written.
 * @throws Error when a signature did not verify, or something could not be measured. What was measured before is written.
 */
export async function run(options: Options, stopping: AbortSignal): Promise<void> {
  const startedAt = new Date()
  const here = machine()
  const console = createConsole()
  const before = options.compare === null ? null : await readResult(options.compare)
  const stage = openStage(options, console)
  const chosen = options.only ?? (options.quick && options.elsewhere === null ? byQuick : null)
  const measurements: Record<string, Measurement> = {}
  const skipped: Record<string, string> = {}
  let failure: unknown = null
  try {
    const stopped = new Promise<null>((resolve) => {
      stopping.addEventListener('abort', () => resolve(null))
    })
    const groups = chosenGroups(chosen, options.also, options.elsewhere !== null)
    for (const group of groups) {
      console.say(group.map(({ name }) => name).join(', '))
      const outcome = await Promise.race([measureGroup(group, stage), stopped])
      if (outcome === null) break
      for (const measured of outcome.measured) measurements[measured.name] = measured
      Object.assign(skipped, outcome.skipped)
    }
  } catch (error) {
    failure = error ?? new Error('something that is not an error was thrown')
  } finally {
    await stage.close()
  }
  const nothing = Object.keys(measurements).length === 0
  if (failure !== null && nothing) throw failure
  if (stopping.aborted && nothing) return print(['', 'Stopped before anything was measured.'])
  const result: Result = {
    schema: 1,
    startedAt: startedAt.toISOString(),
    finishedAt: new Date().toISOString(),
    ...commit(),
    machine: here,
    versions: versions(),
    settings: settingsOf(options, stage.settings),
    measurements,
    skipped,
    ratios: ratiosOf(figures, measurements)
  }
  const tables = [scenarioTable(result), pointTable(result), valueTable(result), ratioTable(result, figures)]
  print(tables.filter((lines) => lines.length > 0).flatMap((lines) => ['', ...lines]))
  if (before !== null) print(['', ...comparison(result, before)])
  const path = options.json ?? (options.quick ? null : join(results, `${fileName(startedAt)}.json`))
  if (path !== null) {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, `${JSON.stringify(result, null, 2)}\n`)
    print(['', `The result is in ${path}`])
  }
  const whole = options.only === null && !options.quick && options.elsewhere === null
  const folder = options.reportIn ?? (whole ? bench : null)
  if (folder !== null) print([`The report is in ${await writeReport(result, figures, folder)}`])
  if (failure !== null) throw failure
}

/** Writes the report of an earlier result. @throws StartError when it cannot be read. */
export async function writeReportOnly(path: string, reportIn: string | null): Promise<void> {
  print([`The report is in ${await writeReport(await readResult(path), figures, reportIn ?? bench)}`])
}

function settingsOf(options: Options, server: Readonly<Record<string, string>>): Result['settings'] {
  const { quick, rounds, windowMs, warmUpMs, people, seed } = options
  const base = options.elsewhere?.base ?? null
  return { quick, rounds, windowMs, warmUpMs, people, seed, base, ...server }
}

const fileName = (at: Date): string => at.toISOString().slice(0, 19).replaceAll(':', '')

function print(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`)
}
