import { createHash, randomBytes } from 'node:crypto'

/** Octets of every serial: RFC 5280 §4.1.2.2 allows 20, real providers show 16. */
const serialOctets = 16

/** Prefix and random octets, of which at least 80 bits remain whatever prefix the ceremony allows. */
export function randomSerialNumber(prefix = ''): string {
  const serial = Buffer.concat([Buffer.from(prefix, 'hex'), randomBytes(serialOctets)])
  // Without a prefix: the first octet neither makes the integer negative nor is a superfluous zero.
  if (prefix === '') serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  return serial.subarray(0, serialOctets).toString('hex').toUpperCase()
}

/** Prefix and hash of what the serial belongs to: the same on every machine. */
export function namedSerialNumber(prefix: string, provider: string, name: string): string {
  const hash = createHash('sha256')
    .update(JSON.stringify(['serial', provider, name]))
    .digest()
  return Buffer.concat([Buffer.from(prefix, 'hex'), hash])
    .subarray(0, serialOctets)
    .toString('hex')
    .toUpperCase()
}

/** A positive integer of at most 20 octets in upper-case hex without leading zeros. */
export function isSerialNumber(serial: string): boolean {
  return /^([1-7][0-9A-F]|0[1-9A-F])([0-9A-F]{2}){0,19}$/.test(serial)
}
