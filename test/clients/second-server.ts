import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findSoftHsmModule, prepareSoftHsm } from '../../src/hsm/softhsm.js'
import { templatePkiUrl, type World } from '../world.js'
import { ServerProcess } from './server-process.js'

/** A second server on the database and token of the first, which calls itself by the same name. Ends with the test. */
export async function startSecond(
  t: { teardown(work: () => Promise<void>): void },
  world: World
): Promise<ServerProcess> {
  const { host, user, password, database } = world.connection
  const modulePath = findSoftHsmModule()
  if (modulePath === null) throw new Error('SoftHSM is not installed')
  const { confPath } = prepareSoftHsm(join(world.dataDir, 'softhsm'))
  const folder = await mkdtemp(join(tmpdir(), 'kyso-second-'))
  const server = await ServerProcess.start(folder, {
    PUBLIC_URL: world.url,
    PKI_URL: templatePkiUrl,
    DATABASE_URL: `postgres://${user}:${encodeURIComponent(String(password))}@localhost/${database}?host=${host}`,
    PKCS11_MODULE: modulePath,
    PKCS11_PIN_FILE: join(world.dataDir, 'pkcs11-pin'),
    SOFTHSM2_CONF: confPath,
    SIGNING_WORKERS: '1',
    KEY_POOL: '0'
  })
  t.teardown(async () => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })
  return server
}
