/** Octets before the attested credential data and the extensions: hash of the RP ID, flags, counter. */
const headLength = 37
/** An assertion carries no attested credential; with extensions it stays far below this. In octets. */
const lengthMax = 1024

/** What an authenticator says about an assertion. */
export interface AuthenticatorData {
  /** SHA-256 of the RP ID the credential is for, 32 octets. */
  rpIdHash: Uint8Array
  /** UP: somebody touched the authenticator. */
  userPresent: boolean
  /** UV: it recognised its owner. */
  userVerified: boolean
  /** How many times it has signed; 0 on those that do not count. */
  signCount: number
}

/**
 * Reads the authenticator data of an assertion.
 * @returns Null: it is not that.
 * @see WebAuthn Level 3 §6.1
 */
export function readAuthenticatorData(octets: Uint8Array): AuthenticatorData | null {
  if (octets.length < headLength || octets.length > lengthMax) return null
  const data = Buffer.from(octets.buffer, octets.byteOffset, octets.length)
  const flags = data.readUInt8(32)
  const has = (bit: number): boolean => (flags & (1 << bit)) !== 0
  // A backup of a credential that cannot be backed up (§6.1.3), and a new credential (AT) where one was asked for.
  if ((has(4) && !has(3)) || has(6)) return null
  // Octets behind the head are extensions, and there are some exactly when ED says so.
  if (has(7) !== octets.length > headLength) return null
  return {
    rpIdHash: octets.subarray(0, 32),
    userPresent: has(0),
    userVerified: has(2),
    signCount: data.readUInt32BE(33)
  }
}
