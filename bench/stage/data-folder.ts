import { createHash } from 'node:crypto'
import { constants, existsSync, readdirSync, readFileSync } from 'node:fs'
import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Population } from '../prepare/protocol.js'
import { type Preparation, type Progress, startPreparation } from './preparation.js'

/** Base of the addresses in certificates, so that a folder outlives the port of a run. */
export const pkiUrl = 'http://pki.kyso.test'

const checkout = fileURLToPath(new URL('../../..', import.meta.url))
const build = join(checkout, 'build')
/** What a prepared folder is made by; when it changes, the folder is made anew. */
const makers = [
  'keys',
  'softhsm',
  'bench/prepare/bulk-rows.ts',
  'bench/prepare/bulk.ts',
  'bench/prepare/certificate-template.ts',
  'bench/prepare/enrol.ts',
  'src/audit/chain.ts',
  'src/enrolment/sealed-fields.ts',
  'src/hsm/encryption-key.ts',
  'src/hsm/master-key-program.ts',
  'src/hsm/master-key.ts',
  'src/hsm/seal-key.ts',
  'src/hsm/secret-keys.ts',
  'src/hsm/templates.ts',
  'src/pki',
  'src/store/migrations',
  'src/store/seals.ts'
]

/** A data folder of this run's own, with people in it. */
export interface DataFolder<People extends Population = Population> {
  path: string
  population: People
  remove(): Promise<void>
}

/** How a data folder is prepared that is kept in `build/`. */
export interface KeptFolder<People extends Population> {
  /** Part of its name; a folder of the same name that was made otherwise is removed. */
  name: string
  /** A sentence on what takes so long. */
  about: string
  /** Fills it. */
  make(preparation: Preparation): Promise<People>
}

/** People with an RSA-2048 and a P-256 credential each, enrolled through the service's own middle floor. */
export function openDataFolder(
  people: number,
  say: (line: string) => void,
  progress: Progress
): Promise<DataFolder> {
  const about = `preparing ${people} people with an RSA-2048 and a P-256 credential each, once`
  return openKeptFolder(
    { name: String(people), about, make: (preparation) => preparation.enrol(people, progress) },
    say
  )
}

/** Copies a prepared data folder: token, database and people. The first run prepares it, and keeps it for the next. */
export async function openKeptFolder<People extends Population>(
  { name, about, make }: KeptFolder<People>,
  say: (line: string) => void
): Promise<DataFolder<People>> {
  const kept = join(build, `bench-data-${name}-${makersHash()}`)
  if (!existsSync(kept)) {
    say(`${about}; kept in ${kept}`)
    await prepare(name, kept, make)
  }
  const folder = await mkdtemp(join(tmpdir(), 'kyso-bench-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    // Where the file system can, the copy shares what neither changes.
    const mode = constants.COPYFILE_FICLONE
    await cp(join(kept, 'data'), join(folder, 'data'), { recursive: true, mode })
    const population = JSON.parse(await readFile(join(kept, 'population.json'), 'utf8')) as People
    return { path: join(folder, 'data'), population, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

async function prepare<People extends Population>(
  name: string,
  kept: string,
  make: KeptFolder<People>['make']
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'kyso-bench-'))
  try {
    const path = join(folder, 'data')
    const preparation = await startPreparation({
      DATA_DIR: path,
      PKI_URL: pkiUrl,
      SEED: 'none',
      KEY_POOL: '0'
    })
    try {
      const population = await make(preparation)
      await writeFile(join(folder, 'population.json'), JSON.stringify(population), { mode: 0o600 })
    } finally {
      await preparation.close()
    }
    for (const old of readdirSync(build)) {
      if (old.startsWith(`bench-data-${name}-`)) await rm(join(build, old), { recursive: true })
    }
    await cp(folder, `${kept}.new`, { recursive: true })
    await rename(`${kept}.new`, kept)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function makersHash(): string {
  const files = makers.flatMap((maker) =>
    maker.endsWith('.ts')
      ? [maker]
      : readdirSync(join(checkout, maker), { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name).slice(checkout.length))
  )
  const hash = createHash('sha256')
  for (const file of files.sort()) hash.update(`\0${file}\0`).update(readFileSync(join(checkout, file)))
  return hash.digest('hex').slice(0, 12)
}
