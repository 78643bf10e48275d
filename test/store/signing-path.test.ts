import t from 'tap'
import type { Database } from '../../src/store/database.js'
import { openMonths } from '../../src/store/months.js'
import { silent, startWorld } from '../audit/world.js'
import { person, steps, waiting } from './approvals.js'

const world = await startWorld(t)

/** Changes of rows, and how many of them wrote to no index. Connections tell of theirs when they end, at the latest. */
async function changes(database: Database, table: string) {
  const { rows } = await database.query<{ all: number; hot: number }>({
    text: `select sum(n_tup_upd)::integer as all, sum(n_tup_hot_upd)::integer as hot
             from pg_stat_user_tables where relname like $1`,
    values: [`${table}%`]
  })
  return rows[0] ?? { all: 0, hot: 0 }
}

const inLanes = async <T>(items: readonly T[], work: (item: T) => Promise<unknown>) => {
  const queue = [...items]
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item)
    })
  )
}

const approvals = 150
const ways = ['one approval after the other', 'all asked first, then all confirmed, then all signed'] as const

t.test('after the confirmation, the SAD, reserving and finishing are heap-only changes:', async (t) => {
  for (const [count, way] of [1, 20].flatMap((count) => ways.map((way) => [count, way] as const))) {
    await t.test(`${count} digests, ${way}`, async (t) => {
      const name = await world.make()
      const database = await world.open(t, name)
      const owner = await person(database)
      const months = await openMonths({ database, now: () => new Date(), log: silent })
      const { open, confirm, setSad, sign } = steps(database, owner, months)
      const all = Array.from({ length: approvals }, () => waiting(owner, count))
      const inOrder = [open, confirm, setSad, sign]
      if (way === ways[0]) {
        await inLanes(all, async (activation) => {
          for (const step of inOrder) await holds(step(activation))
        })
      } else for (const step of inOrder) await inLanes(all, (activation) => holds(step(activation)))
      await database.close()
      const judge = await world.open(t, name)
      // A page that is full when many change at once lets some go, on a slow disk one in eight. Of a change that never is
      // heap-only, half of all would be missing.
      const enough = 0.7
      for (const [table, all, afterConfirming] of [
        ['activations', 3 * approvals, 2 * approvals] as const,
        ['reservations', approvals, approvals] as const
      ]) {
        let told = await changes(judge, table)
        while (told.all < all) told = await changes(judge, table)
        t.equal(told.all, all)
        t.ok(told.hot > enough * afterConfirming, `${table}: ${told.hot} of ${all}`)
      }
      await judge.close()
    })
  }
})

async function holds(step: Promise<boolean | string>): Promise<void> {
  const answer = await step
  if (answer !== true && answer !== 'opened' && answer !== 'confirmed')
    throw new Error(`a step was answered ${answer}`)
}
