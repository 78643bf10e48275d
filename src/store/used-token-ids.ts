import { batched } from './batch.js'
import type { Queryable } from './database.js'

/** One token id and how long it must be remembered. */
export interface TokenIdUse {
  /** Kind of token and who issued it; ids of different issuers never meet. */
  issuer: string
  /** At most 128 characters. */
  jti: string
  /** When the token itself is refused for its age, clock tolerance included. */
  rememberUntil: Date
}

/** Single use of the tokens that devices sign, over all servers that share the database. */
export interface UsedTokenIds {
  /**
   * True for exactly one caller, however many come at once and on whatever server; false for all others.
   * @throws ServiceError `database_unavailable`: nothing is known then, so the token must be refused.
   */
  claim(use: TokenIdUse): Promise<boolean>
  /** Forgets ids of tokens that have expired by `now`; returns how many. */
  purge(now: Date): Promise<number>
}

/** Token ids in one statement; many concurrent ones share it. */
export function createUsedTokenIds(db: Queryable): UsedTokenIds {
  const claim = batched<TokenIdUse, boolean>(
    async (uses) => {
      const { rows } = await db.query<{ issuer: string; jti: string }>({
        name: 'used-token-ids-claim',
        text: `insert into used_token_ids (issuer, jti, expires_at)
               select issuer, jti, expires_at
                 from unnest($1::text[], $2::text[], $3::timestamptz[]) as use (issuer, jti, expires_at)
                order by issuer, jti
                   on conflict (issuer, jti) do nothing
            returning issuer, jti`,
        values: [
          uses.map((use) => use.issuer),
          uses.map((use) => use.jti),
          uses.map((use) => use.rememberUntil)
        ]
      })
      const inserted = new Set(rows.map(nameOf))
      // The same id twice in one batch is inserted once: the first caller has it.
      return uses.map((use) => inserted.delete(nameOf(use)))
    },
    { limit: 500, lanes: 2 }
  )
  return {
    claim,
    async purge(now) {
      const { rowCount } = await db.query({
        text: 'delete from used_token_ids where expires_at < $1',
        values: [now]
      })
      return rowCount ?? 0
    }
  }
}

const nameOf = (use: { issuer: string; jti: string }): string => JSON.stringify([use.issuer, use.jti])
