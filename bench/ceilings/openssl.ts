import { execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import type { MeasuredAlgorithm } from '../prepare/protocol.js'
import { type Scenario, ScenarioSkipped } from '../scenarios/scenario.js'

const run = promisify(execFile)
/** How `openssl speed` calls them, and the beginning of the line in which `-mr` reports them. */
const speeds: Readonly<Record<MeasuredAlgorithm, { word: string; line: RegExp }>> = {
  'P-256': { word: 'ecdsap256', line: /^\+F4:\d+:256:([0-9.]+):/m },
  'RSA-2048': { word: 'rsa2048', line: /^\+F2:\d+:2048:([0-9.]+):/m }
}

function openssl(name: string, algorithm: MeasuredAlgorithm): Scenario {
  const { word, line } = speeds[algorithm]
  return {
    name,
    about: `openssl speed ${word}, as many processes as the server has signing workers, without any HSM`,
    unit: 'signatures/s',
    async open({ settings }) {
      const { stdout: version } = await run('openssl', ['version']).catch((cause: unknown) => {
        throw new ScenarioSkipped('openssl is not installed', { cause })
      })
      if (!version.startsWith('OpenSSL'))
        throw new ScenarioSkipped(`${version.trim()} knows no openssl speed -seconds`)
      const processes = settings.SIGNING_WORKERS ?? String(availableParallelism())
      return {
        async measure({ windowMs }) {
          // Whole seconds, and as long again for verifying, which cannot be left out.
          const seconds = Math.max(1, Math.round(windowMs / 1_000))
          const args = ['speed', '-mr', '-seconds', String(seconds), '-multi', processes, word]
          const { stdout } = await run('openssl', args)
          // The sum comes last; each process's own line is quoted before, behind `Got: `.
          const perSecond = Number(line.exec(stdout)?.[1])
          if (!(perSecond > 0)) throw new Error(`${name}: openssl speed says ${stdout.slice(-300)}`)
          return { perSecond, windowMs: seconds * 1_000 }
        },
        close: async () => undefined
      }
    }
  }
}

/** What the processor gives to OpenSSL alone: SoftHSM calls the same code, with more around it. */
export const opensslCeilings: readonly Scenario[] = [
  openssl('openssl-p256', 'P-256'),
  openssl('openssl-rsa2048', 'RSA-2048')
]
