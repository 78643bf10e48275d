/**
 * A DER writer (X.690 §10) of the few types that a CRL and some extensions are made of. The libraries write these as
 * trees of objects, at some 60 µs an entry; a list of revoked certificates is long, flat and made while others wait.
 */

/** Tag, length, contents. */
export function tlv(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const length = contents.reduce((sum, part) => sum + part.length, 0)
  return Buffer.concat([header(tag, length), ...contents])
}

function header(tag: number, length: number): Buffer {
  if (length < 0x80) return Buffer.of(tag, length)
  const octets: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256)
  return Buffer.of(tag, 0x80 | octets.length, ...octets)
}

/** SEQUENCE. */
export const sequence = (...members: readonly Uint8Array[]): Buffer => tlv(0x30, ...members)

/** OCTET STRING. */
export const octetString = (octets: Uint8Array): Buffer => tlv(0x04, octets)

/** BIT STRING of whole octets. */
export const bitString = (octets: Uint8Array): Buffer => tlv(0x03, Buffer.of(0), octets)

/** [n] EXPLICIT. */
export const explicit = (n: number, member: Uint8Array): Buffer => tlv(0xa0 | n, member)

/** INTEGER, not negative. */
export function integer(value: bigint): Buffer {
  if (value < 0n) throw new RangeError('a negative integer')
  const hex = value.toString(16)
  return integerOctets(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex'))
}

/** INTEGER from unsigned big-endian octets without superfluous zeros. */
export function integerOctets(octets: Uint8Array): Buffer {
  return (octets[0] ?? 0) > 0x7f ? tlv(0x02, Buffer.of(0), octets) : tlv(0x02, octets)
}

/** OBJECT IDENTIFIER. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const octets = [first * 40 + second, ...rest].flatMap((arc) => {
    const digits = [arc % 128]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      digits.unshift(0x80 | (left % 128))
    }
    return digits
  })
  return tlv(0x06, Buffer.from(octets))
}

/** Time of RFC 5280 §4.1.2.5: UTCTime until 2049, GeneralizedTime after, without fractions of a second. */
export function time(at: Date): Buffer {
  const text = `${at.toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`
  return at.getUTCFullYear() < 2050
    ? tlv(0x17, Buffer.from(text.slice(2), 'latin1'))
    : tlv(0x18, Buffer.from(text, 'latin1'))
}

/** Extension that is not critical. */
export const extension = (id: string, value: Uint8Array): Buffer => sequence(oid(id), octetString(value))
