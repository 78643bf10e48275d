import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { type DemoPerson, demoClient } from '../../../src/simulation/demo-people.js'

const main = fileURLToPath(new URL('../../../conformance/main.js', import.meta.url))

/** A case as report.json has it. */
export interface Case {
  clause: string
  mark: string
  text: string
  outcome: 'passed' | 'failed' | 'not offered' | 'unsure'
  reason: string | null
}

/** How a run of the suite ended. */
export interface Run {
  exitCode: number | null
  /** Standard output: TAP. */
  tap: string
  errors: string
  cases: Case[]
  rowsWithoutCase: { clause: string; text: string; reason: string }[]
}

/** Runs `npm run conformance` without npm, against one API of one person, reporting into `folder`. */
export async function runSuite(
  folder: string,
  base: string,
  { login, password }: Pick<DemoPerson, 'login' | 'password'>,
  more: readonly string[] = []
): Promise<Run> {
  const version = base.endsWith('/v1') ? 'v1' : 'v2'
  const { clientId, clientSecret } = demoClient
  const child = spawn(
    process.execPath,
    [
      ...[main, '--base', base, '--version', version, '--user', login, '--report', folder],
      ...['--client-id', clientId, '--client-secret', clientSecret],
      ...(password === null ? [] : ['--password', password]),
      ...more
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] }
  )
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [tap, errors, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  const report = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as Pick<
    Run,
    'cases' | 'rowsWithoutCase'
  >
  return { exitCode, tap, errors, ...report }
}

/** Cases that ended so, one line each. */
export const lines = ({ cases }: Run, outcome: Case['outcome']): string[] =>
  cases
    .filter((one) => one.outcome === outcome)
    .map(
      ({ clause, mark, text, reason }) => `${clause} [${mark}] ${text}${reason === null ? '' : `: ${reason}`}`
    )
