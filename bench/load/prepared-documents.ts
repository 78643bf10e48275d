import { createHash } from 'node:crypto'
import pg from 'pg'

/** Documents that are looked at in one statement. */
const atOnce = 16

/** What the server answered for a document. */
export interface Digested {
  /** What the document is kept by. */
  fileId: string
  /** What was sent. */
  original: Buffer
  /** What is to be signed, base64. */
  hash: string
}

interface Row {
  id: string
  octets: number
  original: Buffer
  added: Buffer
}

/** Looks at the documents that wait for their signature, past the server. */
export interface PreparedDocuments {
  /**
   * Computes every hash anew: by PostgreSQL that what was sent is the beginning of what is kept, by the byte range that
   * the kept document names what it covers, and from that the signed attributes octet by octet.
   * @param certificate Of the signer, DER. @returns How many were right, and a sentence for each that was not.
   */
  check(
    digested: readonly Digested[],
    certificate: Buffer
  ): Promise<{ verified: number; wrong: readonly string[] }>
  /** Forgets them all, as their hour does. */
  forget(): Promise<void>
  close(): Promise<void>
}

export async function openPreparedDocuments(url: string): Promise<PreparedDocuments> {
  const client = new pg.Client({ connectionString: url })
  // The database ends with its server, such as when a run is broken off.
  client.on('error', () => undefined)
  await client.connect()

  async function rows(ids: readonly string[], length: number): Promise<Map<string, Row>> {
    const { rows } = await client.query<Row>(
      `select document_id as id, octet_length(document) as octets,
              sha256(substring(document from 1 for $2)) as original, substring(document from $2 + 1) as added
         from (select document_id, string_agg(octets, '' order by part) as document
                 from prepared_document_parts where document_id = any($1) group by document_id) as kept`,
      [ids, length]
    )
    return new Map(rows.map((row) => [row.id, row]))
  }

  return {
    async check(digested, certificate) {
      const wrong: string[] = []
      const sha256s = new Map<Buffer, Buffer>()
      for (let from = 0; from < digested.length; from += atOnce) {
        const some = digested.slice(from, from + atOnce)
        for (const length of new Set(some.map(({ original }) => original.length))) {
          const ofLength = some.filter(({ original }) => original.length === length)
          const kept = await rows(
            ofLength.map(({ fileId }) => fileId),
            length
          )
          for (const { fileId, original, hash } of ofLength) {
            const row = kept.get(fileId)
            const sha256 = sha256s.get(original) ?? digest(original)
            sha256s.set(original, sha256)
            if (row === undefined) wrong.push(`${fileId} is not kept`)
            else if (!row.original.equals(sha256)) wrong.push(`${fileId} does not begin with what was sent`)
            else if (hashOf(original, row.added, certificate) !== hash)
              wrong.push(`${fileId}: ${hash} is not over what is kept`)
          }
        }
      }
      return { verified: digested.length - wrong.length, wrong }
    },
    async forget() {
      // Not truncated: in service, too, new documents lie where old ones did, not in files that grow.
      await client.query('delete from prepared_documents')
      await client.query('vacuum (truncate false) prepared_documents, prepared_document_parts')
    },
    close: () => client.end()
  }
}

/** What a signature in the added revision signs; null where its byte range is not all but its own place. */
function hashOf(original: Buffer, added: Buffer, certificate: Buffer): string | null {
  const text = added.toString('latin1')
  const [, range = ''] = /\/ByteRange *\[ *([0-9 ]+?) *\]/.exec(text) ?? []
  const [from, before = 0, after = 0, length = 0] = range.split(/ +/).map(Number)
  const place = text.slice(before - original.length, after - original.length)
  const whole = after + length === original.length + added.length
  if (from !== 0 || !whole || !/^<0+>$/.test(place)) return null
  const covered = createHash('sha256')
    .update(original)
    .update(added.subarray(0, before - original.length))
    .update(added.subarray(after - original.length))
    .digest()
  return digest(signedAttributes(covered, digest(certificate))).toString('base64')
}

const digest = (octets: Uint8Array): Buffer => createHash('sha256').update(octets).digest()

/** DER of the signed attributes, written down by hand (RFC 5652 §5.4 and §11, RFC 5035 §3): shorter ones come first. */
function signedAttributes(messageSha256: Buffer, certificateSha256: Buffer): Buffer {
  const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'))
  const attribute = (type: string, value: Buffer) => der(0x30, oid(type), der(0x31, value))
  const pkcs9 = '2a864886f70d0109'
  return der(
    0x31,
    attribute(`${pkcs9}03`, oid('2a864886f70d010701')),
    attribute(`${pkcs9}04`, der(0x04, messageSha256)),
    attribute(`${pkcs9}10022f`, der(0x30, der(0x30, der(0x30, der(0x04, certificateSha256)))))
  )
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(head), content])
}
