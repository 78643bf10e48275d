import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { openLoop } from '../../bench/load/open-loop.js'
import { createRequestWriter } from '../../bench/load/requests.js'
import type { Result } from '../../bench/report/result.js'
import { byQuick, figures, scenarios } from '../../bench/scenarios/all.js'

const everything = scenarios.filter(({ byName }) => !byName).map(({ name }) => name)

/** What a quick run over all scenarios says and writes. */
async function bench(
  folder: string
): Promise<{ code: number | null; said: string; result: Result; report: string }> {
  const json = join(folder, 'result.json')
  const child = spawn(
    process.execPath,
    ['scripts/bench.mjs', '--quick', '--only', everything.join(), '--json', json, '--report-in', folder],
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

t.test('a quick run measures every scenario once and verifies every signature', async (t) => {
  const folder = t.testdir()
  const { code, said, result, report } = await bench(folder)
  t.equal(code, 0, said)
  t.equal(result.schema, 1)
  const known = [...Object.keys(result.measurements), ...Object.keys(result.skipped)]
  t.same(known.sort(), [...everything].sort())
  t.same(
    byQuick.filter((name) => !everything.includes(name)),
    [],
    'what is quick by itself is among them'
  )
  for (const { name, rounds } of Object.values(result.measurements)) {
    t.equal(rounds.length, 1)
    for (const { perSecond, load } of rounds) {
      if (load === undefined) {
        t.ok(perSecond > 0, name)
        continue
      }
      // A short window on a busy machine may see no answer, and a server that cannot keep up turns requests away.
      const { 503: turnedAway = 0, ...others } = load.errorsByStatus
      t.same(others, {}, `${name}: every request that is let in is answered with 200`)
      t.ok(load.errors <= turnedAway, `${name}: and none is lost`)
      t.ok(load.verified > 0, `${name}: something was signed`)
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

t.test('an open loop sends on, whatever is answered', async (t) => {
  const parties = 150
  const held: ServerResponse[] = []
  const server = createServer((request, response) => {
    request.resume()
    held.push(response)
    if (held.length < parties) return
    // Nobody is answered before everybody has asked; then every third is turned away.
    for (const [index, waiting] of held.splice(0).entries()) {
      if (index % 3 === 0) waiting.writeHead(503, { 'retry-after': '7', 'content-length': '2' }).end('{}')
      else waiting.end('{"signatures":[]}')
    }
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const requests = Array.from({ length: parties }, () =>
    createRequestWriter(url, 'token').post('/sign', { hashes: [] })
  )
  let taken = 0
  const run = () =>
    openLoop({
      url,
      phases: [{ perSecond: 1_000, ms: 60_000 }],
      seed: 'test',
      requests,
      next: () => (taken < parties ? taken++ : null)
    })
  const first = await run()
  t.ok(first.ranOut, 'the phase ends when there is nothing left to send')
  t.equal(first.answers.length, parties)
  t.equal(first.failures.length, 0)
  const refused = first.answers.filter(({ status }) => status === 503)
  t.equal(refused.length, parties / 3)
  t.ok(refused.every(({ retryAfterS }) => retryAfterS === 7))
  t.ok(first.answers.every(({ endedAt, dueAt, latencyMs }) => latencyMs === endedAt - dueAt))
  const gaps = (dueAt: number[]) =>
    dueAt.sort((a, b) => a - b).map((at, index) => Math.round((at - (dueAt[index - 1] ?? at)) * 1e3))
  taken = 0
  const second = await run()
  t.same(
    gaps(second.answers.map(({ dueAt }) => dueAt)),
    gaps(first.answers.map(({ dueAt }) => dueAt)),
    'the same seed gives the same arrivals'
  )
})
