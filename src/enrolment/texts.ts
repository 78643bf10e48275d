import { displayFault } from '../activation/display-text.js'
import { ServiceError } from '../errors.js'

/**
 * A text that people will read, in the one form it is stored in: NFC.
 * @param maxLength In characters (code points).
 * @throws ServiceError `request_invalid` naming `field`.
 */
export function readText(field: string, value: string, maxLength: number): string {
  const text = value.normalize('NFC')
  const fault = displayFault(text, maxLength)
  if (fault !== null) throw invalid(field, fault)
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
