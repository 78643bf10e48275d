import type { GrantRecord, GrantStore, RefreshTokenRecord } from '../access/oauth/needs.js'
import { insertAccessTokens, revokeAccessTokensOf } from './access-tokens.js'
import type { Database, Queryable } from './database.js'
import { redeemRequest } from './oauth-requests.js'

/** Rows that one statement forgets, at most. */
const purgeLimit = 10_000
/** A grant that is kept alive for years does not keep all of its refresh tokens. */
const purged = [
  { table: 'refresh_tokens', key: 'token_sha256' },
  { table: 'oauth_grants', key: 'id' }
]

interface Row {
  token_sha256: Buffer
  token_issued_at: Date
  token_expires_at: Date
  used_at: Date | null
  id: string
  provider: string
  audience: string
  client_id: string
  subscriber_id: string
  scope: string
  created_at: Date
  expires_at: Date
  revoked_at: Date | null
}

/** Grants and their refresh tokens. Whoever adds a token to a grant holds its row, so that none escapes a revocation. */
export function createGrantStore(db: Database): GrantStore {
  return {
    open: (grant, { access, refresh }, requestId) =>
      db.transaction(async (tx) => {
        const exchanged =
          requestId === null ||
          (await redeemRequest(tx, { id: requestId, grantId: grant.id, at: grant.createdAt }))
        if (!exchanged) return false
        await tx.query({
          name: 'oauth-grant-add',
          text: `insert into oauth_grants (id, provider, audience, client_id, subscriber_id, scope, created_at, expires_at)
                 values ($1, $2, $3, $4, $5, $6, $7, $8)`,
          values: [
            ...[grant.id, grant.provider, grant.audience, grant.clientId, grant.subscriberId, grant.scope],
            ...[grant.createdAt, grant.expiresAt]
          ]
        })
        if (refresh !== null) await insertRefreshToken(tx, refresh)
        await insertAccessTokens(tx, [access])
        return true
      }),

    async findRefreshToken(tokenSha256) {
      const { rows } = await db.query<Row>({
        name: 'refresh-token-find',
        text: `
          select t.token_sha256, t.issued_at as token_issued_at, t.expires_at as token_expires_at, t.used_at,
                 g.id, g.provider, g.audience, g.client_id, g.subscriber_id, g.scope, g.created_at, g.expires_at,
                 g.revoked_at
            from refresh_tokens t join oauth_grants g on g.id = t.grant_id
           where t.token_sha256 = $1`,
        values: [tokenSha256]
      })
      return rows[0] === undefined ? null : { token: tokenOf(rows[0]), grant: grantOf(rows[0]) }
    },

    rotate: (usedSha256, { access, refresh }) =>
      db.transaction(async (tx) => {
        const { rowCount: grants } = await tx.query({
          name: 'oauth-grant-prolong',
          text: `update oauth_grants set expires_at = $2 where id = $1 and revoked_at is null`,
          values: [refresh.grantId, refresh.expiresAt]
        })
        if (grants !== 1) return false
        const { rowCount: used } = await tx.query({
          name: 'refresh-token-use',
          text: `update refresh_tokens set used_at = $2 where token_sha256 = $1 and used_at is null`,
          values: [usedSha256, refresh.issuedAt]
        })
        if (used !== 1) return false
        await insertRefreshToken(tx, refresh)
        await insertAccessTokens(tx, [access])
        return true
      }),

    revoke: (grantId, at) =>
      db.transaction(async (tx) => {
        // In a statement of its own, so that the next one sees what was added by whoever held the row until now.
        const { rowCount } = await tx.query({
          name: 'oauth-grant-revoke',
          text: `update oauth_grants set revoked_at = $2 where id = $1 and revoked_at is null`,
          values: [grantId, at]
        })
        return rowCount === 1 ? revokeAccessTokensOf(tx, grantId, at) : null
      }),

    async purge(endedBefore) {
      for (const { table, key } of purged)
        for (let deleted = purgeLimit; deleted === purgeLimit; ) {
          const { rowCount } = await db.query({
            text: `delete from ${table}
                    where ${key} in (select ${key} from ${table} where expires_at < $1 order by expires_at limit $2)`,
            values: [endedBefore, purgeLimit]
          })
          deleted = rowCount ?? 0
        }
    }
  }
}

async function insertRefreshToken(tx: Queryable, token: RefreshTokenRecord): Promise<void> {
  await tx.query({
    name: 'refresh-token-add',
    text: `insert into refresh_tokens (token_sha256, grant_id, issued_at, expires_at) values ($1, $2, $3, $4)`,
    values: [token.tokenSha256, token.grantId, token.issuedAt, token.expiresAt]
  })
}

const tokenOf = (row: Row): RefreshTokenRecord => ({
  tokenSha256: row.token_sha256,
  grantId: row.id,
  issuedAt: row.token_issued_at,
  expiresAt: row.token_expires_at,
  usedAt: row.used_at
})

const grantOf = (row: Row): GrantRecord => ({
  id: row.id,
  provider: row.provider,
  audience: row.audience,
  clientId: row.client_id,
  subscriberId: row.subscriber_id,
  scope: row.scope,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  revokedAt: row.revoked_at
})
