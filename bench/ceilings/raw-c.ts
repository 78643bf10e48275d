import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { findSoftHsmModule, prepareSoftHsm } from '../../src/hsm/softhsm.js'
import type { MeasuredAlgorithm } from '../prepare/protocol.js'
import { type Scenario, ScenarioSkipped } from '../scenarios/scenario.js'

const source = fileURLToPath(new URL('../../../bench/ceilings/raw.c', import.meta.url))
const program = fileURLToPath(new URL('raw-c', import.meta.url))
const words: Readonly<Record<MeasuredAlgorithm, string>> = { 'P-256': 'p256', 'RSA-2048': 'rsa2048' }

/** `raw.c` as a process: it measures what it is told, one line each way. */
interface RawProgram {
  measure(line: string): Promise<number>
  stop(): Promise<void>
}
/** One process serves all ceilings in C; it ends with the last of them. */
let running: Promise<RawProgram> | null = null
let users = 0

function rawC(operation: 'sign' | 'unwrap', algorithm: MeasuredAlgorithm): Scenario {
  const prefix = operation === 'sign' ? 'raw-c' : 'unwrap-c'
  const calls = operation === 'sign' ? 'C_SignInit and C_Sign' : 'C_UnwrapKey and C_DestroyObject'
  return {
    name: `${prefix}-${words[algorithm]}`,
    about: `${calls}, ${algorithm}, in C: as many threads as the server has signing workers, each in a loop`,
    unit: operation === 'sign' ? 'signatures/s' : 'unwraps/s',
    async open({ settings }) {
      running ??= startRawProgram(settings.SIGNING_WORKERS ?? String(availableParallelism()))
      const child = await running.catch((error: unknown) => {
        running = null
        throw error
      })
      users += 1
      return {
        measure: async ({ warmUpMs, windowMs }) => ({
          perSecond: await child.measure(`${operation} ${words[algorithm]} ${warmUpMs} ${windowMs}`),
          windowMs
        }),
        async close() {
          users -= 1
          if (users > 0) return
          running = null
          await child.stop()
        }
      }
    }
  }
}

async function startRawProgram(threads: string): Promise<RawProgram> {
  await compile()
  const modulePath = findSoftHsmModule()
  if (modulePath === null) throw new ScenarioSkipped('SoftHSM is not installed')
  const folder = mkdtempSync(join(tmpdir(), 'kyso-bench-raw-'))
  const child = spawn(program, [modulePath, threads], {
    // Ctrl-C reaches the whole group: it ends, and what it makes is of no use to anybody.
    env: { SOFTHSM2_CONF: prepareSoftHsm(folder).confPath },
    stdio: ['pipe', 'pipe', 'pipe']
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(0, 1_000)
  })
  child.stdin.on('error', () => undefined) // it has ended; its words say why
  const ended = once(child, 'close').finally(() => rmSync(folder, { recursive: true, force: true }))
  const lines = createInterface({ input: child.stdout })
  return {
    async measure(line) {
      const value = Number(await answer(child, lines, line, () => errors))
      if (!(value > 0)) throw new Error(`the raw ceilings in C counted nothing for ${line}`)
      return value
    },
    async stop() {
      child.stdin.end()
      await ended
    }
  }
}

function answer(
  child: ChildProcessWithoutNullStreams,
  lines: ReturnType<typeof createInterface>,
  line: string,
  errors: () => string
): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = () => reject(new Error(`the raw ceilings in C: ${errors().trim() || 'ended early'}`))
    if (child.exitCode !== null || child.signalCode !== null) return fail()
    child.once('close', fail)
    lines.once('line', (text) => {
      child.off('close', fail)
      resolve(text)
    })
    child.stdin.write(`${line}\n`)
  })
}

/** By `cc`, where the program is missing or older than its source. */
async function compile(): Promise<void> {
  if (existsSync(program) && statSync(program).mtimeMs >= statSync(source).mtimeMs) return
  const partial = `${program}.${process.pid}`
  try {
    await promisify(execFile)('cc', ['-O2', '-pthread', '-o', partial, source, '-ldl'], { timeout: 60_000 })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw new ScenarioSkipped('there is no C compiler')
    throw error
  }
  await rename(partial, program)
}

/** What the module gives to C. Beside `raw-*` it shows what the binding and its threads cost. */
export const rawCCeilings: readonly Scenario[] = [
  rawC('sign', 'P-256'),
  rawC('sign', 'RSA-2048'),
  rawC('unwrap', 'P-256'),
  rawC('unwrap', 'RSA-2048')
]
