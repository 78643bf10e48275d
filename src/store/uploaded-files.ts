import type { UploadStore } from '../documents/needs.js'
import type { UploadedFile, UploadOwner } from '../documents/uploads.js'
import type { Database } from './database.js'

interface Row {
  id: string
  name: string
  document: Buffer
  options: UploadedFile['options']
  expires_at: Date
}

/** What a file counts for beside its own octets, so that many small ones do not go on for ever. */
const rowOctets = 1024
const ofOwner = 'provider = $1 and client_id = $2 and subscriber_id = $3'

/** The `uploaded_files` table: files that wait to be asked a signature for, shared by all servers. */
export function createUploadStore(database: Database): UploadStore {
  return {
    async insert({ id, owner, name, document, options, createdAt, expiresAt }, octetsMax) {
      const text = JSON.stringify(options)
      return database.transaction(async (tx) => {
        // One after the other for each relying party, so that two together do not pass the limit.
        await tx.query({
          text: 'select pg_advisory_xact_lock(hashtextextended($1, 0))',
          values: [`uploads ${owner.provider}/${owner.clientId}`]
        })
        const { rowCount } = await tx.query({
          text: `
            insert into uploaded_files
              (provider, client_id, subscriber_id, id, name, document, options, octets, created_at, expires_at)
            select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
             where $11::bigint >= $8::integer + (select coalesce(sum(octets), 0) from uploaded_files
                                 where provider = $1 and client_id = $2 and expires_at > $9)`,
          values: [
            ...valuesOf(owner),
            id,
            name,
            document,
            text,
            document.length + Buffer.byteLength(text) + rowOctets,
            createdAt,
            expiresAt,
            octetsMax
          ]
        })
        return rowCount === 1
      })
    },

    async find(owner, id, now) {
      const { rows } = await database.query<Row>({
        text: `select id, name, document, options, expires_at from uploaded_files
                where ${ofOwner} and id = $4 and expires_at > $5`,
        values: [...valuesOf(owner), id, now]
      })
      const row = rows[0]
      return row === undefined
        ? null
        : {
            id: row.id,
            owner,
            name: row.name,
            document: row.document,
            options: row.options,
            expiresAt: row.expires_at
          }
    },

    async assign(owner, ids, transactionId) {
      await database.query({
        text: `update uploaded_files set transaction_id = $5 where ${ofOwner} and id = any($4::text[])`,
        values: [...valuesOf(owner), [...ids], transactionId]
      })
    },

    async transactionOf(owner, id, now) {
      const { rows } = await database.query<{ transaction_id: string | null }>({
        text: `select transaction_id from uploaded_files where ${ofOwner} and id = $4 and expires_at > $5`,
        values: [...valuesOf(owner), id, now]
      })
      return rows[0]?.transaction_id ?? null
    },

    async purge(now) {
      await database.query({ text: 'delete from uploaded_files where expires_at <= $1', values: [now] })
    }
  }
}

const valuesOf = ({ provider, clientId, subscriberId }: UploadOwner): [string, string, string] => [
  provider,
  clientId,
  subscriberId
]
