import type { Clock } from '../clock.js'
import type { Database } from './database.js'
import type { StoreLog } from './log.js'
import {
  listPartitions,
  makePartitions,
  type Partition,
  type PartitionedTable,
  strayTables
} from './partitions.js'
import { uuidFrom } from './uuid-time.js'

/**
 * Which table to name in a statement about rows whose ids are known. Naming the month itself instead of the whole table
 * spares PostgreSQL from going through all months with every statement, which costs half as much again as the
 * statement. The whole table is never wrong, only slower.
 */
export interface Months {
  /** The table of the row with this id. */
  of(table: PartitionedTable, id: string): string
  /** The table of all rows made from `first` to `last`: one month's if it is one, else the whole. */
  within(table: PartitionedTable, first: Date, last: Date): string
  /**
   * Runs a statement over the tables chosen. Should one of them be gone, since its time was over, the statement runs
   * again over the whole tables: not for use inside a transaction, which the failure ends.
   */
  over<T>(
    choose: (months: Pick<Months, 'of' | 'within'>) => string[],
    run: (...tables: string[]) => Promise<T>
  ): Promise<T>
}

/** For who knows of no month. */
export const wholeTables: Months = {
  of: (table) => table,
  within: (table) => table,
  over: (choose, run) => run(...choose(wholeTables))
}

/** Months as this process knows them. */
export interface KnownMonths extends Months {
  /** Makes the months to come, and learns what others made or dropped. To be called at start and now and then. */
  refresh(): Promise<void>
}

/** Reads what months there are. */
export async function openMonths(options: {
  database: Database
  now: Clock
  log: StoreLog
}): Promise<KnownMonths> {
  const { database, now, log } = options
  /** The latest first: most statements are about what was made just now. */
  let known = new Map<PartitionedTable, Partition[]>()

  async function learn(): Promise<void> {
    const next = new Map<PartitionedTable, Partition[]>()
    for (const partition of (await listPartitions(database)).reverse()) {
      next.set(partition.table, [...(next.get(partition.table) ?? []), partition])
    }
    known = next
  }

  const months: KnownMonths = {
    of: (table, id) => known.get(table)?.find(({ from, to }) => id >= from && id < to)?.name ?? table,
    within(table, first, last) {
      const [low, high] = [uuidFrom(first), uuidFrom(last)]
      return known.get(table)?.find(({ from, to }) => low >= from && high < to)?.name ?? table
    },
    async over(choose, run) {
      try {
        return await run(...choose(months))
      } catch (error) {
        if (codeOf(error) !== undefinedTable) throw error
        await learn()
        return run(...choose(wholeTables))
      }
    },
    async refresh() {
      try {
        const made = await database.transaction((tx) => makePartitions(tx, now()))
        if (made.length > 0) log.info({ made }, 'partitions were made')
      } catch (error) {
        // Somebody held a table for long. The default partition takes what comes until the next turn.
        if (codeOf(error) !== lockNotAvailable) throw error
        log.warn({ err: error }, 'the partitions of months to come could not be made yet')
      }
      const strays = await strayTables(database)
      if (strays.length > 0)
        log.warn({ tables: strays }, 'rows belong to no month at hand: a clock is or was off')
      await learn()
    }
  }
  await months.refresh()
  return months
}

/** Items that go to the same tables, together. In almost every batch these are all. */
export function grouped<T>(items: readonly T[], tableOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const table = tableOf(item)
    const group = groups.get(table)
    if (group === undefined) groups.set(table, [item])
    else group.push(item)
  }
  return [...groups.values()]
}

/** SQLSTATEs (PostgreSQL manual, appendix A). */
const undefinedTable = '42P01'
const lockNotAvailable = '55P03'

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : null)
