import type { Queryable } from '../../src/store/database.js'
import type { Made } from './bulk.js'

type Value = string | number | boolean | null | Date | Uint8Array

/** Writes the rows of many people: one statement a table. */
export async function writeRows(database: Queryable, made: readonly Made[]): Promise<void> {
  await writeTable(
    database,
    'subscribers',
    made.map(({ subscriber: row, seals }) => ({
      id: row.id,
      provider: row.provider,
      login: row.login,
      full_name: row.fullName,
      national_id: row.nationalId,
      second_factor: row.secondFactor,
      demo: row.demo,
      created_at: row.createdAt,
      version: row.version,
      seal: seals.subscriber
    }))
  )
  await writeTable(
    database,
    'devices',
    made.map(({ device: row, seals }) => ({
      id: row.id,
      provider: row.provider,
      subscriber_id: row.subscriberId,
      name: row.name,
      platform: row.platform,
      spki: row.spki,
      virtual: row.virtual,
      created_at: row.createdAt,
      version: row.version,
      seal: seals.device
    }))
  )
  await writeTable(
    database,
    'credentials',
    made.map(({ credential: row, seals }) => ({
      id: row.id,
      provider: row.provider,
      subscriber_id: row.subscriberId,
      algorithm: row.algorithm,
      status: row.status,
      serial_number: row.serialNumber,
      spki: row.key.spki,
      certificate: row.certificate,
      wrapped_key: row.key.wrapped,
      token_key_id: row.key.tokenKeyId,
      not_before: row.notBefore,
      not_after: row.notAfter,
      auth: row.auth,
      scal: row.scal,
      multisign: row.multisign,
      issued_at: row.issuedAt,
      published_at: row.publishedAt,
      version: row.version,
      seal: seals.credential
    }))
  )
}

/** Columns that are not named get their defaults. */
async function writeTable(
  database: Queryable,
  table: string,
  rows: readonly Readonly<Record<string, Value>>[]
): Promise<void> {
  const columns = Object.keys(rows[0] ?? {}).join(', ')
  await database.query({
    text: `insert into ${table} (${columns}) select ${columns} from jsonb_populate_recordset(null::${table}, $1::jsonb)`,
    values: [JSON.stringify(rows.map(plain))]
  })
}

/** As PostgreSQL reads it from JSON. */
const plain = (row: Readonly<Record<string, Value>>) =>
  Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      value instanceof Uint8Array ? `\\x${Buffer.from(value).toString('hex')}` : value
    ])
  )
