import type { AuthorizationRecord, AuthorizationStatus, AuthorizationStore } from '../access/oauth/needs.js'
import type { AuthorizationAsked } from '../access/oauth/oauth.js'
import type { ErrorCode } from '../errors.js'
import type { Queryable } from './database.js'

/** Requests that one statement forgets, at most. */
const purgeLimit = 10_000

interface Row {
  id: string
  provider: string
  audience: string
  client_id: string
  status: AuthorizationStatus
  asked: AuthorizationAsked
  request_uri_sha256: Buffer | null
  binding_sha256: Buffer | null
  login: string | null
  subscriber_id: string | null
  activation_id: string | null
  refusal: ErrorCode | null
  code_expires_at: Date | null
  grant_id: string | null
  created_at: Date
  expires_at: Date
}

const columns = `id, provider, audience, client_id, status, asked, request_uri_sha256, binding_sha256, login,
  subscriber_id, activation_id, refusal, code_expires_at, grant_id, created_at, expires_at`

/** The `oauth_requests` table. Whoever changes a status names the one before it, and is told whether it was that. */
export function createAuthorizationStore(db: Queryable): AuthorizationStore {
  async function findBy(
    column: 'id' | 'request_uri_sha256' | 'code_sha256',
    value: string | Uint8Array
  ): Promise<AuthorizationRecord | null> {
    const { rows } = await db.query<Row>({
      name: `oauth-request-by-${column}`,
      text: `select ${columns} from oauth_requests where ${column} = $1`,
      values: [value]
    })
    return rows[0] === undefined ? null : recordOf(rows[0])
  }

  /** The first value is the id. */
  async function change(name: string, text: string, values: unknown[], on: Queryable = db): Promise<boolean> {
    const { rowCount } = await on.query({ name: `oauth-request-${name}`, text, values })
    return rowCount === 1
  }

  return {
    add: (record, { max, since }) =>
      change(
        'add',
        `insert into oauth_requests (id, provider, audience, client_id, status, asked, request_uri_sha256,
                                     binding_sha256, created_at, expires_at)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
          where (select count(*)
                   from (select from oauth_requests
                          where provider = $2 and client_id = $4 and created_at > $11 limit $12) as open) < $12`,
        [
          ...[record.id, record.provider, record.audience, record.clientId, record.status],
          ...[JSON.stringify(record.asked), record.requestUriSha256, record.bindingSha256],
          ...[record.createdAt, record.expiresAt, since, max]
        ]
      ),

    find: (id) => findBy('id', id),
    findPushed: (requestUriSha256) => findBy('request_uri_sha256', requestUriSha256),
    findByCode: (codeSha256) => findBy('code_sha256', codeSha256),

    open: ({ id, bindingSha256, state, at, expiresAt }) =>
      change(
        'open',
        `update oauth_requests
            set status = 'login', binding_sha256 = $2, expires_at = $3,
                asked = case when $4::text is null then asked
                             else (asked::jsonb || jsonb_build_object('state', $4::text))::json end
          where id = $1 and status = 'pushed' and expires_at > $5`,
        [id, bindingSha256, expiresAt, state, at]
      ),

    awaitCode: ({ id, login, at }) =>
      change(
        'await-code',
        `update oauth_requests set status = 'code', login = $2
          where id = $1 and status in ('login', 'code') and expires_at > $3`,
        [id, login, at]
      ),

    approve: ({ id, subscriberId, at }) =>
      change(
        'approve',
        `update oauth_requests set status = 'approved', subscriber_id = $2, login = null
          where id = $1 and status in ('login', 'code') and expires_at > $3`,
        [id, subscriberId, at]
      ),

    attach: (transaction, { id, subscriberId, activationId, at, expiresAt }) =>
      change(
        'attach',
        `update oauth_requests
            set status = 'phone', subscriber_id = $2, activation_id = $3, expires_at = $4, login = null
          where id = $1 and status in ('login', 'code') and expires_at > $5`,
        [id, subscriberId, activationId, expiresAt, at],
        transaction
      ),

    deny: ({ id, refusal }) =>
      change(
        'deny',
        `update oauth_requests set status = 'denied', refusal = $2, login = null
          where id = $1 and status in ('login', 'code', 'phone', 'approved')`,
        [id, refusal]
      ),

    answer: ({ id, codeSha256, codeExpiresAt, expiresAt }) =>
      change(
        'answer',
        `update oauth_requests set status = 'answered', code_sha256 = $2, code_expires_at = $3, expires_at = $4
          where id = $1 and status in ('approved', 'phone')`,
        [id, codeSha256, codeExpiresAt, expiresAt]
      ),

    redeem: (of) => redeemRequest(db, { ...of, grantId: null }),

    async purge(endedBefore) {
      for (let deleted = purgeLimit; deleted === purgeLimit; ) {
        const { rowCount } = await db.query({
          text: `delete from oauth_requests
                  where id in (select id from oauth_requests where expires_at < $1 order by expires_at limit $2)`,
          values: [endedBefore, purgeLimit]
        })
        deleted = rowCount ?? 0
      }
    }
  }
}

/** answered → redeemed, while the code is good: true for one caller. */
export async function redeemRequest(
  on: Queryable,
  { id, grantId, at }: { id: string; grantId: string | null; at: Date }
): Promise<boolean> {
  const { rowCount } = await on.query({
    name: 'oauth-request-redeem',
    text: `update oauth_requests set status = 'redeemed', grant_id = $2
            where id = $1 and status = 'answered' and code_expires_at > $3`,
    values: [id, grantId, at]
  })
  return rowCount === 1
}

function recordOf(row: Row): AuthorizationRecord {
  return {
    id: row.id,
    provider: row.provider,
    audience: row.audience,
    clientId: row.client_id,
    status: row.status,
    asked: row.asked,
    requestUriSha256: row.request_uri_sha256,
    bindingSha256: row.binding_sha256,
    login: row.login,
    subscriberId: row.subscriber_id,
    activationId: row.activation_id,
    refusal: row.refusal,
    codeExpiresAt: row.code_expires_at,
    grantId: row.grant_id,
    createdAt: row.created_at,
    expiresAt: row.expires_at
  }
}
