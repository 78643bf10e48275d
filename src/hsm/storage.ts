import type { Handle } from 'pkcs11js'
import pkcs11 from 'pkcs11js'
import { ServiceError } from '../errors.js'
import { CKR, hsmUnavailable, readCkr } from './ckr.js'
import { ecdsaDer } from './encodings.js'
import { type Generator, generatePair } from './generate.js'
import type { KeyStorage, SignResult, StoredKey } from './hsm.js'
import type { Live, LiveToken } from './live.js'
import { findMasterKey, wrapMechanism, wrappedKeyLimit } from './master-key.js'
import { destroyQuietly, findObjects, readAttribute } from './objects.js'
import type { Pool } from './pool.js'
import type { KeyReference } from './protocol.js'
import { checkScheme } from './schemes.js'
import { subscriberKeySearch, subscriberLabelPrefix } from './templates.js'

const idLimit = 64

/**
 * Subscriber keys. `mode` decides how new ones are stored; keys of either kind are signed with, so that an
 * installation can change over.
 */
export function createKeyStorage(deps: {
  mode: 'wrapped' | 'token'
  live: Live
  generator: Generator
  pool: Pool
  onTrouble: () => void
}): KeyStorage {
  const { mode, live, generator, pool, onTrouble } = deps

  /** The wrapped private key. The master key is looked up again if its handle has died. */
  function wrap(token: LiveToken, session: Handle, privateKey: Handle): Uint8Array {
    const attempt = () => {
      if (token.masterKey === null)
        throw new ServiceError('hsm_unavailable', 'the token does not hold the master key')
      const output = Buffer.alloc(wrappedKeyLimit)
      return new Uint8Array(token.lib.C_WrapKey(session, wrapMechanism, token.masterKey, privateKey, output))
    }
    try {
      return attempt()
    } catch (error) {
      const code = readCkr(error)
      if (code !== CKR.OBJECT_HANDLE_INVALID && code !== CKR.WRAPPING_KEY_HANDLE_INVALID) throw error
      token.masterKey = findMasterKey(token.lib, token.session)
      return attempt()
    }
  }

  return {
    async generate(id, algorithm) {
      if (id.length === 0 || id.length > idLimit)
        throw new RangeError(`a key's id has 1 to ${idLimit} characters`)
      const tokenKeyId = mode === 'token' ? new Uint8Array(Buffer.from(id, 'utf8')) : null
      try {
        return await generator.run(async (token, session) => {
          const birth =
            tokenKeyId === null
              ? ({ kind: 'session' } as const)
              : ({
                  kind: 'token',
                  label: subscriberLabelPrefix + id,
                  id: tokenKeyId,
                  keepPublic: false
                } as const)
          const pair = await generatePair(token.lib, session, algorithm, birth)
          try {
            const wrapped = tokenKeyId === null ? wrap(token, session, pair.privateKey) : null
            return { id, algorithm, spki: pair.spki, wrapped, tokenKeyId }
          } finally {
            destroyQuietly(token.lib, session, pair.publicKey)
            if (tokenKeyId === null) destroyQuietly(token.lib, session, pair.privateKey)
          }
        })
      } catch (error) {
        if (readCkr(error) !== null) onTrouble()
        throw hsmUnavailable('a key pair could not be generated', error)
      }
    },

    async sign(key, scheme, digests) {
      checkScheme(key.algorithm, scheme, digests)
      const results = await pool.sign(referenceTo(key), scheme, digests)
      return scheme.type === 'ecdsa' ? results.map(inDer) : results
    },

    paceMs: pool.paceMs,
    backlogMs: pool.backlogMs,

    async destroy({ id, tokenKeyId }) {
      await pool.forget(nameOf(id))
      if (tokenKeyId === null) return
      const { lib, session } = live()
      try {
        for (const handle of findObjects(lib, session, subscriberKeySearch(tokenKeyId))) {
          lib.C_DestroyObject(session, handle)
        }
      } catch (error) {
        onTrouble()
        throw hsmUnavailable(`key ${id} could not be destroyed`, error)
      }
    }
  }
}

/** CKA_IDs of all private token objects that are subscriber keys. */
export function findSubscriberKeys({ lib, session }: LiveToken): Uint8Array[] {
  const search = [
    { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_PRIVATE_KEY },
    { type: pkcs11.CKA_TOKEN, value: true }
  ]
  return findObjects(lib, session, search).flatMap((handle) => {
    const label = readAttribute(lib, session, handle, pkcs11.CKA_LABEL)?.toString('utf8') ?? ''
    const id = readAttribute(lib, session, handle, pkcs11.CKA_ID)
    return id !== null && label.startsWith(subscriberLabelPrefix) ? [new Uint8Array(id)] : []
  })
}

/** One reference a key, so that its content is compared once and not at each signature. */
const references = new WeakMap<StoredKey, KeyReference>()

function referenceTo(key: StoredKey): KeyReference {
  const known = references.get(key)
  if (known !== undefined) return known
  const reference = makeReference(key)
  references.set(key, reference)
  return reference
}

const nameOf = (id: string) => `subscriber:${id}`

function makeReference({ id, algorithm, spki, wrapped, tokenKeyId }: StoredKey): KeyReference {
  const name = nameOf(id)
  if (wrapped !== null && tokenKeyId === null)
    return { name, algorithm, spki, source: { type: 'wrapped', blob: wrapped } }
  if (wrapped === null && tokenKeyId !== null)
    return { name, algorithm, spki, source: { type: 'subscriber', tokenKeyId } }
  throw new TypeError(`key ${id} is stored in neither or both ways`)
}

function inDer(result: SignResult): SignResult {
  return result.outcome === 'signed' ? { ...result, signature: ecdsaDer(result.signature) } : result
}
