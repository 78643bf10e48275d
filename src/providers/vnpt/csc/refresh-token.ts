/** The real ones are 32 octets in hexadecimal (§3.4); ours are as many, and only written that way here. */
export const writeRefreshToken = (refreshToken: string): string =>
  Buffer.from(refreshToken, 'base64url').toString('hex')

/** What is not of that form is nobody's. */
export const readRefreshToken = (text: string): string =>
  /^[0-9a-f]{64}$/.test(text) ? Buffer.from(text, 'hex').toString('base64url') : ''
