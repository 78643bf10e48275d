import { hashByOid, hashes } from '../hsm/hashes.js'
import type { HashAlgorithm, KeyAlgorithm, SignatureScheme } from '../hsm/hsm.js'
import { readPssParams } from '../pki/pss-params.js'
import { invalidRequest } from './faults.js'
import { missing } from './validation.js'

const rsaEncryption = '1.2.840.113549.1.1.1'
const rsassaPss = '1.2.840.113549.1.1.10'
const ecPublicKey = '1.2.840.10045.2.1'

/** Signature algorithms that name their hash (RFC 8017 §A.2.4, RFC 5758 §3.2). */
const withHash: Readonly<Record<string, { type: 'pkcs1' | 'ecdsa'; hash: HashAlgorithm }>> = {
  '1.2.840.113549.1.1.11': { type: 'pkcs1', hash: 'SHA-256' },
  '1.2.840.113549.1.1.12': { type: 'pkcs1', hash: 'SHA-384' },
  '1.2.840.113549.1.1.13': { type: 'pkcs1', hash: 'SHA-512' },
  '1.2.840.10045.4.3.2': { type: 'ecdsa', hash: 'SHA-256' },
  '1.2.840.10045.4.3.3': { type: 'ecdsa', hash: 'SHA-384' },
  '1.2.840.10045.4.3.4': { type: 'ecdsa', hash: 'SHA-512' }
}

/** Every signature algorithm this server makes, for `info.signAlgorithms`. */
export const signAlgorithmOids: readonly string[] = [
  rsaEncryption,
  rsassaPss,
  ecPublicKey,
  ...Object.keys(withHash)
]

/** What `key` of credentials/info says: generic and hash-specific OIDs, since clients look for either. */
export function keyDescription(algorithm: KeyAlgorithm): { algo: string[]; len: number; curve?: string } {
  const type = algorithm.startsWith('RSA') ? 'pkcs1' : 'ecdsa'
  const specific = Object.keys(withHash).filter((oid) => withHash[oid]?.type === type)
  if (type === 'pkcs1')
    return { algo: [rsaEncryption, ...specific, rsassaPss], len: Number(algorithm.slice(4)) }
  const [len, curve] = algorithm === 'P-256' ? [256, '1.2.840.10045.3.1.7'] : [384, '1.3.132.0.34']
  return { algo: [...specific, ecPublicKey], len, curve }
}

/** What the versions call the parameter that names a hash. */
export type HashParameter = 'hashAlgo' | 'hashAlgorithmOID'

/** What a client names in signHash. */
export interface NamedAlgorithms {
  signAlgo: string
  signAlgoParams?: string
  hashAlgorithmOID?: string
}

/**
 * Hash and scheme from the OIDs of a signHash request. A hash OID is needed only where `signAlgo` does not imply
 * the hash; one that contradicts it is refused.
 * @param name What v1 or v2 calls the parameter that `hashAlgorithmOID` was read from.
 * @throws CscFault with the texts of CSC API v1 §11.9.
 */
export function readAlgorithms(
  { signAlgo, signAlgoParams, hashAlgorithmOID }: NamedAlgorithms,
  name: HashParameter = 'hashAlgorithmOID'
): { hash: HashAlgorithm; scheme: SignatureScheme } {
  const named = hashAlgorithmOID === undefined ? null : hashByOid(hashAlgorithmOID)
  if (signAlgo === rsassaPss) {
    if (signAlgoParams === undefined) throw invalidRequest(missing('string', 'signAlgoParams'))
    const params = readPssParams(Buffer.from(signAlgoParams, 'base64'))
    if (params === null) throw invalidRequest('Invalid parameter signAlgoParams')
    if (hashAlgorithmOID !== undefined && named !== params.hash)
      throw invalidRequest(`Invalid parameter ${name}`)
    return { hash: params.hash, scheme: { type: 'pss', ...params } }
  }
  const implied = withHash[signAlgo]
  if (implied !== undefined) {
    if (hashAlgorithmOID !== undefined && named !== implied.hash)
      throw invalidRequest(`Invalid parameter ${name}`)
    return { hash: implied.hash, scheme: implied }
  }
  if (signAlgo !== rsaEncryption && signAlgo !== ecPublicKey)
    throw invalidRequest('Invalid parameter signAlgo')
  if (hashAlgorithmOID === undefined) throw invalidRequest(missing('string', name))
  if (named === null) throw invalidRequest(`Invalid parameter ${name}`)
  return { hash: named, scheme: { type: signAlgo === rsaEncryption ? 'pkcs1' : 'ecdsa', hash: named } }
}

/** The hash that a request names in a parameter of this name. @throws CscFault */
export function readHash(oid: string | undefined, name: HashParameter = 'hashAlgorithmOID'): HashAlgorithm {
  if (oid === undefined) throw invalidRequest(missing('string', name))
  const hash = hashByOid(oid)
  if (hash === null) throw invalidRequest(`Invalid parameter ${name}`)
  return hash
}

/** Octets of a digest, to tell a digest of wrong length before anything else is looked up. */
export const digestOctets = (hash: HashAlgorithm): number => hashes[hash].octets
