/** Octets of a SHA-256 digest: the only hash that the dialects sign. */
export const sha256Octets = 32

/** DER of a DigestInfo up to its digest (RFC 8017 §9.2, note 1). */
const prefixes = [
  { hash: 'SHA-256', prefix: '3031300d060960864801650304020105000420', octets: 32, parameters: true },
  { hash: 'SHA-256', prefix: '302f300b06096086480165030402010420', octets: 32, parameters: false },
  { hash: 'SHA-1', prefix: '3021300906052b0e03021a05000414', octets: 20, parameters: true },
  { hash: 'SHA-384', prefix: '3041300d060960864801650304020205000430', octets: 48, parameters: true },
  { hash: 'SHA-512', prefix: '3051300d060960864801650304020305000440', octets: 64, parameters: true }
].map(({ prefix, ...rest }) => ({ ...rest, prefix: Buffer.from(prefix, 'hex') }))

/** A DigestInfo taken apart. */
export interface DigestInfo {
  hash: string
  digest: Uint8Array
  /** Whether the algorithm carries its NULL, as it should (RFC 8017 §A.2.4). */
  parameters: boolean
}

/** The DER DigestInfo of a SHA-256 digest. */
export const writeDigestInfo = (digest: Uint8Array): Uint8Array =>
  Buffer.concat([prefixes[0]?.prefix ?? Buffer.alloc(0), digest])

/** Reads a DER DigestInfo of a known hash; null: it is none. Nothing may follow the digest. */
export function readDigestInfo(octets: Uint8Array): DigestInfo | null {
  for (const { hash, prefix, octets: length, parameters } of prefixes) {
    if (octets.length !== prefix.length + length) continue
    if (Buffer.compare(octets.subarray(0, prefix.length), prefix) !== 0) continue
    return { hash, digest: octets.subarray(prefix.length), parameters }
  }
  return null
}

/** The DigestInfo inside a prefix that was put before it once more; null: it is not doubled. */
export function readDoubledDigestInfo(octets: Uint8Array): DigestInfo | null {
  const [{ prefix } = { prefix: Buffer.alloc(0) }] = prefixes
  const inner = readDigestInfo(octets.subarray(prefix.length))
  // A writer of DER would have set the outer lengths anew; whoever glues octets together did not.
  const glued = Buffer.compare(octets.subarray(0, prefix.length), prefix) === 0
  const written = octets
    .subarray(0, 3)
    .every((octet, index) => octet === [0x30, octets.length - 2, 0x30][index])
  return glued || written ? inner : null
}
