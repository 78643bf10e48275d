import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Population } from '../prepare/protocol.js'
import { type Progress, startPreparation } from './preparation.js'

/** Base of the addresses in certificates, so that a folder outlives the port of a run. */
export const pkiUrl = 'http://pki.kyso.test'

const checkout = fileURLToPath(new URL('../../..', import.meta.url))
const build = join(checkout, 'build')
/** What a prepared folder is made by; when it changes, the folder is made anew. */
const makers = [
  'keys',
  'softhsm',
  'bench/prepare/enrol.ts',
  'src/audit/chain.ts',
  'src/enrolment/sealed-fields.ts',
  'src/hsm/master-key-program.ts',
  'src/hsm/master-key.ts',
  'src/hsm/seal-key.ts',
  'src/hsm/templates.ts',
  'src/pki',
  'src/store/migrations',
  'src/store/seals.ts'
]

/** A data folder of this run's own, with people in it. */
export interface DataFolder {
  path: string
  population: Population
  remove(): Promise<void>
}

/**
 * Copies a prepared data folder: token, database and everybody enrolled. The first run prepares it, through the
 * service's own middle floor, and keeps it in `build/` for the next.
 */
export async function openDataFolder(
  people: number,
  say: (line: string) => void,
  progress: Progress
): Promise<DataFolder> {
  const kept = join(build, `bench-data-${people}-${makersHash()}`)
  if (!existsSync(kept)) {
    say(`preparing ${people} people with an RSA-2048 and a P-256 credential each, once; kept in ${kept}`)
    await prepare(people, kept, progress)
  }
  const folder = await mkdtemp(join(tmpdir(), 'kyso-bench-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    await cp(join(kept, 'data'), join(folder, 'data'), { recursive: true })
    const population = JSON.parse(await readFile(join(kept, 'population.json'), 'utf8')) as Population
    return { path: join(folder, 'data'), population, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

async function prepare(people: number, kept: string, progress: Progress): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'kyso-bench-'))
  try {
    const path = join(folder, 'data')
    const preparation = await startPreparation({ DATA_DIR: path, PKI_URL: pkiUrl, SEED: 'none' })
    try {
      const population = await preparation.enrol(people, progress)
      await writeFile(join(folder, 'population.json'), JSON.stringify(population), { mode: 0o600 })
    } finally {
      await preparation.close()
    }
    for (const name of readdirSync(build)) {
      if (name.startsWith(`bench-data-${people}-`)) await rm(join(build, name), { recursive: true })
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
