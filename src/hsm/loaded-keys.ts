import { createHash, randomBytes, verify } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Handle, PKCS11 } from 'pkcs11js'
import pkcs11 from 'pkcs11js'
import { algorithms, keyTypeOf } from './algorithms.js'
import { CKR, describe, readCkr } from './ckr.js'
import { namesRsaKey } from './encodings.js'
import { findMasterKey, wrapMechanism } from './master-key.js'
import { destroyQuietly, findObjects, readAttributes } from './objects.js'
import type { KeyReference } from './protocol.js'
import { inputOf, mechanismOf } from './schemes.js'
import { installationKeySearch, subscriberKeySearch, unwrappedKeyTemplate } from './templates.js'
import type { WorkerSessions } from './worker-sessions.js'

/** A key that must not be used, whatever the token says. */
export class KeyRefused extends Error {
  override readonly name = 'KeyRefused'
  constructor(
    readonly reason: 'key_mismatch' | 'key_invalid' | 'unavailable',
    detail: string,
    options?: ErrorOptions
  ) {
    super(detail, options)
  }
}

/** Only the number of a key came, and this worker does not hold it any more. */
export class KeyNotHeld extends Error {
  override readonly name = 'KeyNotHeld'
}

/** A key by its number, with its content where the worker was not known to hold it. */
export interface NamedKey {
  number: number
  reference: KeyReference | undefined
}

interface LoadedKey {
  handle: Handle
  reference: KeyReference
  /** A session object of this worker's vault, which only this worker may destroy. */
  owned: boolean
}

/** The keys a worker holds ready, the least recently used given up first. */
export interface LoadedKeys {
  /**
   * The handle of a key, loaded and checked against its public key unless that was done already.
   * @throws KeyNotHeld, KeyRefused, or an error of the binding. Nothing was signed with the key then.
   */
  handleOf(key: NamedKey): Handle
  /** Gives up the key with a number; it can be loaded again as long as it is known. Between signatures only. */
  discard(number: number): void
  /** Gives up all keys of a name. Between signatures only. */
  forget(name: string): void
  /** Drops all handles without touching the objects, which died with their session. */
  drop(): void
  /** Looks the master key up anew before it is used next. */
  forgetMasterKey(): void
  counts(): { keyLoads: number; keyHits: number; keysLoaded: number }
}

export function createLoadedKeys(lib: PKCS11, sessions: WorkerSessions, capacity: number): LoadedKeys {
  let masterKey: Handle | null = null
  let keyLoads = 0
  let keyHits = 0
  let dropping = false
  const loaded = new LRUCache<number, LoadedKey>({
    max: capacity,
    // Destroys session objects only, and runs between two signatures: this thread does one thing at a time.
    dispose: ({ handle, owned }) => {
      if (owned && !dropping) destroyQuietly(lib, sessions.vault(), handle)
    }
  })

  function load(reference: KeyReference): LoadedKey {
    const { algorithm, source } = reference
    const vault = sessions.vault()
    if (source.type !== 'wrapped') {
      const search =
        source.type === 'subscriber'
          ? subscriberKeySearch(source.tokenKeyId)
          : installationKeySearch(source.label, 'private')
      const handle = findObjects(lib, vault, search)[0]
      if (handle === undefined) throw new KeyRefused('unavailable', 'the token does not hold the key')
      return { handle, reference, owned: false }
    }
    masterKey ??= findMasterKey(lib, vault)
    if (masterKey === null) throw new KeyRefused('unavailable', 'the token does not hold the master key')
    const blob = Buffer.from(source.blob.buffer, source.blob.byteOffset, source.blob.byteLength)
    try {
      const handle = lib.C_UnwrapKey(vault, wrapMechanism, masterKey, blob, unwrappedKeyTemplate(algorithm))
      return { handle, reference, owned: true }
    } catch (cause) {
      const code = readCkr(cause)
      if (code === null || handled.has(code)) throw cause
      // SoftHSM has one answer for a damaged blob and for a token that is gone.
      const reason = sessions.tokenAnswers() ? 'key_invalid' : 'unavailable'
      throw new KeyRefused(reason, `the key cannot be unwrapped: ${describe(cause)}`, { cause })
    }
  }

  /** The key in the HSM is the one that the certificate names (a blob carries no owner's name, see I11). */
  function matches({ handle, reference }: LoadedKey): boolean {
    const { algorithm, spki } = reference
    const rsa = algorithms[algorithm].type === 'RSA'
    const [keyType, modulus, exponent] = readAttributes(
      lib,
      sessions.vault(),
      handle,
      rsa ? [pkcs11.CKA_KEY_TYPE, pkcs11.CKA_MODULUS, pkcs11.CKA_PUBLIC_EXPONENT] : [pkcs11.CKA_KEY_TYPE]
    )
    // A CK_ULONG as the machine holds it; all machines we run on are little-endian.
    if (keyType?.readUInt32LE(0) !== keyTypeOf(algorithm)) return false
    if (modulus && exponent) return namesRsaKey(spki, modulus, exponent)
    return probe(handle, reference)
  }

  /** One signature over random octets, verified outside the HSM. */
  function probe(handle: Handle, { algorithm, spki }: KeyReference): boolean {
    const facts = algorithms[algorithm]
    const scheme = { type: facts.type === 'RSA' ? 'pkcs1' : 'ecdsa', hash: 'SHA-256' } as const
    const message = randomBytes(32)
    const { input, digestAt } = inputOf(scheme)
    createHash('sha256').update(message).digest().copy(input, digestAt)
    let signature: Buffer
    try {
      lib.C_SignInit(sessions.signing(), mechanismOf(scheme), handle)
      signature = lib.C_Sign(sessions.signing(), input, Buffer.alloc(1024))
    } catch (error) {
      sessions.replaceSigning() // an operation may be left open on it
      throw error
    }
    const key = { key: Buffer.from(spki), type: 'spki', format: 'der', dsaEncoding: 'ieee-p1363' } as const
    return verify('sha256', message, key, signature)
  }

  return {
    handleOf({ number, reference }) {
      const held = loaded.get(number)
      if (held !== undefined) {
        keyHits += 1
        return held.handle
      }
      if (reference === undefined) throw new KeyNotHeld(`key ${number} was given up`)
      const fresh = load(reference)
      keyLoads += 1
      try {
        if (!matches(fresh))
          throw new KeyRefused('key_mismatch', 'the key is not the one its public key names')
      } catch (error) {
        if (fresh.owned) destroyQuietly(lib, sessions.vault(), fresh.handle)
        throw error
      }
      loaded.set(number, fresh)
      return fresh.handle
    },
    discard(number) {
      loaded.delete(number)
    },
    forget(name) {
      // Rare, and seldom more than ten thousand.
      for (const [number, { reference }] of [...loaded.entries()])
        if (reference.name === name) loaded.delete(number)
    },
    drop() {
      dropping = true
      loaded.clear()
      dropping = false
      masterKey = null
    },
    forgetMasterKey() {
      masterKey = null
    },
    counts: () => ({ keyLoads, keyHits, keysLoaded: loaded.size })
  }
}

/** Return values after which trying again makes sense; the signer does it. */
const handled: ReadonlySet<number> = new Set([
  CKR.KEY_HANDLE_INVALID,
  CKR.OBJECT_HANDLE_INVALID,
  CKR.UNWRAPPING_KEY_HANDLE_INVALID,
  CKR.SESSION_CLOSED,
  CKR.SESSION_HANDLE_INVALID,
  CKR.USER_NOT_LOGGED_IN
])
