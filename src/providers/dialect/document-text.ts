import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { ServiceError } from '../../errors.js'

/**
 * A file in base64, or as text. The limit of the body and that of `documents.prepare` are its own: for a length the
 * validator counts characters one by one, which for a large file takes longer than to read and hash it.
 */
export const fileText = (description: string) => Type.String({ description })

/**
 * A file that a request carries in base64.
 * @param field The member, as the dialect calls it.
 * @param files Those of the body that are decoded already, `request.files`.
 * @returns In memory of its own where it is large.
 * @throws ServiceError `request_invalid`.
 */
export function readFile(text: string, field: string, files: FastifyRequest['files'] = null): Uint8Array {
  const octets = files?.get(text) ?? plain(text) ?? plain(text.replace(/\s+/g, ''))
  if (octets !== null) return octets
  throw new ServiceError('request_invalid', `${field} is not base64`, {
    says: 'Send the file in base64.',
    field
  })
}

/**
 * Base64 without white space (RFC 4648 §4), padded or not; null: it is something else. The decoder skips what is not in
 * the alphabet, so that fewer octets come out of it than of as many digits; it takes `-` and `_`, and beyond ASCII it may
 * take one character for another. A regular expression would say the same, and take twenty times as long.
 */
function plain(text: string): Buffer | null {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const digits = text.length - padding
  if (digits === 0 || text.length % 4 === 1 || text.includes('-') || text.includes('_')) return null
  if (Buffer.byteLength(text, 'utf8') !== text.length) return null
  const octets = Buffer.from(text, 'base64')
  return octets.length === Math.floor((digits * 3) / 4) ? octets : null
}
