import { finished } from 'node:stream/promises'
import type { PoolClient } from 'pg'
import { from } from 'pg-copy-streams'

/** Rows for `COPY … FROM STDIN (FORMAT binary)`. */
export interface CopiedRows {
  /** Such as `prepared_document_parts (document_id, part, octets)`. */
  into: string
  /** Each value in the binary form of its type: UTF-8 of text, the octets of bytea, four of an integer. */
  rows: Iterable<readonly Uint8Array[]>
}

/** Signature, flags and the length of an extension (PostgreSQL's manual, COPY, "Binary Format"). */
const header = Buffer.from('5047434f50590aff0d0a000000000000000000', 'hex')
const trailer = Buffer.from('ffff', 'hex')

/**
 * Inserts rows with large values. The driver's own way copies a value into a parameter and that into a message, and
 * again for every half that either grows by; here it is written from where it lies.
 * @throws Whatever the database says.
 */
export async function copyRows(connected: PoolClient, { into, rows }: CopiedRows): Promise<void> {
  const stream = connected.query(from(`copy ${into} from stdin (format binary)`))
  // A connection that is lost may say so more than once, and an error that nobody hears ends the process.
  stream.on('error', () => undefined)
  const done = finished(stream)
  stream.write(header)
  for (const values of rows) {
    const count = Buffer.alloc(2)
    count.writeInt16BE(values.length)
    stream.write(count)
    for (const value of values) {
      stream.write(int4(value.length))
      stream.write(value)
    }
  }
  stream.end(trailer)
  await done
}

/** An integer as PostgreSQL takes it. */
export function int4(value: number): Uint8Array {
  const octets = Buffer.alloc(4)
  octets.writeInt32BE(value)
  return octets
}
