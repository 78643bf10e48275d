import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Clock } from './clock.js'
import { closeAll } from './closing.js'
import type { Config } from './config.js'
import { StartError } from './errors.js'
import type { Hsm, HsmSettings } from './hsm/hsm.js'
import { openHsm } from './hsm/open.js'
import { findSoftHsmModule, prepareSoftHsm, useSoftHsm } from './hsm/softhsm.js'
import { openDataDir, secretFile } from './store/data-dir.js'
import type { Database } from './store/database.js'
import { startEmbeddedPostgres } from './store/embedded.js'
import { migrate } from './store/migrate.js'
import { openDatabase } from './store/open.js'

/** Octets of a generated PIN before it is written as text. */
const pinOctets = 24

/** The ground floor, open: everything that keeps state. */
export interface Ground {
  database: Database
  hsm: Hsm
  /** HSM first, so that nothing is signed that could not be recorded; then the database. */
  close(): Promise<void>
}

/**
 * Opens database and HSM side by side.
 * @throws StartError with a sentence for whoever started the server.
 */
export async function openGround(config: Config, log: Logger, now: Clock): Promise<Ground> {
  const [store, hsm] = await Promise.allSettled([openStore(config, log, now), openToken(config, log)])
  if (store.status === 'rejected' || hsm.status === 'rejected') {
    if (hsm.status === 'fulfilled') await hsm.value.close()
    if (store.status === 'fulfilled') await store.value.close()
    throw store.status === 'rejected' ? store.reason : (hsm as PromiseRejectedResult).reason
  }
  for (const notice of hsm.value.notices) log.warn(notice)
  return {
    database: store.value.database,
    hsm: hsm.value,
    close: () => closeAll([store.value.close, hsm.value.close], log)
  }
}

async function openStore(config: Config, log: Logger, now: Clock) {
  const embedded =
    config.databaseUrl === null ? await startEmbeddedPostgres({ dataDir: config.dataDir, log }) : null
  try {
    const connection = embedded?.connection ?? (config.databaseUrl as string)
    await migrate({ connection, log, now })
    const database = await openDatabase({ connection, log })
    return {
      database,
      async close() {
        await database.close()
        await embedded?.stop()
      }
    }
  } catch (error) {
    await embedded?.stop()
    throw error
  }
}

/** Where the data folder keeps what opens its token. */
const pinFile = 'pkcs11-pin'
const soPinFile = 'pkcs11-so-pin'

/**
 * Opens the HSM of an installation for a command, whether or not a server has it open: processes share a token. It gets
 * one worker and no keys made ahead, since it seals and does not sign.
 * @param holdsFolder Whether the data folder is taken, by this process or by the server that runs on it. If not, it is
 *   taken while secrets are made that do not exist yet.
 * @throws StartError, ServiceError `hsm_unavailable`.
 */
export async function openCommandToken(config: Config, log: Logger, holdsFolder: boolean): Promise<Hsm> {
  const small = { ...config, signingWorkers: 1, keyCache: 1, keyPool: 0 }
  const lastMade = config.pkcs11Module === null ? soPinFile : config.pkcs11Pin === null ? pinFile : null
  if (holdsFolder || lastMade === null || existsSync(join(config.dataDir, lastMade)))
    return openToken(small, log)
  const folder = await openDataDir(config.dataDir)
  try {
    return await openToken(small, log)
  } finally {
    await folder.release()
  }
}

/** SoftHSM with a token of our own in the data folder, unless the settings name another module. */
async function openToken(config: Config, log: Logger): Promise<Hsm> {
  const own = config.pkcs11Module === null
  const modulePath = config.pkcs11Module ?? findSoftHsmModule()
  if (modulePath === null) {
    throw new StartError(
      'SoftHSM is not installed: run softhsm/install.sh, or set PKCS11_MODULE to another module.'
    )
  }
  const pin = config.pkcs11Pin ?? (await secretFile(config.dataDir, pinFile, pinOctets))
  const soPin = own ? await secretFile(config.dataDir, soPinFile, pinOctets) : null
  let shared: Pick<HsmSettings, 'lockPath' | 'discardToken'> = {}
  if (own) {
    const prepared = prepareSoftHsm(join(config.dataDir, 'softhsm'))
    useSoftHsm(prepared.confPath)
    shared = { lockPath: prepared.lockPath, discardToken: prepared.discardToken }
  }
  return openHsm(
    {
      modulePath,
      tokenLabel: config.pkcs11Token,
      pin,
      soPin,
      keyStorage: config.keyStorage,
      workers: config.signingWorkers,
      keyCacheSize: config.keyCache,
      preparedKeys: config.keyPool,
      ...shared
    },
    (level, message, fields) => log[level](fields ?? {}, message)
  )
}
