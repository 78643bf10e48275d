import { validate as isUuid } from 'uuid'
import type { Activation, ActivationKind, ActivationStatus } from '../activation/activation.js'
import type { ActivationStore, Confirmation, WaitingLimits } from '../activation/needs.js'
import { hashByOid, hashes } from '../hsm/hashes.js'
import { batched } from './batch.js'
import { cancelledOf, type EndedRow } from './cancel-activations.js'
import type { Database, Queryable } from './database.js'
import { grouped, type Months, wholeTables } from './months.js'
import { openFrom, openSince, soon, uuidFrom } from './uuid-time.js'

/** Announces an activation's status to every server; the payload is `subscriber activation status`. */
const channel = 'challenges'
const announce = `pg_notify('${channel}', subscriber_id || ' ' || id || ' ' || status)`

const columns = `id, provider, client_id, subscriber_id, credential_id, kind, status, relying_party_name,
  hash_algorithm_oid, num_signatures, digests, document_names, description, valid_until, nonce, created_at,
  expires_at, confirmed_at, ended_at, ended_reason, occurrences`

/** The name of its line in `progress`. */
const expiring = 'expiring activations'

interface Row {
  id: string
  provider: string
  client_id: string
  subscriber_id: string
  credential_id: string | null
  kind: ActivationKind
  status: ActivationStatus
  relying_party_name: string
  hash_algorithm_oid: string | null
  num_signatures: number
  digests: Buffer
  document_names: string[]
  description: string
  valid_until: Date | null
  nonce: string
  created_at: Date
  expires_at: Date
  confirmed_at: Date | null
  ended_at: Date | null
  ended_reason: string | null
  occurrences: string
}

