import { realpathSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { pino } from 'pino'
import { v7 as uuidv7 } from 'uuid'
import type { OperatorRole } from '../access/access.js'
import { createOperators } from '../access/operators.js'
import { createRefusals } from '../access/refusals.js'
import type { Audit } from '../audit/audit.js'
import { createChainWriter } from '../audit/writer.js'
import type { Clock } from '../clock.js'
import { type Closing, closeAll } from '../closing.js'
import { readConfig } from '../config.js'
import { ServiceError } from '../errors.js'
import { openCommandToken } from '../ground.js'
import { createAuditStore } from '../store/audit.js'
import { openCommandDatabase } from '../store/command-database.js'
import type { Database } from '../store/database.js'
import { createOperatorStore } from '../store/operators.js'
import { createSeals } from '../store/seals.js'

const roles: readonly OperatorRole[] = ['registrar', 'auditor', 'administrator']

const usage = `npm run operator:create -- --role ROLE --name NAME

Makes an operator and prints the key, once: only its SHA-256 is kept, sealed by the HSM. Works on the database and the
HSM of the settings, whether or not the server runs.

  --role ROLE   registrar, auditor or administrator
  --name NAME   what lists and reports call the operator, 1 to 128 characters
  --help        this text

Ends with 0 when the operator was made, 2 when not.`

const made = 0
const notMade = 2

/** Operators whose seals tell whether this HSM is the installation's. */
const knownMax = 20
const foreignHsm =
  'Warning: no operator in this database carries a seal of this HSM. A server with another HSM refuses the key.'

/** What cannot be done as asked; `message` is for the person who asked. */
class UsageError extends Error {}

/** Where the output goes: the key alone to `out`, what is said about it to `err`. */
export interface Output {
  out(line: string): void
  err(line: string): void
}

/**
 * The command `operator:create`.
 * @param args Without node and script.
 * @returns The exit code.
 */
export async function operatorCreate(args: readonly string[], { out, err }: Output): Promise<number> {
  const now: Clock = () => new Date()
  try {
    const wanted = readOptions(args)
    if (wanted === null) {
      out(usage)
      return made
    }
    const config = readConfig()
    const { databaseUrl, dataDir } = config
    const log = pino({ level: 'silent' })
    const { database, close } = await openCommandDatabase(
      databaseUrl === null ? { dataDir } : { databaseUrl },
      { log, now }
    )
    const open: Closing[] = [close]
    // A PostgreSQL that was started for this would stay behind.
    const interrupted = () => void closeAll(open, log).finally(() => process.exit(notMade))
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupted)
    try {
      const hsm = await openCommandToken(config, log, databaseUrl === null)
      open.push(hsm.close)
      const store = createOperatorStore(database, createSeals({ mac: hsm.mac }))
      const known = await store.list({ after: null, limit: knownMax })
      if (known.length > 0 && !known.some(({ intact }) => intact)) err(foreignHsm)
      const chain = await startChain(database, now)
      const operators = createOperators({
        store,
        audit: chain,
        refusals: createRefusals({ audit: chain }),
        now
      })
      const { operator, key } = await operators.create(wanted, chain.actor)
      out(key)
      err(`Operator ${operator.id}, ${operator.name}, ${operator.role}. The key is not shown again.`)
      return made
    } finally {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupted)
      await closeAll(open, log)
    }
  } catch (error) {
    err(reasonOf(error))
    if (error instanceof UsageError) err('--help tells more.')
    return notMade
  }
}

/** Detail included: whoever runs this may read the log. */
function reasonOf(error: unknown): string {
  if (error instanceof ServiceError && error.message !== error.says)
    return `${error.says.replace(/\.$/, '')}: ${error.message}.`
  return error instanceof Error ? error.message : String(error)
}

/**
 * The audit of this process: a chain of its own, as every server process has one, whose first event names the heads of
 * all others. It makes no checkpoint, since the file of checkpoints is the server's: the next one of any server signs the
 * head of this chain too, and until then the first event of the next server's chain names it.
 */
async function startChain(database: Database, now: Clock): Promise<Audit & { actor: string }> {
  const id = uuidv7({ msecs: now().getTime() })
  const actor = `server:${id}`
  const store = createAuditStore(database)
  const writer = createChainWriter({ chain: id, store, now, log: pino({ level: 'silent' }) })
  const heads = (await store.heads()).map(({ chain, seq, hash }) => ({ chain, seq, hash }))
  heads.sort((a, b) => (a.chain < b.chain ? -1 : 1))
  await writer.record([{ type: 'chain.started', actor, about: { command: 'operator:create', heads } }])
  return {
    actor,
    record: (...events) => writer.record(events),
    recordEnding: (ending, ...events) => writer.recordEnding(ending, events),
    recordWith: writer.recordWith
  }
}

/** Null: help was asked for. */
function readOptions(args: readonly string[]): { role: OperatorRole; name: string } | null {
  const { role: roleGiven, name, help } = parse(args)
  if (help) return null
  const role = roles.find((one) => one === roleGiven)
  if (role === undefined) throw new UsageError(`--role must be one of ${roles.join(', ')}.`)
  if (name === undefined) throw new UsageError('--name is missing.')
  return { role, name }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        role: { type: 'string' },
        name: { type: 'string' },
        help: { type: 'boolean', short: 'h' }
      }
    }).values
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

const script = process.argv[1]
if (script !== undefined && realpathSync(script) === import.meta.filename) {
  process.exitCode = await operatorCreate(process.argv.slice(2), {
    out: (line) => console.log(line),
    err: (line) => console.error(line)
  })
}
