/*
 * Not a test: `node build/test/store/octets-per-signature.js`, after `npm test` has compiled it. Lets people sign on a
 * server of its own and prints what each signature leaves in the database, for docs/scaling.md.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { castAt, digestOf } from '../clients/journey.js'
import { ecdsaSha256Oid, rsaSha256Oid } from '../clients/portal.js'
import { startWorld } from '../world.js'

const provider = 'vnpt'
const tables = ['activations', 'confirmations', 'reservations', 'audit_events']
const shapes = [
  { algorithm: 'RSA-2048', digests: 1, activations: 1_000 },
  { algorithm: 'P-256', digests: 1, activations: 1_000 },
  { algorithm: 'RSA-2048', digests: 20, activations: 150 },
  { algorithm: 'RSA-2048', digests: 100, activations: 50 }
]
const peopleCount = 10

const ends: (() => Promise<void>)[] = []
const world = await startWorld(
  { teardown: (work) => void ends.push(work) },
  { settings: { LOG_LEVEL: 'error' } }
)
const sql = new pg.Client(world.connection)
await sql.connect()
try {
  for (const shape of shapes) await measure(shape)
} finally {
  await sql.end()
  for (const end of ends) await end()
}

/** Octets of a table with its partitions and their TOAST, of all their indexes, and rows by PostgreSQL's own count. */
async function sizes(): Promise<Map<string, { heap: number; indexes: number; rows: number }>> {
  const found = new Map()
  for (const table of tables) {
    const { rows } = await sql.query(
      `select sum(pg_table_size(oid))::float as heap, sum(pg_indexes_size(oid))::float as indexes,
              (select count(*)::integer from ${table}) as rows
         from (select $1::regclass as oid union select relid from pg_partition_tree($1)) relations`,
      [table]
    )
    found.set(table, rows[0])
  }
  return found
}

async function wal(): Promise<number> {
  const { rows } = await sql.query(`select pg_current_wal_insert_lsn() - '0/0' as at`)
  return Number(rows[0].at)
}

async function measure({ algorithm, digests, activations }: (typeof shapes)[number]): Promise<void> {
  const { approve, enrol, portal } = castAt({ url: world.url, provider })
  const people = await Promise.all(Array.from({ length: peopleCount }, () => enrol({ algorithm })))
  // Room that earlier rows left behind must not take what is measured.
  for (const table of tables) await sql.query(`vacuum full ${table}`)
  // The log holds an image of each page that is changed for the first time after a checkpoint.
  await sql.query('checkpoint')
  const [before, walBefore] = [await sizes(), await wal()]
  await Promise.all(
    people.map(async (person, index) => {
      for (let turn = 0; turn < activations / peopleCount; turn += 1) {
        const asked = Array.from({ length: digests }, (_, one) =>
          digestOf(`${algorithm} ${index} ${turn} ${one}`)
        )
        const { sad } = await approve(person, asked)
        const signAlgo = algorithm === 'P-256' ? ecdsaSha256Oid : rsaSha256Oid
        const sign = () => portal.sign(person.credentialID, sad, asked, signAlgo)
        let { status } = await sign()
        // Turned away, since others wait already.
        for (; status === 503; status = (await sign()).status) await sleep(200)
        if (status !== 200) throw new Error(`signHash answered ${status}`)
      }
    })
  )
  const [after, walAfter] = [await sizes(), await wal()]
  const signatures = activations * digests
  const perSignature = (octets: number) => Math.round(octets / signatures)
  console.log(`\n${algorithm}, ${digests} a request: octets a signature (${signatures} signatures)`)
  console.log('table            rows/activation      table    indexes')
  let total = 0
  for (const [table, now] of after) {
    const then = before.get(table) ?? { heap: 0, indexes: 0, rows: 0 }
    const [heap, indexes] = [now.heap - then.heap, now.indexes - then.indexes]
    total += heap + indexes
    const rows = ((now.rows - then.rows) / activations).toFixed(2)
    console.log(
      `${table.padEnd(16)} ${rows.padStart(15)} ${String(perSignature(heap)).padStart(10)} ${String(perSignature(indexes)).padStart(10)}`
    )
  }
  console.log(`${'all'.padEnd(16)} ${String(perSignature(total)).padStart(37)}`)
  console.log(`${'log (WAL)'.padEnd(16)} ${String(perSignature(walAfter - walBefore)).padStart(37)}`)
}