/** Activations and the evidence of their confirmation. What runs for every signature names its month's tables. */
export function createActivationStore(database: Database, months: Months = wholeTables): ActivationStore {
  const find = batched<string, Activation | null>(
    async (ids) => {
      const found = new Map<string, Activation>()
      for (const group of grouped(ids, (id) => months.of('activations', id))) {
        const { rows } = await months.over(
          ({ of }) => [of('activations', group[0] ?? '')],
          (table) =>
            database.query<Row>({
              name: `${table}-find`,
              text: `select ${columns} from ${table} where id = any($1::text[])`,
              values: [group]
            })
        )
        for (const row of rows) found.set(row.id, activationOf(row))
      }
      return ids.map((id) => found.get(id) ?? null)
    },
    { limit: 200, lanes: 2 }
  )

  return {
    // What no activation can be called must not fail the statement that others share.
    find: async (id) => (isUuid(id) ? find(id) : null),

    open: (activation, limits, alongside) =>
      database.transaction(async (tx) => {
        // One asker at a time for a person, so that the count below cannot be passed by two at once.
        await tx.query({
          name: 'activations-lock-subscriber',
          text: 'select id from subscribers where id = $1 for no key update',
          values: [activation.subscriberId]
        })
        if (!(await credentialActive(tx, activation.credentialId))) return 'credential_unusable'
        const { rowCount } = await insert(tx, months, activation, limits)
        if (rowCount !== 1) return 'challenges_too_many'
        await alongside?.(tx, activation)
        return 'opened'
      }),

    async confirmation(activationId) {
      const { rows } = await months.over(
        ({ of }) => [of('confirmations', activationId)],
        (table) =>
          database.query<{ device_id: string; token: string; confirmed_at: Date }>({
            name: `${table}-find`,
            text: `select device_id, token, confirmed_at from ${table} where activation_id = $1`,
            values: [activationId]
          })
      )
      const row = rows[0]
      return row === undefined
        ? null
        : ({
            deviceId: row.device_id,
            token: row.token,
            confirmedAt: row.confirmed_at
          } satisfies Confirmation)
    },

    async waitingFor(subscriberId, now) {
      const table = months.within('activations', openSince(now), soon(now))
      const { rows } = await database.query<Row>({
        name: `${table}-waiting`,
        text: `select ${columns} from ${table}
                where subscriber_id = $1 and waiting and expires_at > $2 and id >= $3
                order by created_at, id limit 100`,
        values: [subscriberId, now, openFrom(now)]
      })
      return rows.map(activationOf)
    },

    async confirm({ activationId, confirmation, jti, rememberUntil, signCount }) {
      // What an authenticator says counts even when its token does not confirm: the counter has been seen.
      const registered =
        signCount === null
          ? 'select id from devices where id = $2 and removed_at is null for share'
          : `update devices set webauthn_sign_count = $7 where id = $2 and removed_at is null
                and (webauthn_sign_count < $7 or ($7 = 0 and webauthn_sign_count = 0)) returning id`
      // The token's id and the change of state stand or fall together.
      const { rows } = await months.over(
        ({ of }) => [of('activations', activationId), of('confirmations', activationId)],
        (table, evidence) =>
          database.query<{ kept: boolean; fresh: boolean; registered: boolean }>({
            name: `${table}-confirm${signCount === null ? '' : '-counted'}`,
            text: `
          with remembered as (
            insert into used_token_ids (issuer, jti, expires_at) values ($2, $3, $4)
            on conflict (issuer, jti) do nothing returning jti
          ), registered as (
            ${registered}
          ), confirmed as (
            update ${table} set status = 'confirmed', confirmed_at = $5
             where id = $1 and status = 'waiting' and expires_at > $5 and exists (select jti from remembered)
               and exists (select id from registered)
            returning id, subscriber_id, status
          ), announced as (
            select ${announce} from confirmed
          ), kept as (
            insert into ${evidence} (activation_id, device_id, token, confirmed_at)
            select id, $2, $6, $5 from confirmed, announced
            returning activation_id
          )
          select exists (select from kept) as kept, exists (select from remembered) as fresh,
                 exists (select from registered) as registered`,
            values: [
              activationId,
              confirmation.deviceId,
              jti,
              rememberUntil,
              confirmation.confirmedAt,
              confirmation.token,
              ...(signCount === null ? [] : [signCount])
            ]
          })
      )
      const [done] = rows
      if (done?.kept === true) return 'confirmed'
      if (done?.fresh !== true) return 'its jti was used before'
      return done.registered
        ? 'it does not wait any more'
        : 'the device was removed, or the counter of its authenticator did not grow'
    },

    async countRefusedToken({ activationId, limit, now }) {
      const { rows } = await database.query<{ status: ActivationStatus }>({
        name: 'activations-count-refused',
        text: `
          with counted as (
            update activations
               set refused_tokens = refused_tokens + 1,
                   status = case when refused_tokens + 1 >= $2 then 'rejected' else status end,
                   ended_at = case when refused_tokens + 1 >= $2 then $3 else ended_at end,
                   ended_reason = case when refused_tokens + 1 >= $2 then 'too-many-refused-tokens' else ended_reason end
             where id = $1 and status = 'waiting'
            returning id, subscriber_id, status
          )
          select status, case when status = 'rejected' then ${announce} end from counted`,
        values: [activationId, limit, now]
      })
      return rows[0]?.status ?? null
    },

    async reject({ activationId, reason, now }) {
      const { rowCount } = await database.query({
        name: 'activations-reject',
        text: `
          with rejected as (
            update activations set status = 'rejected', ended_at = $3, ended_reason = $2
             where id = $1 and status = 'waiting' and expires_at > $3
            returning id, subscriber_id, status
          )
          select ${announce} from rejected`,
        values: [activationId, reason, now]
      })
      return rowCount === 1
    },

    async setSad({ activationId, sadSha256, sadExpiresAt, sadAudience }) {
      const { rowCount } = await months.over(
        ({ of }) => [of('activations', activationId)],
        (table) =>
          database.query({
            name: `${table}-set-sad`,
            text: `update ${table} set sad_sha256 = $2, sad_expires_at = $3, sad_audience = $4, sad_used = false
                    where id = $1 and status = 'confirmed'`,
            values: [activationId, sadSha256, sadExpiresAt, sadAudience]
          })
      )
      return rowCount === 1
    },

    async replaceSad({ activationId, before, sadSha256, sadExpiresAt, now }) {
      const { rowCount } = await database.query({
        name: 'activations-replace-sad',
        text: `update activations set sad_sha256 = $3, sad_expires_at = $4, sad_used = false
                where id = $1 and status = 'confirmed' and sad_sha256 = $2 and sad_expires_at > $5`,
        values: [activationId, before, sadSha256, sadExpiresAt, now]
      })
      return rowCount === 1
    },

    async findBySad({ activationId, sadSha256 }) {
      const { rows } = await months.over(
        ({ of }) => [of('activations', activationId)],
        (table) =>
          database.query<Row & { sad_expires_at: Date; sad_audience: string | null }>({
            name: `${table}-find-by-sad`,
            text: `select ${columns}, sad_expires_at, sad_audience from ${table} where id = $1 and sad_sha256 = $2`,
            values: [activationId, sadSha256]
          })
      )
      const row = rows[0]
      return row === undefined
        ? null
        : {
            activation: activationOf(row),
            sadExpiresAt: row.sad_expires_at,
            sadAudience: row.sad_audience
          }
    },

    async cancel({ activationId, sadSha256, reason, now }) {
      const { rowCount } = await database.query({
        name: 'activations-cancel',
        text: `
          with cancelled as (
            update activations set status = 'cancelled', ended_at = $4, ended_reason = $3
             where id = $1 and status in ('waiting', 'confirmed') and ($2::bytea is null or sad_sha256 = $2)
            returning id, subscriber_id, status
          )
          select ${announce} from cancelled`,
        values: [activationId, sadSha256, reason, now]
      })
      return rowCount === 1
    },

    async expire({ windows, now, confirmedBefore, limit }) {
      // The bounds of the id say in which partitions to look.
      const statement = {
        text: `
          with due as (
            select id from activations
             where (${windows.map((_, index) => within(6 + 2 * index)).join(' or ')})
               and id >= $4 and id < $5
               and ((status = 'waiting' and expires_at <= $1)
                 or (status = 'confirmed' and confirmed_at <= $2 and coalesce(sad_expires_at <= $1, true)
                     and coalesce(valid_until <= $1, true)))
             order by id limit $3 for update skip locked
          ), expired as (
            update activations set status = 'expired', ended_at = $1, ended_reason = 'time'
             where id in (select id from due)
            returning id, subscriber_id, provider, client_id, status
          )
          select id, subscriber_id, provider, client_id, ${announce} from expired`,
        values: [
          now,
          confirmedBefore,
          limit,
          openFrom(earliest(windows.map(({ after }) => after))),
          uuidFrom(soon(now)),
          ...windows.flatMap(({ after, until }) => [after, until])
        ]
      }
      return database.transaction(async (tx) => {
        // Planned for its times: a plan for any times goes through all ids of the hours before, every second.
        await tx.query({ text: 'set local plan_cache_mode = force_custom_plan' })
        const { rows } = await tx.query<EndedRow>(statement)
        return rows.map(cancelledOf)
      })
    },

    async expiredUntil() {
      const { rows } = await database.query<{ done_until: Date }>({
        text: 'select done_until from progress where what = $1',
        values: [expiring]
      })
      return rows[0]?.done_until ?? null
    },

    async noteExpired(until) {
      await database.query({
        text: `insert into progress as known (what, done_until) values ($1, $2)
               on conflict (what) do update set done_until = greatest(known.done_until, excluded.done_until)`,
        values: [expiring, until]
      })
    },

    watch: (on) =>
      database.listen(channel, (payload) => {
        if (payload === null) return on(null)
        const [subscriberId, activationId, status] = payload.split(' ')
        if (subscriberId !== undefined && activationId !== undefined && status !== undefined) {
          on({ subscriberId, activationId, status: status as ActivationStatus })
        }
      })
  }
}

