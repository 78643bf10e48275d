import type { ActivationStatus } from '../activation/activation.js'
import type { ActivationCodeStore, Consent, StoredActivationCode } from '../enrolment/needs.js'
import type { Database } from './database.js'

interface Row {
  id: string
  code_sha256: Buffer
  subscriber_id: string
  provider: string
  created_by: string
  created_at: Date
  expires_at: Date
  consent: Consent
  consent_by: string | null
  consent_activation_id: string | null
  used_at: Date | null
  used_by_device_id: string | null
  seal: Buffer
  question_status: ActivationStatus | null
  question_expires_at: Date | null
}

const select = `
  select code.id, code.code_sha256, code.subscriber_id, subscriber.provider, code.created_by, code.created_at,
         code.expires_at, code.consent, code.consent_by, code.consent_activation_id, code.used_at,
         code.used_by_device_id, code.seal,
         question.status as question_status, question.expires_at as question_expires_at
    from activation_codes code
    join subscribers subscriber on subscriber.id = code.subscriber_id
    left join activations question on question.id = code.consent_activation_id`

/** Activation codes. */
export function createActivationCodeStore(database: Database): ActivationCodeStore {
  return {
    async byId(id) {
      const { rows } = await database.query<Row>({ text: `${select} where code.id = $1`, values: [id] })
      return rows[0] === undefined ? null : codeOf(rows[0])
    },

    async byCodeSha256(codeSha256) {
      const { rows } = await database.query<Row>({
        text: `${select} where code.code_sha256 = $1`,
        values: [codeSha256]
      })
      return rows[0] === undefined ? null : codeOf(rows[0])
    },

    async countOpen(subscriberId, now) {
      const { rows } = await database.query<{ open: number }>({
        text: `select count(*)::integer as open from activation_codes
                where subscriber_id = $1 and used_at is null and expires_at > $2`,
        values: [subscriberId, now]
      })
      return rows[0]?.open ?? 0
    },

    insert: ({ row, seal }, maxOpen) =>
      database.transaction(async (tx) => {
        // One at a time for a person, so that the count cannot be passed by two at once.
        await tx.query({
          text: 'select id from subscribers where id = $1 for no key update',
          values: [row.subscriberId]
        })
        const { rowCount } = await tx.query({
          text: `
            insert into activation_codes (id, code_sha256, subscriber_id, created_by, created_at, expires_at, consent,
              consent_by, consent_activation_id, used_at, used_by_device_id, seal)
            select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
             where (select count(*) from activation_codes
                     where subscriber_id = $3 and used_at is null and expires_at > $5) < $13`,
          values: [
            row.id,
            row.codeSha256,
            row.subscriberId,
            row.createdBy,
            row.createdAt,
            row.expiresAt,
            row.consent,
            row.consentBy,
            row.consentActivationId,
            row.usedAt,
            row.usedByDeviceId,
            seal,
            maxOpen
          ]
        })
        return rowCount === 1
      }),

    async setConsent({ row, seal }, sealBefore) {
      const { rowCount } = await database.query({
        text: `update activation_codes set consent = $3, consent_by = $4, consent_activation_id = $5, seal = $6
                where id = $1 and seal = $2 and used_at is null`,
        values: [row.id, sealBefore, row.consent, row.consentBy, row.consentActivationId, seal]
      })
      return rowCount === 1
    }
  }
}

function codeOf(row: Row): StoredActivationCode {
  const question =
    row.question_status === null || row.question_expires_at === null
      ? null
      : { status: row.question_status, expiresAt: row.question_expires_at }
  return {
    row: {
      id: row.id,
      codeSha256: row.code_sha256,
      subscriberId: row.subscriber_id,
      provider: row.provider,
      createdBy: row.created_by,
      createdAt: row.created_at,
      expiresAt: row.expires_at,
      consent: row.consent,
      consentBy: row.consent_by,
      consentActivationId: row.consent_activation_id,
      usedAt: row.used_at,
      usedByDeviceId: row.used_by_device_id
    },
    seal: row.seal,
    question
  }
}
