import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import { mkdir, mkdtemp, rename } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const refusedByModule = 3
const timeoutMs = 30_000

/** How an attempt to make the master key with an unwrap template ended. */
export type ProgramResult = { made: true } | { made: false; why: string }

/**
 * Makes the master key by `softhsm/master-key.c`, which is compiled when it is needed first. The program does
 * nothing if the key exists.
 * @returns `made: false` where there is no compiler or the module cannot do it; the key must then be made otherwise.
 * @throws Error when the program failed for another reason.
 */
export async function runMasterKeyProgram(options: {
  modulePath: string
  tokenLabel: string
  keyLabel: string
  pin: string
}): Promise<ProgramResult> {
  let program: string
  try {
    program = await compiledProgram()
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    return {
      made: false,
      why: missing ? 'there is no C compiler' : 'softhsm/master-key.c does not compile here'
    }
  }
  // The PIN goes in by standard input: arguments and environment of a process can be seen by others.
  const child = spawn(program, [options.modulePath, options.tokenLabel, options.keyLabel], {
    stdio: ['pipe', 'ignore', 'pipe'],
    timeout: timeoutMs
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(0, 1000)
  })
  child.stdin.on('error', () => undefined) // it may have ended before it read; its status says why
  child.stdin.end(`${options.pin}\n`)
  const [status]: (number | null)[] = await once(child, 'close')
  if (status === 0) return { made: true }
  if (status === refusedByModule) return { made: false, why: errors.trim() }
  throw new Error(`the master key could not be made: ${errors.trim() || `status ${status}`}`)
}

/** The program's path, made by `cc` if it is missing or older than its source. */
async function compiledProgram(): Promise<string> {
  const root = projectRoot()
  const source = join(root, 'softhsm', 'master-key.c')
  const program = join(root, 'build', 'softhsm', 'master-key')
  if (existsSync(program) && statSync(program).mtimeMs >= statSync(source).mtimeMs) return program
  try {
    await mkdir(dirname(program), { recursive: true })
    // Made beside its place and moved, so that another process never runs half a file.
    const partial = `${program}.${process.pid}`
    await compile(source, partial)
    await rename(partial, program)
    return program
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && (error.code === 'EACCES' || error.code === 'EROFS'))) {
      throw error
    }
    const elsewhere = join(await mkdtemp(join(tmpdir(), 'kyso-')), 'master-key') // a read-only installation
    await compile(source, elsewhere)
    return elsewhere
  }
}

async function compile(source: string, program: string): Promise<void> {
  await run('cc', ['-O2', '-o', program, source, '-ldl'], { timeout: timeoutMs })
}

/** The folder above this file that holds `softhsm/`; how far above depends on whether it was compiled. */
function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'softhsm', 'master-key.c'))) {
    if (folder === dirname(folder)) throw new Error('softhsm/master-key.c is not where it should be')
    folder = dirname(folder)
  }
  return folder
}
