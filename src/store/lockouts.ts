import type { LockoutKey, LockoutStore } from '../access/needs.js'
import type { Queryable } from './database.js'

interface Row {
  locked_until: Date
  judging: boolean
}

/** The `lockouts` table: wrong secrets in a row. */
export function createLockoutStore(db: Queryable): LockoutStore {
  return {
    async enter(key, { attempts, at, lockedUntil, judgedSince, countedSince }) {
      const { rowCount } = await db.query({
        name: 'lockouts-enter',
        text: `
          insert into lockouts as kept (provider, login_mac, kind, client_id, tries, judging, changed_at, locked_until)
          values ($1, $2, $3, $4, 1, 1, $5::timestamptz, case when $6::integer <= 1 then $7::timestamptz end)
          on conflict (provider, login_mac, kind, client_id) do update
             set (tries, judging, changed_at, locked_until) = (
                   select tries, judging, $5::timestamptz, case when tries >= $6 then $7::timestamptz end
                     from (select case when kept.locked_until is not null or kept.changed_at <= $9 then 1
                                       else kept.tries + 1 end as tries,
                                  case when kept.changed_at <= $8 then 1 else kept.judging + 1 end as judging) as next)
           where kept.locked_until is null or kept.locked_until <= $5 or kept.changed_at <= $9`,
        values: [...valuesOf(key), at, attempts, lockedUntil, judgedSince, countedSince]
      })
      if (rowCount === 1) return { entered: true }
      const { rows } = await db.query<Row>({
        name: 'lockouts-locked',
        text: `
          select locked_until, judging > 0 and changed_at > $5 as judging
            from lockouts
           where provider = $1 and login_mac = $2 and kind = $3 and client_id = $4 and locked_until is not null`,
        values: [...valuesOf(key), judgedSince]
      })
      const row = rows[0]
      // Gone between the two statements: what was being judged has ended.
      if (row === undefined) return { entered: false, lockedUntil: at, judging: true }
      return { entered: false, lockedUntil: row.locked_until, judging: row.judging }
    },

    async leave(key, { as, attempts }) {
      const { rows } = await db.query<{ tries: number }>({
        name: 'lockouts-leave',
        text: `
          update lockouts
             set (tries, judging, locked_until) = (
                   select tries, judging, case when tries >= $6 then locked_until end
                     from (select greatest(lockouts.judging - 1, 0) as judging,
                                  case $5 when 'right' then greatest(lockouts.judging - 1, 0)
                                          when 'wrong' then lockouts.tries
                                          else greatest(lockouts.tries - 1, 0) end as tries) as next)
           where provider = $1 and login_mac = $2 and kind = $3 and client_id = $4
          returning tries`,
        values: [...valuesOf(key), as, attempts]
      })
      return rows[0]?.tries ?? 0
    },

    async remove({ provider, loginMac, at }) {
      const { rows } = await db.query<{ locked: boolean }>({
        text: `delete from lockouts where provider = $1 and login_mac = $2
               returning coalesce(locked_until > $3, false) as locked`,
        values: [provider, loginMac, at]
      })
      return rows.filter(({ locked }) => locked).length
    },

    async purge({ at, countedSince, judgedSince, unlockedMax }) {
      await db.query({
        text: `
          delete from lockouts
           where (locked_until is null or locked_until <= $1)
             and (changed_at <= $2 or (changed_at <= $3 and (tries = 0 or locked_until is not null)))`,
        values: [at, countedSince, judgedSince]
      })
      await db.query({
        text: `
          delete from lockouts
           where (locked_until is null or locked_until <= $1)
             and changed_at <= (select changed_at from lockouts where locked_until is null or locked_until <= $1
                                 order by changed_at desc offset $2 limit 1)`,
        values: [at, unlockedMax]
      })
    }
  }
}

const valuesOf = ({ provider, loginMac, kind, clientId }: LockoutKey) => [provider, loginMac, kind, clientId]
