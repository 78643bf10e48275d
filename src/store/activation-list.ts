import type { Activation, ActivationStatus } from '../activation/activation.js'
import { activationOf } from './activations.js'
import type { Database } from './database.js'
import { clockToleranceMs, uuidFrom } from './uuid-time.js'

/** How a reservation ended; null while it is with the HSM. */
export type ReservationEnd = 'signed' | 'partly' | 'refused' | 'failed'

/** What was taken of an activation to be signed. */
export interface ListedReservation {
  id: string
  serverId: string
  /** Which occurrences, from 0. */
  positions: readonly number[]
  scheme: string
  reservedAt: Date
  outcome: ReservationEnd | null
  finishedAt: Date | null
  /** Signatures made, as recorded. */
  signatures: number
  detail: string | null
}

/** An activation with what came of it. */
export interface ListedActivation {
  activation: Activation
  refusedTokens: number
  confirmedByDeviceId: string | null
  /** In order of making. */
  reservations: ListedReservation[]
}

/** What to list; null: whatever. */
export interface ActivationQuery {
  provider: string | null
  clientId: string | null
  subscriberId: string | null
  credentialId: string | null
  status: ActivationStatus | null
  /** The last id of the page before. */
  after: string | null
  limit: number
}

/** Activations for operators to look through. */
export interface ActivationList {
  /** Latest first. */
  list(query: ActivationQuery): Promise<ListedActivation[]>
}

type ActivationRow = Parameters<typeof activationOf>[0] & {
  refused_tokens: number
  sad_expires_at: Date | null
  device_id: string | null
}

interface ReservationRow {
  id: string
  activation_id: string
  server_id: string
  positions: number[]
  scheme: string
  reserved_at: Date
  outcome: ReservationEnd | null
  finished_at: Date | null
  made: number
  detail: string | null
}

const moved = (time: Date, ms: number): Date => new Date(time.getTime() + ms)

/** The latest time at which something of it can have been reserved. */
function lastUse(row: ActivationRow): Date {
  return row.ended_at ?? row.sad_expires_at ?? row.confirmed_at ?? row.created_at
}

/** The repository behind `ActivationList`. Ids are made in order of time, so they are the order of the list. */
export function createActivationList(db: Database): ActivationList {
  /** Along the primary key: no reservation is made before the confirmation, or after the approval has ended. */
  async function reservationsOf(of: readonly ActivationRow[]): Promise<Map<string, ListedReservation[]>> {
    const { rows } = await db.query<ReservationRow>({
      text: `
        select r.id, r.activation_id, r.server_id, r.positions, r.scheme, r.reserved_at, r.outcome, r.finished_at,
               r.detail,
               (select count(*)::integer from unnest(r.signatures) as made (octets) where octets is not null) as made
          from unnest($1::text[], $2::text[], $3::text[]) as a (id, first, last)
          join reservations r on r.activation_id = a.id and r.id >= a.first and r.id < a.last
         order by r.reserved_at, r.id`,
      values: [
        of.map(({ id }) => id),
        of.map((row) => uuidFrom(moved(row.confirmed_at ?? row.created_at, -clockToleranceMs))),
        of.map((row) => uuidFrom(moved(lastUse(row), clockToleranceMs)))
      ]
    })
    const activationIds = of.map(({ id }) => id)
    const byActivation = new Map<string, ListedReservation[]>(activationIds.map((id) => [id, []]))
    for (const row of rows) {
      byActivation.get(row.activation_id)?.push({
        id: row.id,
        serverId: row.server_id,
        positions: row.positions,
        scheme: row.scheme,
        reservedAt: row.reserved_at,
        outcome: row.outcome,
        finishedAt: row.finished_at,
        signatures: row.made,
        detail: row.detail
      })
    }
    return byActivation
  }

  return {
    async list({ provider, clientId, subscriberId, credentialId, status, after, limit }) {
      const { rows } = await db.query<ActivationRow>({
        text: `
          select a.id, a.provider, a.client_id, a.subscriber_id, a.credential_id, a.kind, a.status,
                 a.relying_party_name, a.hash_algorithm_oid, a.num_signatures, a.digests, a.document_names,
                 a.description, a.valid_until, a.nonce, a.created_at, a.expires_at, a.confirmed_at, a.ended_at,
                 a.ended_reason, a.occurrences, a.refused_tokens, a.sad_expires_at, c.device_id
            from activations a
            left join confirmations c on c.activation_id = a.id
           where ($1::text is null or a.provider = $1)
             and ($2::text is null or a.client_id = $2)
             and ($3::text is null or a.subscriber_id = $3)
             and ($4::text is null or (a.credential_id = $4 and a.subscriber_id =
                                       (select subscriber_id from credentials where id = $4)))
             and ($5::text is null or a.status = $5)
             and ($6::text is null or a.id < $6)
           order by a.id desc
           limit $7`,
        values: [provider, clientId, subscriberId, credentialId, status, after, limit]
      })
      const reservations = await reservationsOf(rows)
      return rows.map((row) => ({
        activation: activationOf(row),
        refusedTokens: row.refused_tokens,
        confirmedByDeviceId: row.device_id,
        reservations: reservations.get(row.id) ?? []
      }))
    }
  }
}