/** Locks the credential against a change of status until the transaction ends; true when it is active. */
async function credentialActive(tx: Queryable, credentialId: string | null): Promise<boolean> {
  if (credentialId === null) return true
  const { rows } = await tx.query<{ status: string }>({
    name: 'activations-lock-credential',
    text: 'select status from credentials where id = $1 for share',
    values: [credentialId]
  })
  return rows[0]?.status === 'active'
}

function insert(
  tx: Queryable,
  months: Months,
  activation: Activation,
  { perSubscriber, perRelyingParty }: WaitingLimits
) {
  const { id, createdAt } = activation
  const table = months.of('activations', id)
  const waiting = months.within('activations', openSince(createdAt), soon(createdAt))
  return tx.query({
    name: `${table}-open-${waiting}`,
    text: `
      with opened as (
        insert into ${table} (id, provider, client_id, subscriber_id, credential_id, kind, status,
          relying_party_name, hash_algorithm_oid, num_signatures, digests, document_names, description, valid_until,
          nonce, created_at, expires_at, occurrences)
        select $1, $2, $3, $4, $5, $6, 'waiting', $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17
         where (select count(*) < $18 and count(*) filter (where client_id = $3) < $19
                  from ${waiting}
                 where subscriber_id = $4 and waiting and expires_at > $15 and id >= $20)
        returning id, subscriber_id, status
      )
      select ${announce} from opened`,
    values: [
      id,
      activation.provider,
      activation.clientId,
      activation.subscriberId,
      activation.credentialId,
      activation.kind,
      activation.relyingPartyName,
      activation.hash === null ? null : hashes[activation.hash].oid,
      activation.numSignatures,
      Buffer.concat(activation.digests),
      activation.documentNames,
      activation.description,
      activation.validUntil,
      activation.nonce,
      activation.createdAt,
      activation.expiresAt,
      activation.occurrences,
      perSubscriber,
      perRelyingParty,
      openFrom(createdAt)
    ]
  })
}

/** Also used for the rows that `reservations.ts` reads. */
export function activationOf(row: Row): Activation {
  const hash = row.hash_algorithm_oid === null ? null : hashByOid(row.hash_algorithm_oid)
  const octets = hash === null ? 0 : hashes[hash].octets
  return {
    id: row.id,
    provider: row.provider,
    clientId: row.client_id,
    subscriberId: row.subscriber_id,
    credentialId: row.credential_id,
    kind: row.kind,
    status: row.status,
    relyingPartyName: row.relying_party_name,
    hash,
    numSignatures: row.num_signatures,
    digests: octets === 0 ? [] : split(row.digests, octets),
    documentNames: row.document_names,
    description: row.description,
    validUntil: row.valid_until,
    nonce: row.nonce,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    confirmedAt: row.confirmed_at,
    endedAt: row.ended_at,
    endedReason: row.ended_reason,
    occurrences: row.occurrences
  }
}

/** A condition over two parameters. */
const within = (first: number): string => `expires_at > $${first} and expires_at <= $${first + 1}`
const earliest = (times: readonly Date[]): Date => new Date(Math.min(...times.map((time) => time.getTime())))

function split(bytes: Buffer, octets: number): Uint8Array[] {
  return Array.from({ length: Math.floor(bytes.length / octets) }, (_, index) =>
    bytes.subarray(index * octets, (index + 1) * octets)
  )
}
