import type { DocumentOwner } from '../documents/documents.js'
import type { DocumentStore, StoredDocument } from '../documents/needs.js'
import { int4 } from './copy.js'
import type { Database } from './database.js'

interface Row {
  id: string
  provider: string
  client_id: string
  batch: string | null
  certificate: Buffer
  document: Buffer
  digest: Buffer
  place: StoredDocument['place']
  created_at: Date
  expires_at: Date
}

const columns = 'id, provider, client_id, batch, certificate, octets, digest, place, created_at, expires_at'
const found = `${columns},
  (select string_agg(octets, '' order by part) from prepared_document_parts where document_id = id) as document`

/** Octets of a document that lie in one row. One value of 10 MiB costs PostgreSQL twice as much: it is memory asked for anew. */
const partOctets = 256 * 1024

/** Documents that are written at the same time: large ones take a while, and signing needs connections, too. */
const writtenAtOnce = 3

/** The `prepared_documents` table: documents between their digest and their signature, shared by all servers. */
export function createDocumentStore(database: Database): DocumentStore {
  const waiting: (() => void)[] = []
  let busy = 0
  /** One after the other beyond so many; whoever waits is bounded by what large bodies may hold. */
  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (busy < writtenAtOnce) busy += 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) busy -= 1
      else next()
    }
  }

  return {
    async insert(kept, octetsMax, now) {
      const { id, owner, batch, certificate, original, revision, digest, place, createdAt, expiresAt } = kept
      const fits = `
        $3 >= $4 + (select coalesce(sum(octets), 0) from prepared_documents
                     where provider = $1 and client_id = $2 and expires_at > $5)`
      const values = [...valuesOf(owner), octetsMax]
      const room = (further: number) => ({
        text: `select ${fits} as fits`,
        values: [...values, further, now]
      })
      // Most of what does not fit is found before it is written.
      const before = await database.query<{ fits: boolean }>(room(original.length + revision.length))
      if (before.rows[0]?.fits !== true) return false
      return inTurn(() =>
        database.transaction(async (tx) => {
          await tx.query({
            text: `insert into prepared_documents (${columns}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
            values: [
              id,
              owner.provider,
              owner.clientId,
              batch,
              certificate,
              original.length + revision.length,
              digest,
              JSON.stringify(place),
              createdAt,
              expiresAt
            ]
          })
          await tx.copyRows({
            into: 'prepared_document_parts (document_id, part, octets)',
            rows: partsOf(id, original, revision)
          })
          // The rest one after the other for each relying party, so that two together do not pass the limit: whoever
          // comes later counts what whoever came before has written.
          await tx.query({
            text: 'select pg_advisory_xact_lock(hashtextextended($1, 0))',
            values: [`documents ${owner.provider}/${owner.clientId}`]
          })
          const { rows } = await tx.query<{ fits: boolean }>(room(0))
          if (rows[0]?.fits !== true) throw new NoRoom()
          return true
        })
      ).catch((error: unknown) => {
        if (error instanceof NoRoom) return false
        throw error
      })
    },

    async find(owner, id, now) {
      const { rows } = await database.query<Row>({
        text: `select ${found} from prepared_documents
                where provider = $1 and client_id = $2 and id = $3 and expires_at > $4`,
        values: [...valuesOf(owner), id, now]
      })
      return rows[0] === undefined ? null : storedOf(rows[0])
    },

    async findByDigest(owner, digest, now) {
      const { rows } = await database.query<Row>({
        text: `select ${found} from prepared_documents
                where provider = $1 and client_id = $2 and digest = $3 and expires_at > $4
                order by created_at desc limit 1`,
        values: [...valuesOf(owner), digest, now]
      })
      return rows[0] === undefined ? null : storedOf(rows[0])
    },

    async purge(now) {
      await database.query({ text: 'delete from prepared_documents where expires_at <= $1', values: [now] })
    }
  }
}

/** The rows of a document. */
function* partsOf(id: string, ...pieces: readonly Uint8Array[]): Iterable<readonly Uint8Array[]> {
  const documentId = Buffer.from(id)
  let part = 0
  for (const piece of pieces)
    for (let at = 0; at < piece.length; at += partOctets, part += 1)
      yield [documentId, int4(part), piece.subarray(at, at + partOctets)]
}

/** Rolls a transaction back. */
class NoRoom extends Error {}

const valuesOf = ({ provider, clientId }: DocumentOwner): [string, string] => [provider, clientId]

function storedOf(row: Row): StoredDocument {
  return {
    id: row.id,
    owner: { provider: row.provider, clientId: row.client_id },
    batch: row.batch,
    certificate: row.certificate,
    document: row.document,
    digest: row.digest,
    place: row.place,
    createdAt: row.created_at,
    expiresAt: row.expires_at
  }
}
