import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findBinaries } from '../../src/store/embedded/binaries.js'
import type { Result } from './result.js'
import { round } from './statistics.js'

const checkout = fileURLToPath(new URL('../../..', import.meta.url))
const packages = ['autocannon', 'fastify', 'pg', 'pkcs11js']

/** As it is now; to be asked before anything is measured. */
export function machine(): Result['machine'] {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    loadBefore: round(loadavg()[0] ?? 0),
    system: `${type()} ${release()}`
  }
}

export function versions(): Record<string, string> {
  const said = (command: string, args: string[]) => run(command, args)?.split('\n')[0] ?? 'not found'
  return {
    kyso: versionOf(join(checkout, 'package.json')),
    node: process.version,
    openssl: said('openssl', ['version']),
    softhsm: said('softhsm2-util', ['--version']),
    postgres: said(findBinaries().postgres, ['--version']),
    ...Object.fromEntries(
      packages.map((name) => [name, versionOf(join(checkout, 'node_modules', name, 'package.json'))])
    )
  }
}

/** The commit of the checkout, null outside of git, and whether it differs. */
export function commit(): Pick<Result, 'commit' | 'changed'> {
  const id = run('git', ['-C', checkout, 'rev-parse', 'HEAD'])
  return { commit: id, changed: run('git', ['-C', checkout, 'status', '--porcelain', 'src', 'bench']) !== '' }
}

function run(command: string, args: string[]): string | null {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return null
  }
}

function versionOf(path: string): string {
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version
}
