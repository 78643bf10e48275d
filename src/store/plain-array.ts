/** What needs no quotes in an array literal and is not empty (PostgreSQL manual, 8.15.6). */
const plainList = /^(?:[\w+/=:.-]+(?:,[\w+/=:.-]+)*)?$/

/**
 * An array literal of values made here: identifiers, numbers, base64, times. The driver would look for characters to
 * escape in each of them, which on the hot path costs more than sending them.
 * @throws TypeError for a value that needs quotes.
 */
export function plainArray(values: readonly (string | number)[]): string {
  const list = values.join(',')
  if (!plainList.test(list)) throw new TypeError('a value needs quotes')
  return `{${list}}`
}

/** The same for times. */
export const timeArray = (times: readonly Date[]): string =>
  plainArray(times.map((time) => time.toISOString()))
