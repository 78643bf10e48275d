import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Handle } from 'pkcs11js'
import { ServiceError } from '../errors.js'
import { CKR, describe, hsmUnavailable, readCkr } from './ckr.js'
import { createSecrets, findEncryptionKey, makeEncryptionKey } from './encryption-key.js'
import { createGenerator } from './generate.js'
import type { Hsm, HsmSettings, Secrets } from './hsm.js'
import type { LiveToken } from './live.js'
import { createExclusive, type Exclusive } from './lock.js'
import type { Log } from './log.js'
import { findMasterKey, makeMasterKey, weaknessesOf } from './master-key.js'
import { runMasterKeyProgram } from './master-key-program.js'
import { type Cryptoki, initialise, loadModule } from './module.js'
import { createPool } from './pool.js'
import { prepareKeys } from './prepared-keys.js'
import type { WorkerSetup } from './protocol.js'
import { createSealer, findSealKey, makeSealKey } from './seal-key.js'
import { createKeyStorage, findSubscriberKeys } from './storage.js'
import { masterKeyLabel } from './templates.js'
import { findSlot, hasUserPin, initialiseToken, login, openSession, setUserPin } from './token.js'
import { createTokenKeys } from './token-keys.js'
import { createWatch } from './watch.js'

const queueLimitDefault = 4096
const generatingAtOnce = 2
const generatingQueueLimit = 256
const macMessageLimit = 65_536
/** MACs computed before the event loop gets its turn: less than a millisecond. */
const macsInARow = 32

/** Modules this process has open: C_Finalize of one `Hsm` would close the other's. */
const openModules = new Set<string>()

/**
 * Opens the HSM: loads the module, finds the token by its label or initialises it, makes the master key, the seal key
 * and the encryption key if they are missing, and starts the signing workers.
 * @param log Gets sentences and plain values only.
 * @throws ServiceError `hsm_unavailable` with the reason: no module, no token, wrong PIN, a key that cannot be made.
 */
export async function openHsm(settings: HsmSettings, log: Log): Promise<Hsm> {
  if (openModules.has(settings.modulePath))
    throw new TypeError('this process has the PKCS#11 module open already')
  checkSettings(settings)
  const cryptoki = loadModule(settings.modulePath)
  openModules.add(settings.modulePath)
  const { lib } = cryptoki
  const exclusive = createExclusive(settings.lockPath ?? null, log)
  let token: LiveToken | null = null
  let closing: Promise<void> | null = null

  const live = () => {
    if (token === null)
      throw new ServiceError('hsm_unavailable', closing ? 'the HSM is closed' : 'the token is lost')
    return token
  }
  const onTrouble = () => watch.suspect()
  const generator = createGenerator(live, { lanes: generatingAtOnce, queueLimit: generatingQueueLimit })
  const sealer = createSealer(live)
  const secrets = watched(createSecrets(live), onTrouble)
  const pool = createPool({
    spawn: (progress) => startWorker(settings, progress),
    workers: settings.workers,
    keysPerWorker: keysPerWorker(settings),
    queueLimit: settings.queueLimit ?? queueLimitDefault,
    log,
    onTrouble
  })
  const stored = createKeyStorage({ mode: settings.keyStorage, live, generator, pool, onTrouble })
  const limit = settings.keyStorage === 'wrapped' ? (settings.preparedKeys ?? 0) : 0
  const keys = prepareKeys({ keys: stored, limit, load: pool.stats, log })
  const tokenKeys = createTokenKeys({ live, generator, exclusive, pool })

  /** Ends everything that is inside the module, then the module's own state. */
  async function goDown(): Promise<void> {
    const last = token
    token = null
    await Promise.all([generator.stop(), pool.stop()])
    try {
      if (last !== null) lib.C_CloseAllSessions(last.slot)
    } catch {
      // of a lost token no session is left
    }
    finalise(cryptoki)
  }

  /** Opens a token that was lost. Makes nothing: a token without its keys is not the one that was lost. */
  async function comeUp(): Promise<boolean> {
    try {
      initialise(cryptoki)
      const slot = findSlot(lib, settings.tokenLabel)
      if (slot !== null) {
        token = withKeys(cryptoki, slot, openMainSession(cryptoki, slot, settings))
        if (token !== null) {
          await pool.start()
          return true
        }
      }
    } catch (error) {
      log('warn', 'the HSM token cannot be opened yet', { why: describe(error) })
    }
    await goDown()
    return false
  }

  const watch = createWatch({
    probe: () => {
      const { slot } = live()
      lib.C_GetTokenInfo(slot)
      sealer.mac(Buffer.from('check'))
    },
    goDown,
    comeUp,
    log
  })

  let notices: string[]
  try {
    const slot = await provideToken(cryptoki, settings, exclusive, log)
    const session = openMainSession(cryptoki, slot, settings)
    await provideKeys(cryptoki, session, settings, exclusive, log)
    token = withKeys(cryptoki, slot, session)
    if (token === null)
      throw new ServiceError('hsm_unavailable', 'the token does not hold the keys just made')
    notices = token.masterKey === null ? [] : weaknessesOf(lib, token.session, token.masterKey)
    await pool.start()
  } catch (error) {
    await goDown()
    release(cryptoki, settings)
    throw hsmUnavailable('the HSM cannot be opened', error)
  }

  return {
    keys,
    tokenKey: tokenKeys.open,
    async mac(messages) {
      for (const { length } of messages) {
        if (length === 0 || length > macMessageLimit) {
          throw new RangeError(`a message has 1 to ${macMessageLimit} octets, not ${length}`)
        }
      }
      const macs: Uint8Array[] = []
      try {
        for (const message of messages) {
          if (macs.length > 0 && macs.length % macsInARow === 0) await setImmediate()
          macs.push(sealer.mac(message))
        }
      } catch (error) {
        if (readCkr(error) !== null) onTrouble()
        throw hsmUnavailable('a MAC could not be computed', error)
      }
      return macs
    },
    secrets,
    async storedTokenKeyIds() {
      try {
        return findSubscriberKeys(live())
      } catch (error) {
        throw hsmUnavailable('the keys in the token cannot be listed', error)
      }
    },
    async check() {
      watch.check()
    },
    notices,
    stats: () => ({ ...pool.stats(), keysPrepared: keys.count() }),
    close() {
      closing ??= Promise.all([watch.stop(), keys.stop()])
        .then(goDown)
        .finally(() => release(cryptoki, settings))
      return closing
    }
  }
}

