import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Result } from '../../bench/report/result.js'
import { figures, scenarios } from '../../bench/scenarios/all.js'

/** What `npm run bench -- --quick` says and writes. */
async function bench(
  folder: string
): Promise<{ code: number | null; said: string; result: Result; report: string }> {
  const json = join(folder, 'result.json')
  const child = spawn(
    process.execPath,
    ['scripts/bench.mjs', '--quick', '--json', json, '--report-in', folder],
    {
      stdio: ['ignore', 'pipe', 'inherit']
    }
  )
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  const result = JSON.parse(readFileSync(json, 'utf8')) as Result
  return { code, said, result, report: readFileSync(join(folder, 'report.md'), 'utf8') }
}

t.test('npm run bench -- --quick measures every scenario once and verifies every signature', async (t) => {
  const folder = t.testdir()
  const { code, said, result, report } = await bench(folder)
  t.equal(code, 0, said)
  t.equal(result.schema, 1)
  const known = [...Object.keys(result.measurements), ...Object.keys(result.skipped)]
  t.same(
    known.sort(),
    scenarios
      .filter(({ byName }) => !byName)
      .map(({ name }) => name)
      .sort()
  )
  for (const { name, rounds } of Object.values(result.measurements)) {
    t.equal(rounds.length, 1)
    for (const { perSecond, load } of rounds) {
      t.ok(perSecond > 0, name)
      if (load === undefined) continue
      t.equal(load.errors, 0, `${name}: every request is answered with 200`)
      t.ok(load.verified >= load.signatures, `${name}: every signature verifies`)
    }
  }
  t.same(Object.keys(result.ratios).sort(), figures.map(({ name }) => name).sort())
  for (const { median, min, max, rounds } of Object.values(result.ratios)) {
    t.ok(min >= 0 && min <= median && median <= max)
    t.equal(rounds.length, 1)
  }
  t.match(said, /^figure +median/m, 'and prints its table')
  for (const name of [...Object.keys(result.measurements), ...Object.keys(result.ratios)])
    t.ok(report.includes(`\`${name}\``), `the report has ${name}`)
  const pictures = [...report.matchAll(/\]\((plots\/[a-z]+\.svg)\)/g)].map(([, path = '']) => path)
  t.ok(pictures.length > 0 && pictures.every((path) => existsSync(join(folder, path))), 'and pictures')
})
