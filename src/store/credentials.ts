import type { CredentialAuth, StoredCredentialStatus } from '../enrolment/enrolment.js'
import type { CredentialRecord, CredentialStore, Sealed } from '../enrolment/needs.js'
import type { KeyAlgorithm } from '../hsm/hsm.js'
import type { RevocationReason } from '../pki/pki.js'
import { cancelActivations, cancelledOf } from './cancel-activations.js'
import type { Database, Queryable } from './database.js'
import { againAfterDeadlock, violatedConstraint } from './violated-constraint.js'

const columns = `id, provider, subscriber_id, algorithm, status, serial_number, spki, certificate, wrapped_key,
  token_key_id, not_before, not_after, auth, scal, multisign, issued_at, published_at, suspended_at, revoked_at,
  revocation_reason, pin_hash, version, seal`

interface Row {
  id: string
  provider: string
  subscriber_id: string
  algorithm: KeyAlgorithm
  status: StoredCredentialStatus
  serial_number: string
  spki: Buffer
  certificate: Buffer
  wrapped_key: Buffer | null
  token_key_id: Buffer | null
  not_before: Date
  not_after: Date
  auth: CredentialAuth
  scal: '1' | '2'
  multisign: number
  issued_at: Date
  published_at: Date | null
  suspended_at: Date | null
  revoked_at: Date | null
  revocation_reason: RevocationReason | null
  pin_hash: string | null
  version: number
  seal: Buffer
}

/** Credentials. Every change is announced on `directory`, and a new one as a change of its subscriber. */
export function createCredentialStore(database: Database): CredentialStore {
  return {
    async byIds(ids) {
      const { rows } = await database.query<Row>({
        name: 'credentials-by-ids',
        text: `select ${columns} from credentials where id = any($1::text[])`,
        values: [ids]
      })
      return rows.map(credentialOf)
    },

    async idsOf(subscriberIds) {
      const { rows } = await database.query<{ subscriber_id: string; ids: string[] }>({
        name: 'credentials-ids-of',
        text: `select subscriber_id, array_agg(id order by algorithm not like 'RSA-%', issued_at, id) as ids
                 from credentials where subscriber_id = any($1::text[]) group by subscriber_id`,
        values: [subscriberIds]
      })
      const found = new Map(rows.map(({ subscriber_id, ids }) => [subscriber_id, ids]))
      return subscriberIds.map((id) => found.get(id) ?? [])
    },

    async insert(credential, { pendingKey, max }, record) {
      try {
        return await database.transaction(async (tx) => {
          if (pendingKey) {
            const { rowCount } = await tx.query({
              text: 'delete from pending_keys where id = $1',
              values: [credential.row.id]
            })
            if (rowCount !== 1) return 'key_gone'
          }
          const outcome = await insert(tx, credential, max)
          if (outcome === 'inserted') await record(tx)
          return outcome
        })
      } catch (error) {
        if (violatedConstraint(error) === 'credentials_provider_serial_number_key') return 'serial_taken'
        throw error
      }
    },

    change: (next, cancel, record) =>
      // The order of the first two decides that nothing slips through: who asks holds the credential's row FOR
      // SHARE, so its activation is seen by the second statement; who reserves updates the activation's row.
      againAfterDeadlock(() =>
        database.transaction(async (tx) => {
          if (!(await write(tx, next))) return false
          const cancelled =
            cancel === null
              ? []
              : await cancelActivations(tx, { credentialId: next.row.id }, cancel.reason, cancel.at)
          await tx.query({
            name: 'credentials-count-status',
            text: `insert into status_versions as counted (issuer, version) values ($1, 1)
                   on conflict (issuer) do update set version = counted.version + 1`,
            values: [next.row.provider]
          })
          await record(tx, cancelled.map(cancelledOf))
          return true
        })
      ),

    changePin: ({ row, seal }, record) =>
      againAfterDeadlock(() =>
        database.transaction(async (tx) => {
          const { rowCount } = await tx.query({
            name: 'credentials-change-pin',
            text: `
              with written as (
                update credentials set pin_hash = $2, version = $3, seal = $4
                 where id = $1 and version = $3 - 1
                returning id
              )
              select pg_notify('directory', 'credential ' || id) from written`,
            values: [row.id, row.pinHash, row.version, seal]
          })
          if (rowCount !== 1) return false
          await record(tx)
          return true
        })
      )
  }
}

async function insert(
  on: Queryable,
  { row, seal }: Sealed<CredentialRecord>,
  max: number
): Promise<'inserted' | 'too_many'> {
  const { rowCount } = await on.query({
    name: 'credentials-insert',
    text: `
      with written as (
        insert into credentials (${columns})
        select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
          $23
         where (select count(*) from credentials where subscriber_id = $3) < $24
        returning subscriber_id
      )
      select pg_notify('directory', 'subscriber ' || subscriber_id) from written`,
    values: [
      row.id,
      row.provider,
      row.subscriberId,
      row.algorithm,
      row.status,
      row.serialNumber,
      row.key.spki,
      row.certificate,
      row.key.wrapped,
      row.key.tokenKeyId,
      row.notBefore,
      row.notAfter,
      row.auth,
      row.scal,
      row.multisign,
      row.issuedAt,
      row.publishedAt,
      row.suspendedAt,
      row.revokedAt,
      row.revocationReason,
      row.pinHash,
      row.version,
      seal,
      max
    ]
  })
  return rowCount === 1 ? 'inserted' : 'too_many'
}

/** What a change of status may touch. */
async function write(tx: Queryable, { row, seal }: Sealed<CredentialRecord>): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'credentials-change',
    text: `
      with written as (
        update credentials
           set status = $2, published_at = $3, suspended_at = $4, revoked_at = $5, revocation_reason = $6,
               version = $7, seal = $8
         where id = $1 and version = $7 - 1
        returning id
      )
      select pg_notify('directory', 'credential ' || id) from written`,
    values: [
      row.id,
      row.status,
      row.publishedAt,
      row.suspendedAt,
      row.revokedAt,
      row.revocationReason,
      row.version,
      seal
    ]
  })
  return rowCount === 1
}

function credentialOf(row: Row): Sealed<CredentialRecord> {
  const key = {
    id: row.id,
    algorithm: row.algorithm,
    spki: row.spki,
    wrapped: row.wrapped_key,
    tokenKeyId: row.token_key_id
  }
  const credential: CredentialRecord = {
    id: row.id,
    provider: row.provider,
    subscriberId: row.subscriber_id,
    algorithm: row.algorithm,
    status: row.status,
    serialNumber: row.serial_number,
    certificate: row.certificate,
    key,
    notBefore: row.not_before,
    notAfter: row.not_after,
    auth: row.auth,
    scal: row.scal,
    multisign: row.multisign,
    issuedAt: row.issued_at,
    publishedAt: row.published_at,
    suspendedAt: row.suspended_at,
    revokedAt: row.revoked_at,
    revocationReason: row.revocation_reason,
    pinHash: row.pin_hash,
    version: row.version
  }
  return { row: credential, seal: row.seal }
}
