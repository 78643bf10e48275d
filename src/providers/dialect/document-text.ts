import { ServiceError } from '../../errors.js'

/**
 * A file that a request carries in base64.
 * @param of.field The member, as the dialect calls it.
 * @throws ServiceError `request_invalid`.
 */
export function readFile(text: string, field: string): Uint8Array {
  const bare = text.replace(/\s+/g, '')
  if (bare === '' || bare.length % 4 === 1 || !/^[A-Za-z0-9+/]+={0,2}$/.test(bare))
    throw new ServiceError('request_invalid', `${field} is not base64`, {
      says: 'Send the file in base64.',
      field
    })
  return Buffer.from(bare, 'base64')
}
