import { createHash, type webcrypto } from 'node:crypto'
import { Crypto as PeculiarCrypto } from '@peculiar/webcrypto'
import * as pkijs from 'pkijs'
import { ServiceError } from '../errors.js'
import type { HashAlgorithm, SignatureScheme, TokenKey } from '../hsm/hsm.js'

/**
 * What both X.509 libraries take for a private key. They read `algorithm`, and hand the key back to `HsmEngine.sign`;
 * there is no key material in it.
 */
export interface HsmCryptoKey extends webcrypto.CryptoKey {
  /**
   * Hashes `data` and lets the HSM sign the digest. RSA: RFC 8017; ECDSA: r‖s.
   * @throws ServiceError `hsm_unavailable`, `hsm_busy`.
   */
  readonly hsm: (data: Uint8Array) => Promise<Uint8Array>
  readonly hash: HashAlgorithm
}

/** Hash that a CA key signs with. P-384 deserves its equal (FIPS 186-5 §6.1.1). */
function hashFor(key: TokenKey): HashAlgorithm {
  return key.algorithm === 'P-384' ? 'SHA-384' : 'SHA-256'
}

/** WebCrypto in software: everything but signing. */
const software = new PeculiarCrypto()

/**
 * Dresses a token key as the `CryptoKey` that @peculiar/x509 and pkijs ask for. Every signature is verified in
 * software before it leaves, since a faulty one would be published, and of RSA with CRT it could betray the key.
 */
export function hsmCryptoKey(key: TokenKey): HsmCryptoKey {
  const hash = hashFor(key)
  const rsa = key.algorithm.startsWith('RSA-')
  const scheme: SignatureScheme = { type: rsa ? 'pkcs1' : 'ecdsa', hash }
  const algorithm = rsa
    ? { name: 'RSASSA-PKCS1-v1_5', hash: { name: hash } }
    : { name: 'ECDSA', namedCurve: key.algorithm, hash: { name: hash } }
  let publicKey: ReturnType<typeof software.subtle.importKey> | undefined
  return {
    type: 'private',
    extractable: false,
    usages: ['sign'],
    algorithm,
    hash,
    async hsm(data) {
      const signature = await key.sign(scheme, createHash(hash).update(data).digest(), 'p1363')
      publicKey ??= software.subtle.importKey('spki', Uint8Array.from(key.spki), algorithm, false, ['verify'])
      if (!(await software.subtle.verify(algorithm, await publicKey, signature, data))) {
        throw new ServiceError(
          'hsm_unavailable',
          `the signature that the HSM made with ${key.label} is wrong`
        )
      }
      return signature
    }
  }
}

/**
 * Digests, imports and verifies in software (@peculiar/webcrypto); signs with `HsmCryptoKey`s through the HSM. A
 * software WebCrypto over PKCS#11 would need a session of its own and a second initialisation of the module.
 */
class HsmEngine extends pkijs.CryptoEngine {
  constructor() {
    super({ name: 'hsm', crypto: software })
  }

  override async sign(...[, key, data]: Parameters<pkijs.CryptoEngine['sign']>): Promise<ArrayBuffer> {
    const sign = (key as Partial<HsmCryptoKey>).hsm
    if (sign === undefined) throw new TypeError('only keys of the HSM sign here')
    const signature = await sign(octets(data))
    return Uint8Array.from(signature).buffer
  }
}

/** Octets of any BufferSource, without copying. */
function octets(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data)
}

/** The one engine of this process; it keeps no state. For pkijs as it is. */
export const engine = new HsmEngine()

/** The same as the `Crypto` object that the generators of @peculiar/x509 take as their last argument. */
export const cryptoForX509 = {
  subtle: engine,
  getRandomValues: <T extends ArrayBufferView | null>(array: T): T => engine.getRandomValues(array)
}
