import type { ReservationEnding } from '../audit/audit.js'
import { plainArray, timeArray } from './plain-array.js'

/**
 * The UPDATE that ends reservations of a table once, as part of a statement whose first five parameters are `endingValues`. It
 * returns the ids of those that had not ended before.
 */
export const endReservations = (reservations: string): string => /* sql */ `
  update ${reservations} r
     set outcome = o.outcome, finished_at = o.now, detail = o.detail, signatures = o.signatures::bytea[]
    from unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[])
      as o (id, outcome, now, detail, signatures)
   where r.id = o.id and r.outcome is null
  returning r.id`

/** Parameters 1 to 5 of `endReservations`. */
export function endingValues(endings: readonly ReservationEnding[]): unknown[] {
  return [
    plainArray(endings.map(({ id }) => id)),
    plainArray(endings.map(({ outcome }) => outcome)),
    timeArray(endings.map(({ now }) => now)),
    endings.map(({ detail }) => detail),
    endings.map(({ signatures }) => byteaArray(signatures))
  ]
}

/** An array literal of bytea in hex format (PostgreSQL manual, 8.4.1 and 8.15.6). */
function byteaArray(values: readonly (Uint8Array | null)[]): string {
  const elements = values.map((octets) =>
    octets === null
      ? 'NULL'
      : `\\\\x${Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('hex')}`
  )
  return `{${elements.join(',')}}`
}
