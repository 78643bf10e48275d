import type { OperatorRecord, OperatorStore } from '../access/needs.js'
import type { Database } from './database.js'

interface Row {
  id: string
  name: string
  role: OperatorRecord['role']
  key_sha256: Buffer
  demo: boolean
  created_at: Date
  removed_at: Date | null
}

const columns = 'id, name, role, key_sha256, demo, created_at, removed_at'

/** Operators, found by the hash of their key. */
export function createOperatorStore(db: Database): OperatorStore & { holdsDemo(): Promise<boolean> } {
  return {
    async add({ id, name, role, keySha256, demo, createdAt, removedAt }) {
      const { rowCount } = await db.query({
        text: `insert into operators (${columns}) values ($1, $2, $3, $4, $5, $6, $7) on conflict (key_sha256) do nothing`,
        values: [id, name, role, keySha256, demo, createdAt, removedAt]
      })
      return rowCount === 1
    },

    async findByKey(keySha256) {
      const { rows } = await db.query<Row>({
        name: 'operator-find-by-key',
        text: `select ${columns} from operators where key_sha256 = $1 and removed_at is null`,
        values: [keySha256]
      })
      return rows[0] === undefined ? null : recordOf(rows[0])
    },

    async list({ after, limit }) {
      const { rows } = await db.query<Row>({
        text: `
          select ${columns}
            from operators
           where removed_at is null and ($1::text is null or id > $1)
           order by id
           limit $2`,
        values: [after, limit]
      })
      return rows.map(recordOf)
    },

    /** Locks the administrators first, so that two of them cannot remove each other at the same moment. */
    remove: (id, now) =>
      db.transaction(async (tx) => {
        const administrators = await tx.query<{ id: string }>({
          text: `
            select id from operators where role = 'administrator' and removed_at is null order by id for update`
        })
        if (administrators.rows.every((row) => row.id === id) && administrators.rows.length > 0) {
          return 'last-administrator'
        }
        const { rowCount } = await tx.query({
          text: 'update operators set removed_at = $2 where id = $1 and removed_at is null',
          values: [id, now]
        })
        return rowCount === 1 ? 'removed' : 'unknown'
      }),

    /** Whether an operator of the demo seed can still be used. */
    async holdsDemo() {
      const { rows } = await db.query<{ holds: boolean }>({
        text: 'select exists (select from operators where demo and removed_at is null) as holds'
      })
      return rows[0]?.holds === true
    }
  }
}

function recordOf(row: Row): OperatorRecord {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    keySha256: row.key_sha256,
    demo: row.demo,
    createdAt: row.created_at,
    removedAt: row.removed_at
  }
}
