import type { OperatorRecord, OperatorStore, ReadOperator } from '../access/needs.js'
import type { Database } from './database.js'
import type { SealedFields, Seals } from './seals.js'

interface Row {
  id: string
  name: string
  role: OperatorRecord['role']
  key_sha256: Buffer
  demo: boolean
  created_at: Date
  created_by: string
  removed_at: Date | null
  version: number
  seal: Buffer
}

const columns = 'id, name, role, key_sha256, demo, created_at, created_by, removed_at, version, seal'

/** Operators, found by the hash of their key; sealed when they are written and checked when they are read. */
export function createOperatorStore(db: Database, seals: Seals): OperatorStore {
  async function checked(row: Row): Promise<ReadOperator> {
    const record = recordOf(row)
    return { record, intact: await seals.holds('operators', sealedFields(record), row.seal) }
  }

  /** One after the other, since mostly the first will do. */
  async function someIntact(rows: readonly Row[]): Promise<boolean> {
    for (const row of rows) if ((await checked(row)).intact) return true
    return false
  }

  return {
    async add(record) {
      const { id, name, role, keySha256, demo, createdAt, createdBy, removedAt, version } = record
      const seal = await seals.seal('operators', sealedFields(record))
      const { rowCount } = await db.query({
        text: `
          insert into operators (${columns}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
          on conflict (key_sha256) do nothing`,
        values: [id, name, role, keySha256, demo, createdAt, createdBy, removedAt, version, seal]
      })
      return rowCount === 1
    },

    async findByKey(keySha256) {
      const { rows } = await db.query<Row>({
        name: 'operator-find-by-key',
        text: `select ${columns} from operators where key_sha256 = $1`,
        values: [keySha256]
      })
      return rows[0] === undefined ? null : checked(rows[0])
    },

    async find(id) {
      const { rows } = await db.query<Row>({
        text: `select ${columns} from operators where id = $1`,
        values: [id]
      })
      return rows[0] === undefined ? null : checked(rows[0])
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
      return Promise.all(rows.map(checked))
    },

    /** Locks the administrators too, so that two of them cannot remove each other at the same moment. */
    remove: (id, now) =>
      db.transaction(async (tx) => {
        const { rows } = await tx.query<Row>({
          text: `
            select ${columns}
              from operators
             where id = $1 or (role = 'administrator' and removed_at is null)
             order by id
               for update`,
          values: [id]
        })
        const row = rows.find((one) => one.id === id)
        if (row === undefined) return 'unknown'
        const { record, intact } = await checked(row)
        if (!intact) return 'broken'
        if (record.removedAt !== null) return 'unknown'
        if (record.role === 'administrator' && !(await someIntact(rows.filter((one) => one !== row)))) {
          return 'last-administrator'
        }
        const next: OperatorRecord = { ...record, removedAt: now, version: record.version + 1 }
        await tx.query({
          text: 'update operators set removed_at = $2, version = $3, seal = $4 where id = $1',
          values: [id, next.removedAt, next.version, await seals.seal('operators', sealedFields(next))]
        })
        return 'removed'
      })
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
    createdBy: row.created_by,
    removedAt: row.removed_at,
    version: row.version
  }
}

/** The whole row: there is nothing in it that may change unseen. */
function sealedFields(record: OperatorRecord): SealedFields {
  return { ...record, provider: null }
}
