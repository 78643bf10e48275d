import t from 'tap'
import { createActivationStore } from '../../src/store/activations.js'
import type { Database } from '../../src/store/database.js'
import { openMonths } from '../../src/store/months.js'
import { silent, startWorld } from '../audit/world.js'

const world = await startWorld(t)
const stored = 20_000

/** Rows read by way of indexes. Connections tell of theirs when they end. */
async function rowsRead(database: Database): Promise<number> {
  const { rows } = await database.query<{ read: number }>({
    text: `select sum(idx_tup_read)::integer as read from pg_stat_user_indexes where relname like 'activations%'`
  })
  return rows[0]?.read ?? 0
}

t.test('looking for what has expired costs what may be due, not what is stored', async (t) => {
  const name = await world.make()
  const now = new Date()
  const database = await world.open(t, name)
  const months = await openMonths({ database, now: () => now, log: silent })
  // Signed in the last twenty minutes, one after the other.
  await database.query({
    text: `
      insert into activations (id, provider, client_id, subscriber_id, kind, status, relying_party_name, num_signatures,
                               digests, document_names, description, nonce, created_at, expires_at, confirmed_at, occurrences)
      select regexp_replace(lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' ||
                              lpad(to_hex(n), 19, '0'), '(.{8})(.{4})(.{4})(.{4})(.{12})', '\\1-\\2-\\3-\\4-\\5'),
             'viettel', 'portal', 's' || n % 1000, 'digests', 'spent', 'Portal', 1, '\\x00', '{}', '', '', at,
             at + interval '5 minutes', at, '1'
        from (select n, $1::timestamptz - interval '20 minutes' * n / ${stored} as at from generate_series(1, ${stored}) n) made`,
    values: [now]
  })
  await database.query({ text: 'analyze activations' })
  await database.close()

  const judge = await world.open(t, name)
  const before = await rowsRead(judge)
  const serving = await world.open(t, name)
  const window = { after: new Date(now.getTime() - 1_000), until: now }
  const due = { windows: [window], now, confirmedBefore: new Date(now.getTime() - 300_000), limit: 500 }
  t.same(await createActivationStore(serving, months).expire(due), [])
  await serving.close()
  const perSecond = stored / (20 * 60)
  let read = (await rowsRead(judge)) - before
  for (let looks = 0; read === 0 && looks < 200; looks += 1) read = (await rowsRead(judge)) - before
  t.ok(read > 0, 'it looked')
  t.ok(read < 20 * perSecond, `${read} rows for the ${Math.round(perSecond)} of that second`)
  await judge.close()
})
