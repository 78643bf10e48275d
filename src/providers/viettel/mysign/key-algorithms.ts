import type { KeyAlgorithm } from '../../../hsm/hsm.js'

const rsaEncryption = '1.2.840.113549.1.1.1'
const ecPublicKey = '1.2.840.10045.2.1'

/** What `key` of `certificates/info` says: public key algorithm, length in bits, and the curve's OID if it has one. */
export const keyAlgorithms: Readonly<
  Record<KeyAlgorithm, { oid: string; bits: number; curve: string | null }>
> = {
  'RSA-2048': { oid: rsaEncryption, bits: 2048, curve: null },
  'RSA-3072': { oid: rsaEncryption, bits: 3072, curve: null },
  'RSA-4096': { oid: rsaEncryption, bits: 4096, curve: null },
  'P-256': { oid: ecPublicKey, bits: 256, curve: '1.2.840.10045.3.1.7' },
  'P-384': { oid: ecPublicKey, bits: 384, curve: '1.3.132.0.34' }
}
