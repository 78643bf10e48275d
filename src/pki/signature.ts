import type { KeyAlgorithm } from '../hsm/hsm.js'
import { bitString, integer, oid, sequence, tlv } from './der.js'
import type { HsmCryptoKey } from './engine.js'

/** AlgorithmIdentifier for the key: RSA with its NULL (RFC 4055 §5), ECDSA without parameters (RFC 5758 §3.2). */
export function signatureAlgorithm(algorithm: KeyAlgorithm): Buffer {
  if (algorithm.startsWith('RSA-')) return sequence(oid('1.2.840.113549.1.1.11'), tlv(0x05))
  return sequence(oid(algorithm === 'P-384' ? '1.2.840.10045.4.3.3' : '1.2.840.10045.4.3.2'))
}

/**
 * Signs `tbs`, and answers what follows it in certificates, CRLs and OCSP responses: algorithm and signature, DER.
 * @throws ServiceError `hsm_unavailable`, `hsm_busy`.
 */
export async function signatureOver(
  tbs: Uint8Array,
  key: HsmCryptoKey,
  algorithm: KeyAlgorithm
): Promise<[Buffer, Buffer]> {
  const signature = await key.hsm(tbs)
  const encoded = algorithm.startsWith('RSA-') ? signature : ecdsaSigValue(signature)
  return [signatureAlgorithm(algorithm), bitString(encoded)]
}

/** r‖s as ECDSA-Sig-Value (RFC 3279 §2.2.3). */
function ecdsaSigValue(signature: Uint8Array): Buffer {
  const half = signature.length / 2
  const part = (octets: Uint8Array) => integer(BigInt(`0x${Buffer.from(octets).toString('hex')}`))
  return sequence(part(signature.subarray(0, half)), part(signature.subarray(half)))
}
