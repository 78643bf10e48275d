import { RSASSAPSSParams } from 'pkijs'
import { hashByOid } from '../hsm/hashes.js'
import type { HashAlgorithm } from '../hsm/hsm.js'

const mgf1 = '1.2.840.113549.1.1.8'

/**
 * Reads RSASSA-PSS-params (RFC 8017 §A.2.3, DER). Absent fields mean SHA-1 and are therefore refused, as are a
 * mask generation function other than MGF1 over the same hash and a trailer other than 0xBC.
 * @returns Null for anything that is not acceptable.
 */
export function readPssParams(der: Uint8Array): { hash: HashAlgorithm; saltLength: number } | null {
  try {
    const params = RSASSAPSSParams.fromBER(der)
    const hash = hashByOid(params.hashAlgorithm.algorithmId)
    const mask = params.maskGenAlgorithm
    const maskHash = maskHashOid(mask.algorithmParams)
    if (hash === null || mask.algorithmId !== mgf1 || maskHash !== params.hashAlgorithm.algorithmId)
      return null
    if (params.trailerField !== 1 || params.saltLength < 0 || params.saltLength > 512) return null
    return { hash, saltLength: params.saltLength }
  } catch {
    return null // not DER, or not these parameters
  }
}

/** The OID inside the AlgorithmIdentifier that parametrises MGF1. */
function maskHashOid(algorithmIdentifier: unknown): string | null {
  const oid = (algorithmIdentifier as { valueBlock?: { value?: { valueBlock?: unknown }[] } } | undefined)
    ?.valueBlock?.value?.[0]?.valueBlock
  return oid === undefined ? null : String(oid)
}