/** Failures as the rest of the house may see them; what looks like a lost token is looked into. */
function watched({ encrypt, decrypt }: Secrets, onTrouble: () => void): Secrets {
  const guarded = async (work: Promise<Uint8Array>): Promise<Uint8Array> => {
    try {
      return await work
    } catch (error) {
      if (error instanceof RangeError) throw error
      if (readCkr(error) !== null) onTrouble()
      throw hsmUnavailable('a secret could not be encrypted or decrypted', error)
    }
  }
  return {
    encrypt: (plain, context) => guarded(encrypt(plain, context)),
    decrypt: (encrypted, context) => guarded(decrypt(encrypted, context))
  }
}

function checkSettings({ workers, keyCacheSize, queueLimit = queueLimitDefault }: HsmSettings): void {
  if (!Number.isInteger(workers) || workers < 1 || workers > 64) throw new RangeError('workers: 1 to 64')
  if (!Number.isInteger(keyCacheSize) || keyCacheSize < 1) throw new RangeError('keyCacheSize: at least 1')
  if (!Number.isInteger(queueLimit) || queueLimit < 1) throw new RangeError('queueLimit: at least 1')
}

/** The token's slot; on a first start the token is made. The module is initialised afterwards. */
async function provideToken(
  cryptoki: Cryptoki,
  { tokenLabel, soPin, pin, discardToken }: HsmSettings,
  exclusive: Exclusive,
  log: Log
): Promise<Handle> {
  const { lib } = cryptoki
  initialise(cryptoki)
  const slot = findSlot(lib, tokenLabel)
  if (slot !== null && (soPin === null || hasUserPin(lib, slot))) return slot
  if (soPin === null) throw new ServiceError('hsm_unavailable', `no token is called ${tokenLabel}`)
  finalise(cryptoki)
  return exclusive(async () => {
    initialise(cryptoki) // only now does the module see a token that another process has just made
    const make = (): Handle => {
      log('info', 'initialising the HSM token', { label: tokenLabel })
      const made = initialiseToken(lib, tokenLabel, soPin)
      setUserPin(lib, made, soPin, pin)
      return made
    }
    const found = findSlot(lib, tokenLabel)
    if (found === null) return make()
    if (hasUserPin(lib, found)) return found
    try {
      setUserPin(lib, found, soPin, pin)
      return found
    } catch (error) {
      if (discardToken === undefined || readCkr(error) !== CKR.PIN_INCORRECT) throw error
      const { serialNumber } = lib.C_GetTokenInfo(found)
      log('warn', 'the HSM token was left unfinished and is made anew', { label: tokenLabel, serialNumber })
      finalise(cryptoki)
      discardToken(serialNumber.trim())
      initialise(cryptoki)
      return make()
    }
  })
}

/** Makes the keys that are missing. */
async function provideKeys(
  { lib }: Cryptoki,
  session: Handle,
  { modulePath, tokenLabel, pin, keyStorage }: HsmSettings,
  exclusive: Exclusive,
  log: Log
): Promise<void> {
  await makeSealKey(lib, session, exclusive)
  await makeEncryptionKey(lib, session, exclusive)
  if (keyStorage !== 'wrapped') return
  await makeMasterKey(lib, session, {
    exclusive,
    program: () => runMasterKeyProgram({ modulePath, tokenLabel, keyLabel: masterKeyLabel, pin }),
    log: (message) => log('warn', message)
  })
}

/** The session that keeps the process logged in. */
function openMainSession({ lib }: Cryptoki, slot: Handle, { pin }: HsmSettings): Handle {
  const session = openSession(lib, slot)
  login(lib, session, pin)
  return session
}

/** The token with its keys. Null: the seal key or the encryption key is missing. */
function withKeys({ lib }: Cryptoki, slot: Handle, session: Handle): LiveToken | null {
  const sealKey = findSealKey(lib, session)
  const encryptionKey = findEncryptionKey(lib, session)
  if (sealKey === null || encryptionKey === null) return null
  return { lib, slot, session, sealKey, encryptionKey, masterKey: findMasterKey(lib, session) }
}

/** Each worker has its own share of the cache. */
const keysPerWorker = ({ keyCacheSize, workers }: HsmSettings): number => Math.ceil(keyCacheSize / workers)

function startWorker(settings: HsmSettings, progress: Int32Array): Worker {
  const setup: WorkerSetup = {
    modulePath: settings.modulePath,
    tokenLabel: settings.tokenLabel,
    pin: settings.pin,
    keyCacheSize: keysPerWorker(settings),
    progress
  }
  return new Worker(new URL('./worker.js', import.meta.url), { execArgv: [], workerData: setup })
}

/** C_Finalize, unless that was done. Nobody may be inside the module. */
function finalise({ module }: Cryptoki): void {
  try {
    module.finalize()
  } catch {
    // not initialised: nothing to end
  }
}

function release({ module }: Cryptoki, { modulePath }: HsmSettings): void {
  try {
    module.close()
  } finally {
    openModules.delete(modulePath)
  }
}
