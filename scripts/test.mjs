// `npm test [-- file ...]`: sets up, compiles, runs the tests, and says how it went. The last line is
// `N passed, N failed`. `--slow` runs the suites of test/slow instead, which `npm test` leaves out.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { installSystemPackages, root, seconds, setUp, sourcesIn } from './setup.mjs'
import { readTap } from './tap-output.mjs'

/** Debian packages that tests use beside what the server needs. A test whose tool is missing skips itself. */
const tools = process.argv.includes('--slow')
  ? ['openssl', 'nginx', 'chromium', 'poppler-utils', 'qpdf', 'xmlsec1']
  : ['openssl', 'curl']
const jobs = Math.max(1, Math.min(2, availableParallelism()))
/** Without its tools a test is skipped by name; where everything is meant to be tested, that is a failure. */
const skipsFail = process.env.CI === 'true'

const startedAt = performance.now()
const slow = process.argv.includes('--slow')
/** A file that takes longer hangs. */
const fileTimeoutMs = slow ? 1_200_000 : 300_000
const named = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const { typesHold } = setUp({ tests: true })
if (!installSystemPackages(tools, console.log))
  console.log('some tools are missing; tests that need them are skipped')

const files = chosenFiles()
if (files.length === 0) {
  console.log('no test file fits')
  console.log('0 passed, 1 failed')
  process.exit(1)
}
const durations = readDurations()
// The longest first, so that none is left over at the end.
files.sort((a, b) => (durations[b] ?? Infinity) - (durations[a] ?? Infinity))
const total = { passed: 0, failed: 0, skipped: 0 }
const waiting = [...files]
/** Ends what runs; the tests are process groups of their own, which a Ctrl-C in the terminal does not reach. */
const running = new Set()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    for (const end of running) end(signal)
    process.exit(1)
  })
}
await Promise.all(
  Array.from({ length: jobs }, async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) await runFile(file)
  })
)
writeDurations()
if (!typesHold && named.length === 0) {
  total.failed += 1
  console.log('FAILED  the type check; the compiler says why above')
}
console.log(`\n${files.length} files, ${total.skipped} skipped, ${seconds(startedAt)}`)
console.log(`${total.passed} passed, ${total.failed} failed`)
process.exit(total.failed === 0 ? 0 : 1)

/** Compiled files to run, relative to the checkout. */
function chosenFiles() {
  const sources = named.length > 0 ? named.map((name) => relative(root, resolve(name))) : sourcesIn('test')
  return sources
    .filter((file) => named.length > 0 || file.startsWith('test/slow/') === slow)
    .map((file) => (file.startsWith('build/') ? file : join('build', file.replace(/\.ts$/, '.js'))))
    .filter((file) => file.endsWith('.test.js') && existsSync(join(root, file)))
}

/** Runs a file in a process of its own; a tap test is a program that writes TAP. */
async function runFile(file) {
  const fileStartedAt = performance.now()
  const child = spawn(process.execPath, ['--enable-source-maps', file], {
    cwd: root,
    env: { ...process.env, TAP_TIMEOUT: String(fileTimeoutMs / 1000) },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true
  })
  // With all it started, which is given the time to end by itself first.
  const end = (signal) => {
    try {
      process.kill(-child.pid, signal)
    } catch {
      // It has ended.
    }
  }
  running.add(end)
  const timer = setTimeout(() => {
    end('SIGTERM')
    setTimeout(() => end('SIGKILL'), 3_000).unref()
  }, fileTimeoutMs)
  let [output, errors] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text))
  // Bounded: a server that logs everything says a lot.
  child.stderr.setEncoding('utf8').on('data', (text) => (errors = (errors + text).slice(-200_000)))
  const [code, signal] = await new Promise((done) => child.on('close', (...end) => done(end)))
  clearTimeout(timer)
  running.delete(end)
  durations[file] = Math.round(performance.now() - fileStartedAt)

  const result = readTap(output)
  const failures = result.tests.filter(({ ok }) => !ok)
  const skipped = result.tests.filter(({ skip }) => skip !== null)
  const crashed = failures.length === 0 && (code !== 0 || !result.complete)
  const failed =
    failures.length + (crashed ? 1 : 0) + (skipsFail ? skipped.filter(({ todo }) => !todo).length : 0)
  total.failed += failed
  total.passed += result.tests.length - failures.length - skipped.length
  total.skipped += skipped.length

  const lines = [
    `${failed === 0 ? 'ok    ' : 'FAILED'}  ${file.replace(/^build\//, '').replace(/\.js$/, '')}  ${seconds(fileStartedAt)}`
  ]
  for (const { name, skip, todo } of skipped)
    lines.push(`        ${todo ? 'to do' : 'skipped'}: ${name} (${skip})`)
  for (const { name, detail } of failures)
    lines.push(`        FAILED: ${name}`, ...detail.map((line) => `          ${line}`))
  if (crashed) {
    const why = signal === null ? `exit code ${code}` : `${signal} after ${seconds(fileStartedAt)}`
    lines.push(`        FAILED: the file ended with ${why}${result.last ? `, after: ${result.last}` : ''}`)
  }
  if (failed > 0 && errors !== '')
    lines.push(
      ...errors
        .trimEnd()
        .split('\n')
        .slice(-40)
        .map((line) => `        | ${line}`)
    )
  console.log(lines.join('\n'))
}

function readDurations() {
  try {
    return JSON.parse(readFileSync(join(root, 'build/.test-durations.json'), 'utf8'))
  } catch {
    return {}
  }
}

function writeDurations() {
  mkdirSync(join(root, 'build'), { recursive: true })
  writeFileSync(join(root, 'build/.test-durations.json'), JSON.stringify(durations))
}
