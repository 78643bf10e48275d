import type { ChainHead } from '../audit/chain.js'
import type { RetentionStore } from '../audit/needs.js'
import {
  type CheckpointRow,
  checkpointColumns,
  checkpointOf,
  type EventRow,
  eventColumns,
  eventOf
} from './audit.js'
import type { Database, Queryable } from './database.js'
import { listPartitions, type Partition, type PartitionedTable, partitionedTables } from './partitions.js'
import { openSince, uuidFrom } from './uuid-time.js'

/** How long a month that is to be dropped is waited for; statements over the whole table wait with it. */
const lockTimeoutMs = 2_000
const evidenceTables = ['confirmations', 'reservations', 'activations'] as const

/** What the retention job does to the tables. Each step is a small transaction, and none depends on the one before. */
export function createRetentionStore(
  database: Database,
  /** Rows removed by one statement. */
  rowsPerStep = 2_000
): RetentionStore {
  /** False: `unless` found something when nobody could write to it any more, and it stays. */
  async function dropMonth(
    { table, name }: Partition,
    unless: (tx: Queryable) => Promise<boolean> = async () => false
  ): Promise<boolean> {
    return database.transaction(async (tx) => {
      await tx.query({ text: `set local lock_timeout = ${lockTimeoutMs}` })
      await tx.query({ text: `lock table ${name} in access exclusive mode` })
      if (await unless(tx)) return false
      await tx.query({ text: `alter table ${table} detach partition ${name}` })
      await tx.query({ text: `drop table ${name}` })
      return true
    })
  }

  /** Months that ended by `until`. */
  async function monthsOf(tables: readonly PartitionedTable[], until: Date): Promise<Partition[]> {
    const partitions = await listPartitions(database)
    return partitions.filter(({ table, endsAt }) => tables.includes(table) && endsAt <= until)
  }

  /** From the front, so that what is left still ends where the chain ended. */
  async function removeChain(chain: string): Promise<void> {
    for (;;) {
      const { rowCount } = await database.query({
        text: `delete from audit_events
                where chain = $1 and seq < $2 + (select min(seq) from audit_events where chain = $1)`,
        values: [chain, rowsPerStep]
      })
      if (rowCount === 0) return
    }
  }

  return {
    tryHold: () => database.tryHold('retention'),

    async endedBefore(limit, except) {
      const { rows } = await database.query<{ chain: string; seq: string; hash: string }>({
        text: `
          with recursive chains as (
            (select chain from audit_events order by chain limit 1)
            union all
            select (select e.chain from audit_events e where e.chain > c.chain order by e.chain limit 1)
              from chains c where c.chain is not null
          )
          select h.chain, h.seq, encode(h.hash, 'base64') as hash
            from chains c
           cross join lateral (select e.chain, e.seq, e.hash, e.at from audit_events e
                                where e.chain = c.chain order by e.seq desc limit 1) h
           where h.at < $1 and h.chain <> $2
             and not exists (select from servers s where s.id = h.chain and s.stopped_at is null)
             and not exists (select from retired_chains r where r.chain = h.chain)
           order by h.chain`,
        values: [limit, except]
      })
      return rows.map(({ chain, seq, hash }) => ({
        chain,
        seq: Number(seq),
        hash: hash.replaceAll('\n', '')
      }))
    },

    async events(chain, afterSeq, limit) {
      const { rows } = await database.query<EventRow>({
        text: `select ${eventColumns} from audit_events e where e.chain = $1 and e.seq > $2 order by e.seq limit $3`,
        values: [chain, afterSeq, limit]
      })
      return rows.map(eventOf)
    },

    async lastCheckpoint() {
      const { rows } = await database.query<CheckpointRow>({
        text: `select ${checkpointColumns} from audit_checkpoints order by id desc limit 1`
      })
      return rows[0] === undefined ? null : checkpointOf(rows[0])
    },

    retire: ({ chain, seq, hash }, announce) =>
      database.transaction(async (tx) => {
        await tx.query({
          text: `insert into retired_chains (chain, seq, hash) values ($1, $2, decode($3, 'base64'))`,
          values: [chain, seq, hash]
        })
        await announce(tx)
      }),

    async removeRetired(limit) {
      const retired = await retiredChains(database)
      const dropped: string[] = []
      for (const month of await monthsOf(['audit_events'], limit)) {
        if (await dropMonth(month, (tx) => holdsOthers(tx, month.name, retired))) dropped.push(month.name)
      }
      for (const chain of retired) {
        await removeChain(chain)
        await database.query({ text: 'delete from retired_chains where chain = $1', values: [chain] })
      }
      return dropped
    },

    async removeEvidence(limit) {
      const { rows } = await database.query<{ oldest: Date | null }>({
        text: 'select min(at) as oldest from audit_events'
      })
      // An event may be about what was asked as long before it as anything can stay open.
      const needed = rows[0]?.oldest ? openSince(rows[0].oldest) : limit
      const until = new Date(Math.min(needed.getTime(), limit.getTime()))
      const dropped: string[] = []
      for (const month of await monthsOf(evidenceTables, until)) {
        if (await dropMonth(month)) dropped.push(month.name)
      }
      // What has no month of its own.
      for (const table of evidenceTables) {
        const { key } = partitionedTables[table]
        const old = `select ${key} from ${table}_default where ${key} < $1 order by ${key} limit $2`
        const step = {
          text: `delete from ${table}_default where ${key} in (${old})`,
          values: [uuidFrom(until), rowsPerStep]
        }
        while ((await database.query(step)).rowCount === rowsPerStep);
      }
      return dropped
    },

    async removeCheckpoints(limit) {
      for (let after = ''; ; ) {
        const { rows } = await database.query<{ id: string; needed: boolean }>({
          text: `
            with old as (
              select id, heads from audit_checkpoints
               where id > $1 and at < $2 and id < (select max(id) from audit_checkpoints) order by id limit $3
            ), judged as (
              select id, jsonb_typeof(heads) <> 'array' or exists (
                       select from jsonb_array_elements(case jsonb_typeof(heads) when 'array' then heads else '[]' end) h
                        where exists (select from audit_events e where e.chain = h->>'chain')) as needed
                from old
            ), removed as (
              delete from audit_checkpoints where id in (select id from judged where not needed)
            )
            select id, needed from judged order by id`,
          values: [after, limit, rowsPerStep]
        })
        // Later ones name the same chains, or younger ones.
        if (rows.length < rowsPerStep || rows.some(({ needed }) => needed)) return
        after = rows.at(-1)?.id ?? after
      }
    }
  }
}

async function retiredChains(on: Queryable): Promise<string[]> {
  const { rows } = await on.query<Pick<ChainHead, 'chain'>>({
    text: 'select chain from retired_chains order by chain'
  })
  return rows.map(({ chain }) => chain)
}

/** Whether a month has events of other chains than these. */
async function holdsOthers(on: Queryable, table: string, chains: readonly string[]): Promise<boolean> {
  const { rows } = await on.query<{ chain: string }>({
    text: `
      with recursive present as (
        (select chain from ${table} order by chain limit 1)
        union all
        select (select e.chain from ${table} e where e.chain > p.chain order by e.chain limit 1)
          from present p where p.chain is not null
      )
      select chain from present where chain is not null`
  })
  const known = new Set(chains)
  return rows.some(({ chain }) => !known.has(chain))
}
