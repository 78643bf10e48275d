import { parseArgs } from 'node:util'
import { StartError } from '../src/errors.js'

/** What was asked for on the command line. */
export interface Options {
  /** Everything once and shortly: shows that it works, says nothing of speed. */
  quick: boolean
  /** Names of scenarios; null: all. */
  only: readonly string[] | null
  /** Further scenarios, beside those of a whole run or of `only`. */
  also: readonly string[]
  /** Where the result is written instead of `bench/results/<date>.json`. */
  json: string | null
  /** An earlier result to compare with. */
  compare: string | null
  /** A result of which only the report is wanted; nothing is measured. */
  report: string | null
  /** Where the report is written, rather than `bench/` after a whole run. */
  reportIn: string | null
  /** A server that somebody else runs, to be measured instead of one of our own; null: one of our own. */
  elsewhere: Elsewhere | null
  /** Rounds that count. */
  rounds: number
  /** Length of a measured window. */
  windowMs: number
  /** Load before the window opens. */
  warmUpMs: number
  /** Subscribers, each with a P-256 and an RSA-2048 credential. */
  people: number
  /** What made-up documents begin with, so that a run can be repeated. */
  seed: string
  /** Folder for CPU profiles of the server, or null. */
  profile: string | null
}

/** A server that somebody else runs. */
export interface Elsewhere {
  /** Without a trailing slash. */
  base: string
  /** Of an administrator. */
  operatorKey: string
}

const usage = `npm run bench -- [options]
  --quick           one short round of a few scenarios (or of those that --only names), judging no times
  --only a,b        these scenarios, with what they are compared with
  --scale 1m        scale-1m as well: the first time it writes a million subscribers, which takes an hour or more
  --json FILE       write the result there instead of bench/results/<date>.json
  --compare FILE    ratios against an earlier result
  --report FILE     writes the report of an earlier result, and measures nothing
  --report-in DIR   writes the report there, whatever was measured; without it, a whole run writes bench/report.md
  --base URL        measures a server that runs there, by what needs HTTP alone; enrols people there, who stay
  --operator-key K  key of an administrator of that server
  --rounds N        rounds that count (5)
  --window MS       length of a window (2500)
  --people N        subscribers (1000; with --base 100)
  --seed TEXT       what the made-up documents begin with (kyso)
  --profile FOLDER  CPU profiles of the server
  --list            names of all scenarios`

/**
 * Reads the command line. Null: only the usage or the list was wanted, and was shown.
 * @throws StartError with a sentence.
 */
export function readOptions(args: readonly string[], names: readonly string[]): Options | null {
  const { values } = parse(args)
  if (values.help) {
    console.log(usage)
    return null
  }
  if (values.list) {
    console.log(names.join('\n'))
    return null
  }
  const quick = values.quick ?? false
  const only = values.only?.split(',').filter((name) => name !== '') ?? null
  const unknown = only?.find((name) => !names.includes(name))
  if (unknown !== undefined) throw new StartError(`There is no scenario ${unknown}; --list shows them all.`)
  const elsewhere = readElsewhere(values.base, values['operator-key'])
  return {
    quick,
    elsewhere,
    only,
    also: values.scale === undefined ? [] : [scaleNamed(values.scale, names)],
    json: values.json ?? null,
    compare: values.compare ?? null,
    report: values.report ?? null,
    reportIn: values['report-in'] ?? null,
    rounds: whole('rounds', values.rounds, quick ? 1 : 5, 100),
    windowMs: whole('window', values.window, quick ? 400 : 2_500, 600_000),
    warmUpMs: quick ? 100 : 500,
    people: whole('people', values.people, quick ? 20 : elsewhere === null ? 1_000 : 100, 100_000),
    seed: values.seed ?? 'kyso',
    profile: values.profile ?? null
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        quick: { type: 'boolean' },
        only: { type: 'string' },
        scale: { type: 'string' },
        json: { type: 'string' },
        compare: { type: 'string' },
        report: { type: 'string' },
        'report-in': { type: 'string' },
        base: { type: 'string' },
        'operator-key': { type: 'string' },
        rounds: { type: 'string' },
        window: { type: 'string' },
        people: { type: 'string' },
        seed: { type: 'string' },
        profile: { type: 'string' },
        list: { type: 'boolean' },
        help: { type: 'boolean' }
      }
    })
  } catch (cause) {
    throw new StartError(`${(cause as Error).message}\n${usage}`, { cause })
  }
}

function scaleNamed(size: string, names: readonly string[]): string {
  const name = `scale-${size.toLowerCase()}`
  if (names.includes(name)) return name
  const sizes = names.filter((one) => one.startsWith('scale-')).map((one) => one.slice('scale-'.length))
  throw new StartError(`--scale must be one of ${sizes.join(', ')}.`)
}

function readElsewhere(base: string | undefined, operatorKey: string | undefined): Elsewhere | null {
  if (base === undefined && operatorKey === undefined) return null
  if (base === undefined || operatorKey === undefined)
    throw new StartError('--base and --operator-key go together.')
  const url = URL.canParse(base) ? new URL(base) : null
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '')
    throw new StartError('--base must be an http or https address.')
  return { base: url.href.replace(/\/$/, ''), operatorKey }
}

function whole(name: string, text: string | undefined, byDefault: number, most: number): number {
  if (text === undefined) return byDefault
  const value = Number(text)
  if (/^[0-9]+$/.test(text) && value >= 1 && value <= most) return value
  throw new StartError(`--${name} must be a whole number from 1 to ${most}.`)
}
