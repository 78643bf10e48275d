import type { AccessTokenRecord, AccessTokenStore } from '../access/needs.js'
import type { Database, Queryable } from './database.js'

/** Announces the hash of every token that was revoked. */
const channel = 'access-tokens'

/** Tokens that one statement forgets, at most, so that it stays short after a long pause too. */
const purgeLimit = 10_000

interface Row {
  token_sha256: Buffer
  provider: string
  audience: string
  client_id: string
  subscriber_id: string | null
  scope: string
  issued_at: Date
  expires_at: Date
  revoked_at: Date | null
  grant_id: string | null
}

/** Access tokens by their hash. Many at once, so that concurrent requests share a round trip. */
export function createAccessTokenStore(db: Database): AccessTokenStore {
  return {
    add: (records) => insertAccessTokens(db, records),

    async find(tokensSha256) {
      const { rows } = await db.query<Row>({
        name: 'access-tokens-find',
        text: `
          select token_sha256, provider, audience, client_id, subscriber_id, scope, issued_at, expires_at, revoked_at,
                 grant_id
            from access_tokens
           where token_sha256 = any ($1::bytea[])`,
        values: [tokensSha256.map((hash) => Buffer.from(hash, 'hex'))]
      })
      const found = new Map(rows.map((row) => [row.token_sha256.toString('hex'), row]))
      return tokensSha256.map((hash) => {
        const row = found.get(hash)
        return row === undefined ? null : recordOf(hash, row)
      })
    },

    async revoke({ tokenSha256, provider, audience, clientId }, now) {
      const { rowCount } = await db.query({
        name: 'access-token-revoke',
        text: `
          with revoked as (
            update access_tokens set revoked_at = $5
             where token_sha256 = $1 and provider = $2 and audience = $3 and client_id = $4 and revoked_at is null
            returning token_sha256)
          select pg_notify('${channel}', encode(token_sha256, 'hex')) from revoked`,
        values: [Buffer.from(tokenSha256, 'hex'), provider, audience, clientId, now]
      })
      return rowCount === 1
    },

    async purge(expiredBefore) {
      let purged = 0
      for (let deleted = purgeLimit; deleted === purgeLimit; purged += deleted) {
        const { rowCount } = await db.query({
          name: 'access-tokens-purge',
          text: `
            delete from access_tokens
             where token_sha256 in (select token_sha256 from access_tokens
                                     where expires_at < $1 order by expires_at limit $2)`,
          values: [expiredBefore, purgeLimit]
        })
        deleted = rowCount ?? 0
      }
      return purged
    },

    watch: (on) => db.listen(channel, on)
  }
}

function recordOf(tokenSha256: string, row: Row): AccessTokenRecord {
  return {
    tokenSha256,
    provider: row.provider,
    audience: row.audience,
    clientId: row.client_id,
    subscriberId: row.subscriber_id,
    scope: row.scope,
    issuedAt: row.issued_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    grantId: row.grant_id
  }
}

/** Also for those that stand or fall with something else in the transaction. */
export async function insertAccessTokens(
  on: Queryable,
  records: readonly AccessTokenRecord[]
): Promise<void> {
  await on.query({
    name: 'access-tokens-add',
    text: `
      insert into access_tokens (token_sha256, provider, audience, client_id, subscriber_id, scope, issued_at,
                                 expires_at, revoked_at, grant_id)
      select * from unnest($1::bytea[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                           $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::text[])`,
    values: [
      records.map((record) => Buffer.from(record.tokenSha256, 'hex')),
      records.map((record) => record.provider),
      records.map((record) => record.audience),
      records.map((record) => record.clientId),
      records.map((record) => record.subscriberId),
      records.map((record) => record.scope),
      records.map((record) => record.issuedAt),
      records.map((record) => record.expiresAt),
      records.map((record) => record.revokedAt),
      records.map((record) => record.grantId)
    ]
  })
}

/** Ends all access tokens of a grant and tells all servers. @returns Their hashes, lower-case hex. */
export async function revokeAccessTokensOf(on: Queryable, grantId: string, at: Date): Promise<string[]> {
  const { rows } = await on.query<{ token: string }>({
    name: 'access-tokens-revoke-of-grant',
    text: `
      with revoked as (
        update access_tokens set revoked_at = $2 where grant_id = $1 and revoked_at is null
        returning encode(token_sha256, 'hex') as token)
      select token, pg_notify('${channel}', token) from revoked`,
    values: [grantId, at]
  })
  return rows.map(({ token }) => token)
}
