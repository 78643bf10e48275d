import { createHash } from 'node:crypto'
import { fromBER, Integer, Sequence } from 'asn1js'
import { base64url } from 'jose'
import type { KeyStorage, StoredKey } from '../hsm/hsm.js'

/** Claims as JSON, and whatever else belongs into the header beside `alg`. */
export interface JwsContent {
  header: { kid: string; typ: string }
  claims: Record<string, unknown>
}

/**
 * A compact JWS (RFC 7515 §7.1) by a P-256 key that stays in the HSM. `jose` makes no signature it has no key for,
 * so the signing input is put together here and its hash signed there.
 * @throws Error when the HSM did not sign; nothing was made then that anyone could use.
 */
export async function signInHsm(
  keys: Pick<KeyStorage, 'sign'>,
  key: StoredKey,
  { header, claims }: JwsContent
): Promise<string> {
  const input = [{ alg: 'ES256', ...header }, claims]
    .map((part) => base64url.encode(JSON.stringify(part)))
    .join('.')
  const digest = createHash('sha256').update(input).digest()
  const [result] = await keys.sign(key, { type: 'ecdsa', hash: 'SHA-256' }, [digest])
  if (result?.outcome !== 'signed') throw new Error(`the HSM did not sign: ${result?.detail ?? 'no result'}`)
  return `${input}.${base64url.encode(rAndS(result.signature))}`
}

/**
 * ECDSA-Sig-Value to the r‖s of JWS.
 * @param der SEQUENCE of two INTEGERs (RFC 3279 §2.2.3), which drop leading zeros and add one before a high bit.
 * @returns 64 octets (RFC 7518 §3.4).
 */
export function rAndS(der: Uint8Array): Uint8Array {
  const { result } = fromBER(der)
  const parts = result instanceof Sequence ? result.valueBlock.value : []
  if (parts.length !== 2) throw new TypeError('not an ECDSA-Sig-Value')
  const signature = new Uint8Array(64)
  parts.forEach((part, index) => {
    if (!(part instanceof Integer)) throw new TypeError('not an ECDSA-Sig-Value')
    const octets = part.valueBlock.valueHexView
    const number = octets.subarray(Math.max(0, octets.length - 32))
    if (octets.subarray(0, octets.length - number.length).some((octet) => octet !== 0)) {
      throw new TypeError('an integer is longer than a P-256 scalar')
    }
    signature.set(number, (index + 1) * 32 - number.length)
  })
  return signature
}
