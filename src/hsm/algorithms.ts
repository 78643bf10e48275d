import pkcs11 from 'pkcs11js'
import type { KeyAlgorithm } from './hsm.js'

/** What the folder needs to know of a key type. */
export interface RsaFacts {
  type: 'RSA'
  modulusBits: number
  /** Octets of a signature. */
  signatureLength: number
  /** What one signature costs, as a multiple of one by P-256. Sets the size of batches. */
  cost: number
}
export interface EcFacts {
  type: 'EC'
  /** CKA_EC_PARAMS: the curve's object identifier, DER. */
  parameters: Buffer
  /** The name JWK has for the curve (RFC 7518 §6.2.1.1). */
  curve: 'P-256' | 'P-384'
  /** Octets of one coordinate. */
  fieldLength: number
  signatureLength: number
  cost: number
}

/** Costs: measured on SoftHSM 2.6.1, rounded. */
export const algorithms: Readonly<Record<KeyAlgorithm, RsaFacts | EcFacts>> = {
  'RSA-2048': { type: 'RSA', modulusBits: 2048, signatureLength: 256, cost: 6 },
  'RSA-3072': { type: 'RSA', modulusBits: 3072, signatureLength: 384, cost: 20 },
  'RSA-4096': { type: 'RSA', modulusBits: 4096, signatureLength: 512, cost: 45 },
  'P-256': {
    type: 'EC',
    parameters: Buffer.from('06082a8648ce3d030107', 'hex'),
    curve: 'P-256',
    fieldLength: 32,
    signatureLength: 64,
    cost: 1
  },
  'P-384': {
    type: 'EC',
    parameters: Buffer.from('06052b81040022', 'hex'),
    curve: 'P-384',
    fieldLength: 48,
    signatureLength: 96,
    cost: 8
  }
}

/** CKA_KEY_TYPE of a key type. */
export function keyTypeOf(algorithm: KeyAlgorithm): number {
  return algorithms[algorithm].type === 'RSA' ? pkcs11.CKK_RSA : pkcs11.CKK_EC
}
