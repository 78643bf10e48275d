import { isUtf8 } from 'node:buffer'
import type { Findings } from '../../dialect/findings.js'

/** A name must be shorter, in characters (§4.3). */
const nameLimit = 100
/** What a name may consist of that is not in base64. */
const plainName = /^[A-Za-z0-9_\- ]+$/
/** What short words decode to that were meant to be in base64. */
const likelyName = /^[\p{L}\p{M}\p{N}_\-. ]+$/u
/** A plain word of this length decodes to UTF-8 less often than once in five hundred. */
const unlikelyLength = 12

/** The description for the phone: UTF-8 in base64. @throws ServiceError `request_invalid` for a strict relying party. */
export function readDescription(text: string, findings: Findings): string {
  const decoded = decodeUtf8(text)
  if (decoded !== null || text === '') return decoded ?? ''
  findings.forgive({
    code: 'description_unencoded',
    field: 'description',
    found: 'The description is not UTF-8 in base64.',
    remedy: 'Send base64 of the UTF-8 of the description.'
  })
  return text
}

/**
 * `document_name`: UTF-8 in base64, or plain text of letters, digits, underscore, dash and space. Some short words can be
 * read in both ways: then as what looks like a name.
 * @param field The member, as the dialect calls it.
 * @throws ServiceError `request_invalid` for a strict relying party.
 */
export function readDocumentName(text: string, field: string, findings: Findings): string {
  const decoded = decodeUtf8(text)
  const plain = plainName.test(text)
  const encoded =
    decoded !== null &&
    decoded !== '' &&
    (!plain || text.length >= unlikelyLength || likelyName.test(decoded))
  const name = encoded ? decoded : text
  if (!encoded && !plain)
    findings.forgive({
      code: 'document_name_unencoded',
      field,
      found: 'The name is not base64, and holds more than letters, digits, underscore, dash and space.',
      remedy: 'Send base64 of the UTF-8 of the name.'
    })
  if ([...name].length >= nameLimit)
    findings.forgive({
      code: 'document_name_long',
      field,
      found: `The name has ${[...name].length} characters.`,
      remedy: `Send a name of fewer than ${nameLimit} characters.`
    })
  return name
}

/** Null: it is not base64 (RFC 4648 §4) of UTF-8. */
function decodeUtf8(text: string): string | null {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return null
  const octets = Buffer.from(text, 'base64')
  return octets.toString('base64') === text && isUtf8(octets) ? octets.toString('utf8') : null
}
