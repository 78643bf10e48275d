import * as asn1js from 'asn1js'
import * as pkijs from 'pkijs'

/** CertIDs one request may ask about. */
export const certIdsAtMost = 32

/** Octets of a request; `certIdsAtMost` with SHA-512 hashes and a nonce fit. */
export const requestOctetsAtMost = 8192

const idNonce = '1.3.6.1.5.5.7.48.1.2'
/** Extensions that may be ignored with good conscience even when critical: response types, algorithm preferences. */
const harmless: readonly string[] = ['1.3.6.1.5.5.7.48.1.4', '1.3.6.1.5.5.7.48.1.8']

/** What a request asks for. */
export interface OcspRequest {
  certIds: pkijs.CertID[]
  /** To be echoed as it came. */
  nonce: pkijs.Extension | null
}

/**
 * Reads an OCSP request (RFC 6960 §4.1). A signature on it is not looked at: everybody may ask.
 * @returns Null for what has to be answered with malformedRequest.
 */
export function readOcspRequest(der: Uint8Array): OcspRequest | null {
  if (der.length > requestOctetsAtMost) return null
  const request = parse(der)
  if (request === null) return null
  const { requestList, requestExtensions = [] } = request.tbsRequest
  if (requestList.length === 0 || requestList.length > certIdsAtMost) return null
  const nonces = requestExtensions.filter((extension) => extension.extnID === idNonce)
  if (nonces.length > 1 || nonces.some((nonce) => !isNonce(nonce))) return null
  const singles = requestList.flatMap((single) => single.singleRequestExtensions ?? [])
  const understood = [idNonce, ...harmless]
  // §4.1.2: what is critical and not understood must not be ignored
  if ([...requestExtensions, ...singles].some((e) => e.critical && !understood.includes(e.extnID)))
    return null
  return { certIds: requestList.map(({ reqCert }) => reqCert), nonce: nonces[0] ?? null }
}

function parse(der: Uint8Array): pkijs.OCSPRequest | null {
  try {
    const { result, offset } = asn1js.fromBER(Uint8Array.from(der).buffer)
    if (offset !== der.length) return null
    const request = new pkijs.OCSPRequest({ schema: result })
    return (request.tbsRequest.version ?? 0) === 0 ? request : null
  } catch {
    return null
  }
}

/** RFC 9654 §2.1: an OCTET STRING of 1 to 128 octets inside the extension's own. */
function isNonce(extension: pkijs.Extension): boolean {
  const value = extension.extnValue.valueBlock.valueHexView
  const { result, offset } = asn1js.fromBER(value)
  if (!(result instanceof asn1js.OctetString) || offset !== value.length) return false
  const { length } = result.valueBlock.valueHexView
  return length >= 1 && length <= 128
}
