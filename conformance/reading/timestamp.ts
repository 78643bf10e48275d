import { Failure } from '../rule.js'

/** Object identifiers as they stand in DER. */
export const oidOctets = {
  /** id-ct-TSTInfo, 1.2.840.113549.1.9.16.1.4. */
  tstInfo: Buffer.from('060b2a864886f70d0109100104', 'hex'),
  /** id-signedData, 1.2.840.113549.1.7.2. */
  signedData: Buffer.from('06092a864886f70d010702', 'hex')
}

/** What kind of ContentInfo a time-stamp token is. A TimeStampResp begins with a status instead. @throws Failure */
export function readToken(octets: Buffer): { type: string; content: Buffer } {
  if (octets[0] !== 0x30) throw new Failure('timestamp is not DER')
  const lengthOctets = (octets[1] ?? 0) < 0x80 ? 0 : (octets[1] ?? 0) & 0x7f
  const content = octets.subarray(2 + lengthOctets)
  if (content[0] !== 0x06)
    throw new Failure('timestamp is no ContentInfo; a whole TimeStampResp does not belong here')
  return {
    type: content.subarray(0, 11).equals(oidOctets.signedData) ? '1.2.840.113549.1.7.2' : 'something else',
    content
  }
}
