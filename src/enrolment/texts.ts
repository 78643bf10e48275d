import { ServiceError } from '../errors.js'

/**
 * What has no shape of its own on a screen: controls, format characters (which include the bidirectional ones that
 * make text read backwards), private and unassigned code points, line breaks, and blanks other than the space.
 */
const unseen = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u

/**
 * A text that people will read, in the one form it is stored in: NFC.
 * @param maxLength In characters (code points).
 * @throws ServiceError `request_invalid` naming `field`.
 */
export function readText(field: string, value: string, maxLength: number): string {
  const text = value.normalize('NFC')
  const length = [...text].length
  if (length < 1 || length > maxLength) {
    throw invalid(field, `must have 1 to ${maxLength} characters`)
  }
  if (unseen.test(text)) throw invalid(field, 'holds a character that cannot be seen')
  if (text.trim() !== text) throw invalid(field, 'begins or ends with a blank')
  return text
}

/** The same for a member that may be absent. */
export function readOptionalText(
  field: string,
  value: string | null | undefined,
  maxLength: number
): string | null {
  return value === null || value === undefined ? null : readText(field, value, maxLength)
}

/** Whether PostgreSQL can hold, and so compare, `text`: it refuses a whole statement for one NUL. */
export function isStorable(text: string): boolean {
  return !text.includes('\0')
}

/** A failure that names the member and says what is wrong with it. */
export function invalid(field: string, fault: string): ServiceError {
  return new ServiceError('request_invalid', `${field} ${fault}`, { says: `${field} ${fault}.`, field })
}
