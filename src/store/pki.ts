import type {
  CertificateStatus,
  PkiStore,
  RevocationListRow,
  RevocationReason,
  RevokedEntry
} from '../pki/pki.js'
import { batched } from './batch.js'
import type { Database } from './database.js'

interface StatusRow {
  serial_number: string
  status: 'issued' | 'active' | 'suspended' | 'revoked'
  suspended_at: Date | null
  revoked_at: Date | null
  revocation_reason: RevocationReason | null
}
interface ListRow {
  issuer: string
  number: string
  this_update: Date
  next_update: Date
  statuses_version: string
  der: Buffer
}

/** What everybody may cause takes one connection for statuses and one for their versions, however many ask. */
const statusBatch = { limit: 32, lanes: 1 }
const versionBatch = { limit: 1_000, lanes: 1 }

/** What the CAs keep for themselves, and the statuses of credentials as relying parties are told them. */
export function createPkiStore(db: Database): PkiStore {
  const statusesOf = batched(
    async (asked: readonly { provider: string; serialNumbers: readonly string[] }[]) => {
      const { rows } = await db.query<StatusRow & { provider: string }>({
        name: 'pki-statuses-of',
        text: `
          select provider, serial_number, status, suspended_at, revoked_at, revocation_reason
            from credentials
            join unnest($1::text[], $2::text[]) as asked (provider, serial_number) using (provider, serial_number)`,
        values: [
          asked.flatMap(({ provider, serialNumbers }) => serialNumbers.map(() => provider)),
          asked.flatMap(({ serialNumbers }) => serialNumbers)
        ]
      })
      const found = new Map(rows.map((row) => [`${row.provider} ${row.serial_number}`, statusOf(row)]))
      return asked.map(({ provider, serialNumbers }) =>
        serialNumbers.map((serialNumber) => found.get(`${provider} ${serialNumber}`) ?? null)
      )
    },
    statusBatch
  )

  const statusesVersion = batched(async (issuers: readonly string[]) => {
    const { rows } = await db.query<{ issuer: string; version: string }>({
      name: 'pki-statuses-versions',
      text: 'select issuer, version from status_versions where issuer = any($1::text[])',
      values: [[...new Set(issuers)]]
    })
    const found = new Map(rows.map(({ issuer, version }) => [issuer, BigInt(version)]))
    return issuers.map((issuer) => found.get(issuer) ?? 0n)
  }, versionBatch)

  return {
    statusesOf: (provider, serialNumbers) => statusesOf({ provider, serialNumbers }),
    statusesVersion,

    // One statement, so that entries and version are of the same moment.
    async revoked(provider) {
      const { rows } = await db.query<{ version: string } & Partial<StatusRow>>({
        name: 'pki-revoked',
        text: `
          select present.version, c.serial_number, c.status, c.suspended_at, c.revoked_at, c.revocation_reason
            from (select coalesce((select version from status_versions where issuer = $1), 0) as version) as present
            left join credentials c on c.provider = $1 and c.status in ('suspended', 'revoked')
           order by c.serial_number`,
        values: [provider]
      })
      return {
        version: BigInt(rows[0]?.version ?? 0),
        entries: rows.flatMap((row) => (isStatusRow(row) ? [entryOf(row)] : []))
      }
    },

    async authorities() {
      const { rows } = await db.query<{ name: string; certificate: Buffer; ocsp_certificate: Buffer | null }>(
        {
          text: 'select name, certificate, ocsp_certificate from certificate_authorities order by name'
        }
      )
      return rows.map((row) => ({
        name: row.name,
        certificate: row.certificate,
        ocspCertificate: row.ocsp_certificate
      }))
    },

    async addAuthority({ name, certificate, ocspCertificate, createdAt }) {
      await db.query({
        text: `
          insert into certificate_authorities (name, certificate, ocsp_certificate, created_at)
          values ($1, $2, $3, $4)
          on conflict (name) do nothing`,
        values: [name, certificate, ocspCertificate, createdAt]
      })
      const { rows } = await db.query<{ certificate: Buffer; ocsp_certificate: Buffer | null }>({
        text: 'select certificate, ocsp_certificate from certificate_authorities where name = $1',
        values: [name]
      })
      const row = rows[0]
      if (row === undefined) throw new Error(`certificate authority ${name} was removed while it was added`)
      return { certificate: row.certificate, ocspCertificate: row.ocsp_certificate }
    },

    async setOcspCertificate(name, ocspCertificate) {
      await db.query({
        text: 'update certificate_authorities set ocsp_certificate = $2 where name = $1',
        values: [name, ocspCertificate]
      })
    },

    async list(issuer) {
      const { rows } = await db.query<ListRow>({
        name: 'pki-list',
        text: `
          select issuer, number, this_update, next_update, statuses_version, der
            from revocation_lists
           where issuer = $1`,
        values: [issuer]
      })
      return rows[0] === undefined ? null : listOf(rows[0])
    },

    async saveList({ issuer, number, thisUpdate, nextUpdate, statusesVersion, der }) {
      const { rowCount } = await db.query({
        name: 'pki-save-list',
        text: `
          insert into revocation_lists as stored
                 (issuer, number, this_update, next_update, statuses_version, der)
          values ($1, $2, $3, $4, $5, $6)
          on conflict (issuer) do update
             set number = excluded.number, this_update = excluded.this_update, next_update = excluded.next_update,
                 statuses_version = excluded.statuses_version, der = excluded.der
           where stored.number < excluded.number`,
        values: [issuer, String(number), thisUpdate, nextUpdate, String(statusesVersion), der]
      })
      return rowCount === 1
    }
  }
}

/** False for the one row that a left join gives where nothing is revoked. */
function isStatusRow(row: Partial<StatusRow>): row is StatusRow {
  return typeof row.serial_number === 'string'
}

function statusOf(row: StatusRow): CertificateStatus {
  if (row.status === 'issued') return null
  return row.status === 'active' ? 'good' : entryOf(row)
}

/** What a suspended or revoked credential is to relying parties; a row without its time would be a broken one. */
function entryOf(row: StatusRow): RevokedEntry {
  const suspended = row.status === 'suspended'
  const at = suspended ? row.suspended_at : row.revoked_at
  if (at === null) throw new Error(`credential ${row.serial_number} is ${row.status} without a time`)
  const reason = suspended ? 'certificateHold' : (row.revocation_reason ?? 'unspecified')
  return { serialNumber: row.serial_number, at, reason }
}

function listOf(row: ListRow): RevocationListRow {
  return {
    issuer: row.issuer,
    number: BigInt(row.number),
    thisUpdate: row.this_update,
    nextUpdate: row.next_update,
    statusesVersion: BigInt(row.statuses_version),
    der: row.der
  }
}
