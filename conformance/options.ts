import { parseArgs } from 'node:util'
import type { Version } from './rule.js'

/** What was asked for on the command line. */
export interface Options {
  /** Of the API, without a trailing slash: methods are appended to it. */
  base: string
  version: Version
  clientId: string | null
  clientSecret: string | null
  /** A service access token, where none is to be asked for. */
  token: string | null
  user: string | null
  /** Null: the service asks none. */
  password: string | null
  pin: string | null
  /** A shell command that prints the one-time code last sent. */
  codeCommand: string | null
  /** The credential to sign with; null: the first that is enabled. */
  credential: string | null
  /** A credential that belongs to somebody else. */
  foreignCredential: string | null
  redirectUri: string
  phone: 'auto' | 'manual'
  /** Clauses, or beginnings of them; null: all. */
  only: readonly string[] | null
  report: string | null
  /** What takes longer is left out. */
  patienceMs: number
  /** Cases at once. */
  concurrency: number
}

const usage = `csc-conformance --base URL --version v1|v2 [options]

Tries every rule of the Cloud Signature Consortium API that a black box can be tried on.

  --base URL                the API: methods are appended, as in URL/info
  --version v1|v2           1.0.4.0, or 2.0.0.2 and what is known of 2.1 and 2.2
  --client-id ID            relying party
  --client-secret SECRET
  --token TOKEN             a service access token, where the service has its own way to give one
  --user LOGIN              whose credentials: userID, and login where one is asked
  --password PASSWORD       of that user, where one is asked
  --pin PIN                 of the credential, where one is asked
  --code-command COMMAND    prints the one-time code last sent; without it, --phone manual asks
  --credential ID           sign with this one; otherwise with the first that is enabled
  --foreign-credential ID   a credential of somebody else
  --redirect-uri URI        a registered one (http://127.0.0.1:8765/callback); nothing has to listen there
  --phone auto|manual       auto: whatever must be confirmed confirms itself; manual: says when, and waits
  --only CLAUSE[,CLAUSE]    these clauses, such as 11.9, or general
  --report FOLDER           writes report.json and report.md there
  --patience SECONDS        leaves out what takes longer (80)
  --concurrency N           cases at once (32; with --phone manual 1)
  --list                    the rules and their clauses; asks nothing of a server
  --help

Standard output is TAP 14, ending with a table. A failed rule that is sure (P, C) ends with exit code 1; what is
unsure (S, K, U) is "not ok ... # TODO". 2: the command line is wrong.`

/** A command line that cannot be followed. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/**
 * Reads the command line.
 * @returns A text that was asked for, or what to do.
 * @throws UsageError
 */
export function readOptions(args: readonly string[]): { usage: string } | { list: Version } | Options {
  const values = parse(args)
  if (values.help) return { usage }
  const version = values.version
  if (version !== 'v1' && version !== 'v2') throw new UsageError('--version v1 or --version v2 is needed')
  if (values.list) return { list: version }
  const base = (values.base ?? '').replace(/\/+$/, '')
  if (!URL.canParse(base) || !/^https?:/.test(base))
    throw new UsageError('--base is needed: an http(s) address')
  const phone = values.phone ?? 'auto'
  if (phone !== 'auto' && phone !== 'manual') throw new UsageError('--phone is auto or manual')
  if (!URL.canParse(values['redirect-uri'])) throw new UsageError('--redirect-uri is not an address')
  return {
    base,
    version,
    phone,
    clientId: values['client-id'] ?? null,
    clientSecret: values['client-secret'] ?? null,
    token: values.token ?? null,
    user: values.user ?? null,
    password: values.password ?? null,
    pin: values.pin ?? null,
    codeCommand: values['code-command'] ?? null,
    credential: values.credential ?? null,
    foreignCredential: values['foreign-credential'] ?? null,
    redirectUri: values['redirect-uri'],
    only: values.only?.split(',').filter((clause) => clause !== '') ?? null,
    report: values.report ?? null,
    patienceMs: number('--patience', values.patience, 0, 86_400) * 1000,
    concurrency: phone === 'manual' ? 1 : number('--concurrency', values.concurrency, 1, 32)
  }
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        ...{ base: text, version: text, 'client-id': text, 'client-secret': text, token: text, user: text },
        ...{ password: text, pin: text, 'code-command': text, credential: text, 'foreign-credential': text },
        ...{ phone: text, only: text, report: text },
        'redirect-uri': { type: 'string', default: 'http://127.0.0.1:8765/callback' },
        patience: { type: 'string', default: '80' },
        concurrency: { type: 'string', default: '32' },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false }
      }
    })
    return values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function number(name: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (text !== '' && Number.isInteger(value) && value >= least && value <= most) return value
  throw new UsageError(`${name} is a number from ${least} to ${most}`)
}
