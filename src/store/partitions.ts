import type { Queryable } from './database.js'
import { lockKey } from './dedicated-connection.js'
import { uuidFrom } from './uuid-time.js'

/** Months that have a partition before anything is written there: this one and the next two. */
const monthsAhead = 3
/** A statement of the service that holds a table in the way is waited for this long; the next turn tries again. */
const lockTimeoutMs = 2_000

/** The tables that are cut by month, the column of their UUIDv7, and what their partitions are made with. */
export const partitionedTables = {
  activations: { key: 'id', options: 'with (fillfactor = 50)' },
  confirmations: { key: 'activation_id', options: '' },
  reservations: { key: 'id', options: 'with (fillfactor = 30)' },
  audit_events: { key: 'chain', options: '' }
} as const

/** One of them. */
export type PartitionedTable = keyof typeof partitionedTables

/** One month of one table, in UTC. */
export interface Partition {
  table: PartitionedTable
  /** Such as `activations_2026_01`. */
  name: string
  /** Its ids: from `from`, up to but not including `to`. */
  from: string
  to: string
  /** Where the month ends. */
  endsAt: Date
}

/** The partition of a month; `offset` counts months from that of `time`. */
export function partitionAt(table: PartitionedTable, time: Date, offset = 0): Partition {
  const [year, month] = [time.getUTCFullYear(), time.getUTCMonth() + offset]
  const start = new Date(Date.UTC(year, month))
  const endsAt = new Date(Date.UTC(year, month + 1))
  const name = `${table}_${start.toISOString().slice(0, 7).replace('-', '_')}`
  return { table, name, from: uuidFrom(start), to: uuidFrom(endsAt), endsAt }
}

/** The months that there are, in order of time. */
export async function listPartitions(on: Queryable): Promise<Partition[]> {
  const { rows } = await on.query<{ table: PartitionedTable; name: string }>({
    text: `select parent.relname as table, child.relname as name
             from pg_inherits i
             join pg_class parent on parent.oid = i.inhparent
             join pg_class child on child.oid = i.inhrelid
            where parent.relnamespace = to_regnamespace(current_schema()) and parent.relname = any($1::text[])
              and not i.inhdetachpending
            order by child.relname`,
    values: [Object.keys(partitionedTables)]
  })
  return rows.flatMap(({ table, name }) => {
    const [, year, month] = /_([0-9]{4})_([0-9]{2})$/.exec(name) ?? []
    return year === undefined ? [] : [partitionAt(table, new Date(Date.UTC(Number(year), Number(month) - 1)))]
  })
}

/**
 * Makes the partitions of this month and the next two where they are missing. To be called inside a transaction; of
 * several callers at once, one makes them and the others find them made. What had come to the default partition
 * meanwhile, because a clock was off, moves to its month.
 * @returns The names of those made.
 */
export async function makePartitions(tx: Queryable, now: Date): Promise<string[]> {
  await tx.query({ text: 'select pg_advisory_xact_lock($1)', values: [lockKey('partitions')] })
  await tx.query({ text: `set local lock_timeout = ${lockTimeoutMs}` })
  const present = new Set((await listPartitions(tx)).map(({ name }) => name))
  const made: string[] = []
  for (const table of await partitionedOf(tx)) {
    for (let offset = 0; offset < monthsAhead; offset++) {
      const partition = partitionAt(table, now, offset)
      if (present.has(partition.name)) continue
      await make(tx, partition)
      made.push(partition.name)
    }
  }
  return made
}

/** Those that this database has. */
async function partitionedOf(tx: Queryable): Promise<PartitionedTable[]> {
  const { rows } = await tx.query<{ table: PartitionedTable }>({
    text: `select c.relname as table from pg_partitioned_table p join pg_class c on c.oid = p.partrelid
            where c.relnamespace = to_regnamespace(current_schema()) and c.relname = any($1::text[])
            order by c.relname`,
    values: [Object.keys(partitionedTables)]
  })
  return rows.map(({ table }) => table)
}

/** Built beside the table and attached, which locks neither readers nor writers of the other months out. */
async function make(tx: Queryable, { table, name, from, to }: Partition): Promise<void> {
  const { key, options } = partitionedTables[table]
  await tx.query({ text: `create table ${name} (like ${table} including all) ${options}` })
  await tx.query({ text: `lock table ${table}_default in access exclusive mode` })
  const columns = await columnsOf(tx, table)
  await tx.query({
    text: `with moved as (delete from ${table}_default where ${key} >= '${from}' and ${key} < '${to}' returning *)
           insert into ${name} (${columns}) select ${columns} from moved`
  })
  await tx.query({
    text: `alter table ${table} attach partition ${name} for values from ('${from}') to ('${to}')`
  })
}

/** What is written, separated by commas; what PostgreSQL computes is not. */
async function columnsOf(tx: Queryable, table: PartitionedTable): Promise<string> {
  const { rows } = await tx.query<{ columns: string }>({
    text: `select string_agg(quote_ident(attname), ', ' order by attnum) as columns from pg_attribute
            where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''`,
    values: [table]
  })
  return rows[0]?.columns ?? ''
}

/** Tables with rows in no month, which is where a clock that is off puts them. */
export async function strayTables(on: Queryable): Promise<string[]> {
  const strays: string[] = []
  for (const table of Object.keys(partitionedTables)) {
    const { rows } = await on.query({ text: `select 1 from ${table}_default limit 1` })
    if (rows.length > 0) strays.push(table)
  }
  return strays
}
