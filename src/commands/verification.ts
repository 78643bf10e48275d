import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { pino } from 'pino'
import type { AuditSource } from '../audit/evidence.js'
import { needsEvidence } from '../audit/evidence.js'
import { reportLines } from '../audit/report.js'
import { verifyAudit } from '../audit/verify.js'
import { readConfig } from '../config.js'
import { StartError } from '../errors.js'
import { createExportHistory, writeExport } from '../store/audit-export.js'
import { createDatabaseHistory } from '../store/audit-history.js'
import { publicKeyPath, readCheckpointFile, readPublicKeys } from '../store/checkpoint-file.js'
import { openReadOnly } from '../store/command-database.js'

const usage = `npm run audit:verify [-- options]

Checks the audit chains, their checkpoints and the biometric token behind every signature.

  (no option)           the database of the settings (DATABASE_URL, or the embedded one in DATA_DIR)
  --export FILE         an export instead of a database
  --database URL        another PostgreSQL
  --data-dir DIR        another data folder: its embedded database, unless --export or --database is given too,
                        its checkpoints and its public key
  --public-key FILE     PEM of the keys whose checkpoints count, instead of audit/public-key.pem in the data folder
  --json                the report as JSON
  --write-export FILE   write an export of the database instead of checking it
  --help                this text

Ends with 0 when the audit is whole, 1 when it is broken, 2 when it could not be checked.`

const whole = 0
const broken = 1
const notChecked = 2

/** What cannot be done as asked; `message` is for the person who asked. */
class UsageError extends Error {}

/** Where the output goes. */
export interface Output {
  out(line: string): void
  err(line: string): void
}

/**
 * The command `audit:verify`.
 * @param args Without node and script.
 * @returns The exit code.
 */
export async function auditVerify(args: readonly string[], { out, err }: Output): Promise<number> {
  try {
    const options = readOptions(args)
    if (options.help) {
      out(usage)
      return whole
    }
    const place = placeOf(options)
    const history = await openHistory(place)
    // A PostgreSQL that was started for this would stay behind.
    const interrupted = () => void history.close().finally(() => process.exit(notChecked))
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupted)
    try {
      return await work(options, place, history.source, { out, err })
    } finally {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupted)
      await history.close()
    }
  } catch (error) {
    err(error instanceof Error ? error.message : String(error))
    if (error instanceof UsageError) err('--help tells more.')
    return notChecked
  }
}

function readOptions(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        export: { type: 'string' },
        database: { type: 'string' },
        'data-dir': { type: 'string' },
        'public-key': { type: 'string' },
        'write-export': { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' }
      }
    }).values
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

type Options = ReturnType<typeof readOptions>

/** What is to be read. `dataDir` null: no data folder belongs to it. */
interface Place {
  history: { exportFile: string } | { databaseUrl: string } | { dataDir: string }
  dataDir: string | null
}

function placeOf(options: Options): Place {
  const dataDir = options['data-dir'] === undefined ? null : resolve(options['data-dir'])
  if (options.export !== undefined) {
    if (options.database !== undefined) throw new UsageError('Give --export or --database, not both.')
    if (options['write-export'] !== undefined) throw new UsageError('--write-export reads a database.')
    return { history: { exportFile: options.export }, dataDir }
  }
  if (options.database !== undefined) return { history: { databaseUrl: options.database }, dataDir }
  if (dataDir !== null) return { history: { dataDir }, dataDir }
  const { databaseUrl, dataDir: own } = readConfig()
  return { history: databaseUrl === null ? { dataDir: own } : { databaseUrl }, dataDir: own }
}

async function openHistory({ history }: Place): Promise<{ source: AuditSource; close: () => Promise<void> }> {
  if ('exportFile' in history) {
    if (!existsSync(history.exportFile)) throw new StartError(`There is no file ${history.exportFile}.`)
    return { source: createExportHistory(history.exportFile), close: async () => {} }
  }
  const { database, close } = await openReadOnly(history, pino({ level: 'silent' }))
  return { source: createDatabaseHistory(database, needsEvidence), close }
}

async function work(options: Options, place: Place, source: AuditSource, output: Output): Promise<number> {
  const { out, err } = output
  const target = options['write-export']
  if (target !== undefined) {
    const { events, checkpoints, evidence } = await writeExport(source, target)
    out(`${target}: ${events} events, ${checkpoints} checkpoints, evidence for ${evidence} activations.`)
    return whole
  }
  const report = await verifyAudit({
    source,
    trustedSpki: await trustedKeys(options, place),
    kept: keptCheckpoints(place, output),
    onProgress: (events) => events % 100_000 === 0 && err(`${events} events ...`)
  })
  if (options.json) out(JSON.stringify(report, null, 2))
  else for (const line of reportLines(report)) out(line)
  return report.whole ? whole : broken
}

async function trustedKeys(options: Options, { dataDir }: Place): Promise<string[]> {
  const path = options['public-key'] ?? (dataDir === null ? null : publicKeyPath(dataDir))
  if (path === null) {
    throw new UsageError('Whose checkpoints count? Give --public-key, or --data-dir of the server.')
  }
  return readPublicKeys(path).catch((error: Error) => {
    throw new UsageError(`The public key of the checkpoints cannot be read: ${error.message}.`)
  })
}

function keptCheckpoints({ dataDir }: Place, { err }: Output) {
  if (dataDir === null) {
    err('No data folder was given: checkpoints removed from the database cannot be found.')
    return null
  }
  if (existsSync(join(dataDir, 'audit', 'checkpoints.jsonl'))) return readCheckpointFile(dataDir)
  err(`${dataDir} keeps no checkpoints: those removed from the database cannot be found.`)
  return null
}
