import { createHash } from 'node:crypto'
import { ServiceError } from '../errors.js'
import { algorithms } from './algorithms.js'
import { hsmUnavailable } from './ckr.js'
import { ecdsaDer } from './encodings.js'
import { type Generator, generatePair, publicKeyOf } from './generate.js'
import type { KeyAlgorithm, TokenKey } from './hsm.js'
import type { Live } from './live.js'
import type { Exclusive } from './lock.js'
import { findObjects } from './objects.js'
import type { Pool } from './pool.js'
import type { KeyReference } from './protocol.js'
import { checkScheme } from './schemes.js'
import {
  encryptionKeyLabel,
  installationKeySearch,
  masterKeyLabel,
  sealKeyLabel,
  subscriberLabelPrefix
} from './templates.js'

const labelLimit = 64
/** Secret keys of this folder; a pair under such a name would be mistaken for one. */
const takenLabels: readonly string[] = [masterKeyLabel, sealKeyLabel, encryptionKeyLabel]

/** Opens installation keys, making those that do not exist. */
export function createTokenKeys(deps: {
  live: Live
  generator: Generator
  exclusive: Exclusive
  pool: Pool
}) {
  const { live, generator, exclusive, pool } = deps

  /**
   * SubjectPublicKeyInfo of the key; null if there is none.
   * @param options.alone Whether nobody else, here or in another process, may be making keys meanwhile.
   */
  function find(label: string, algorithm: KeyAlgorithm, { alone }: { alone: boolean }): Uint8Array | null {
    const { lib, session } = live()
    const halves = (half: 'private' | 'public') =>
      findObjects(lib, session, installationKeySearch(label, half))
    const [privateKey, ...furtherPrivate] = halves('private')
    const [publicKey, ...furtherPublic] = halves('public')
    if (furtherPrivate.length > 0 || furtherPublic.length > 0) {
      throw new ServiceError(
        'hsm_unavailable',
        `two keys are called ${label}: one process at a time may make keys`
      )
    }
    if (privateKey === undefined) {
      // Killed between the two halves: a module writes the public one first, and it is worth nothing alone. Unless
      // nobody else may be making it right now, it is left to whoever is.
      if (publicKey !== undefined && alone) lib.C_DestroyObject(session, publicKey)
      return null
    }
    if (publicKey !== undefined) return publicKeyOf(lib, session, publicKey, algorithm)
    // An RSA private object shows both numbers. Of an EC key the public half must be there, and since a private key
    // is never without one after a crash, somebody removed it: making another key in silence would be worse.
    if (algorithms[algorithm].type === 'RSA') return publicKeyOf(lib, session, privateKey, algorithm)
    if (!alone) return null
    throw new ServiceError('hsm_unavailable', `the public half of the key ${label} is missing in the token`)
  }

  async function make(label: string, algorithm: KeyAlgorithm): Promise<void> {
    const id = createHash('sha256').update(label).digest()
    await generator.run(({ lib }, session) =>
      generatePair(lib, session, algorithm, { kind: 'token', label, id, keepPublic: true })
    )
  }

  return {
    /**
     * @param label 1 to 64 characters; the names of this folder's own keys are refused with a RangeError.
     * @throws ServiceError `hsm_unavailable`, `hsm_busy`.
     */
    async open(label: string, algorithm: KeyAlgorithm): Promise<TokenKey> {
      if (label.length === 0 || label.length > labelLimit)
        throw new RangeError(`a label has 1 to ${labelLimit} characters`)
      if (takenLabels.includes(label) || label.startsWith(subscriberLabelPrefix)) {
        throw new RangeError(`the label ${label} is taken`)
      }
      try {
        const spki =
          find(label, algorithm, { alone: false }) ??
          (await exclusive(async () => {
            if (find(label, algorithm, { alone: true }) === null) await make(label, algorithm)
            return find(label, algorithm, { alone: true })
          }))
        if (spki === null) throw new ServiceError('hsm_unavailable', `the new key ${label} does not appear`)
        return tokenKey(pool, label, algorithm, spki)
      } catch (error) {
        throw hsmUnavailable(`key ${label}`, error)
      }
    }
  }
}

function tokenKey(pool: Pool, label: string, algorithm: KeyAlgorithm, spki: Uint8Array): TokenKey {
  const reference: KeyReference = {
    name: `installation:${label}`,
    algorithm,
    spki,
    source: { type: 'installation', label }
  }
  return {
    label,
    algorithm,
    spki,
    async sign(scheme, digest, encoding) {
      checkScheme(algorithm, scheme, [digest])
      const [result] = await pool.sign(reference, scheme, [digest])
      if (result?.outcome === 'signed') {
        return scheme.type === 'ecdsa' && encoding === 'der' ? ecdsaDer(result.signature) : result.signature
      }
      const busy = result?.outcome === 'refused' && result.reason === 'busy'
      throw new ServiceError(
        busy ? 'hsm_busy' : 'hsm_unavailable',
        `key ${label}: ${result?.detail ?? 'no result'}`
      )
    }
  }
}
