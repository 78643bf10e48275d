import { execFile } from 'node:child_process'
import { createInterface } from 'node:readline/promises'
import { promisify } from 'node:util'
import type { Options } from '../options.js'
import { NotOffered } from '../rule.js'

/** Who sits at the keyboard and has the phone, or nobody. */
export interface Person {
  /** Says that something has to be confirmed now. With `--phone auto` it says nothing. */
  confirmSoon(what: string): void
  /** Asks to reject what comes next. @throws NotOffered where nobody is there. */
  rejectSoon(what: string): void
  /** The one-time code that was sent. @throws NotOffered where it cannot be had. */
  code(): Promise<string>
}

/** Speaks on standard error, since standard output is TAP. */
export function createPerson({ phone, codeCommand }: Pick<Options, 'phone' | 'codeCommand'>): Person {
  const manual = phone === 'manual'
  const say = (line: string): void => void process.stderr.write(`\u0007>>> ${line}\n`)
  return {
    confirmSoon(what) {
      if (manual) say(`CONFIRM on the phone: ${what}`)
    },
    rejectSoon(what) {
      if (!manual) throw new NotOffered('only a person can reject: --phone manual')
      say(`REJECT on the phone: ${what}`)
    },
    async code() {
      if (codeCommand !== null) {
        const { stdout } = await promisify(execFile)('sh', ['-c', codeCommand], { timeout: 30_000 })
        return stdout.trim()
      }
      if (!manual) throw new NotOffered('a one-time code is needed: --code-command or --phone manual')
      const lines = createInterface({ input: process.stdin, output: process.stderr })
      try {
        return (await lines.question('\u0007>>> One-time code: ')).trim()
      } finally {
        lines.close()
      }
    }
  }
}
