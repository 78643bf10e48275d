import pkcs11 from 'pkcs11js'
import { algorithms } from './algorithms.js'
import { hashes } from './hashes.js'
import type { HashAlgorithm, KeyAlgorithm, SignatureScheme } from './hsm.js'

/** What stands before the digest in a DER DigestInfo (RFC 8017 §9.2, note 1). */
const digestInfoPrefixes: Readonly<Record<HashAlgorithm, Buffer>> = {
  'SHA-256': Buffer.from('3031300d060960864801650304020105000420', 'hex'),
  'SHA-384': Buffer.from('3041300d060960864801650304020205000430', 'hex'),
  'SHA-512': Buffer.from('3051300d060960864801650304020305000440', 'hex')
}

const pssHashes: Readonly<Record<HashAlgorithm, { hashAlg: number; mgf: number }>> = {
  'SHA-256': { hashAlg: pkcs11.CKM_SHA256, mgf: pkcs11.CKG_MGF1_SHA256 },
  'SHA-384': { hashAlg: pkcs11.CKM_SHA384, mgf: pkcs11.CKG_MGF1_SHA384 },
  'SHA-512': { hashAlg: pkcs11.CKM_SHA512, mgf: pkcs11.CKG_MGF1_SHA512 }
}

/**
 * Checks what the module would not: SoftHSM signs a digest of any length with ECDSA, and a failed RSA operation
 * does not say whether it signed.
 * @throws RangeError when the scheme does not fit the key, or a digest not the scheme.
 */
export function checkScheme(
  algorithm: KeyAlgorithm,
  scheme: SignatureScheme,
  digests: readonly Uint8Array[]
): void {
  const facts = algorithms[algorithm]
  const digestLength = hashes[scheme.hash].octets
  if (facts === undefined) throw new RangeError(`there is no key type ${String(algorithm)}`)
  if (digestLength === undefined) throw new RangeError(`hash ${String(scheme.hash)} is not signed here`)
  if ((scheme.type === 'ecdsa') !== (facts.type === 'EC')) {
    throw new RangeError(`scheme ${scheme.type} does not fit a key of type ${algorithm}`)
  }
  if (scheme.type === 'pss' && facts.type === 'RSA') {
    // RFC 8017 §9.1.1: emLen >= hLen + sLen + 2, emLen being the octets of modulusBits - 1 bits.
    const longest = Math.ceil((facts.modulusBits - 1) / 8) - digestLength - 2
    if (!Number.isInteger(scheme.saltLength) || scheme.saltLength < 0 || scheme.saltLength > longest) {
      throw new RangeError(`a PSS salt for ${algorithm} and ${scheme.hash} has 0 to ${longest} octets`)
    }
  }
  for (const digest of digests) {
    if (digest.length !== digestLength) {
      throw new RangeError(`a digest has ${digest.length} octets, ${scheme.hash} has ${digestLength}`)
    }
  }
}

/** The mechanism for C_SignInit. */
export function mechanismOf(scheme: SignatureScheme): pkcs11.Mechanism {
  switch (scheme.type) {
    case 'pkcs1':
      return { mechanism: pkcs11.CKM_RSA_PKCS }
    case 'ecdsa':
      return { mechanism: pkcs11.CKM_ECDSA }
    case 'pss': {
      const parameter: pkcs11.RsaPSS = {
        type: pkcs11.CK_PARAMS_RSA_PSS,
        ...pssHashes[scheme.hash],
        saltLen: scheme.saltLength
      }
      return { mechanism: pkcs11.CKM_RSA_PKCS_PSS, parameter }
    }
  }
}

/**
 * A buffer for C_Sign's input and where in it the digest goes: for PKCS#1 v1.5 a DigestInfo, else the digest alone.
 * One buffer serves all digests of a scheme.
 */
export function inputOf(scheme: SignatureScheme): { input: Buffer; digestAt: number } {
  const prefix = scheme.type === 'pkcs1' ? digestInfoPrefixes[scheme.hash] : Buffer.alloc(0)
  const input = Buffer.alloc(prefix.length + hashes[scheme.hash].octets)
  prefix.copy(input)
  return { input, digestAt: prefix.length }
}
