import type { CancelledActivation } from '../enrolment/needs.js'
import type { Queryable } from './database.js'

/** Whose activations end: SQL over the columns of `activations`, with the values from $3 on. */
const conditions = {
  subscriberId: 'subscriber_id = $3',
  credentialId: 'credential_id = $3',
  confirmedBy: 'id in (select activation_id from confirmations where device_id = $3)',
  relyingParty: 'provider = $3 and client_id = $4'
} as const

/** Whose activations end: a subscriber's, a credential's, those a device confirmed, or a relying party's. */
export type CancelWhat =
  | { subscriberId: string }
  | { credentialId: string }
  | { confirmedBy: string }
  | { relyingParty: { provider: string; clientId: string } }

/** An activation that ended. */
export interface EndedRow {
  id: string
  subscriber_id: string
  provider: string
  client_id: string
}

/**
 * Ends what waits, what is confirmed, and what is being signed right now: the HSM may still answer for the last, but
 * should it refuse, the approval does not come back. Rows are locked in the order of their ids, as whoever reserves
 * does. Announces each.
 */
export async function cancelActivations(
  tx: Queryable,
  what: CancelWhat,
  reason: string,
  at: Date
): Promise<EndedRow[]> {
  const [name, value] = Object.entries(what)[0] as [keyof typeof conditions, string | object]
  const { rows } = await tx.query<EndedRow>({
    name: `activations-cancel-${name}`,
    text: `
      with open as (
        select id from activations where status in ('waiting', 'confirmed') and ${conditions[name]}
        union
        select id from activations
         where status = 'spent' and ${conditions[name]}
           and id in (select activation_id from reservations where outcome is null)
      ), locked as (
        select id from activations where id in (select id from open) order by id for update
      ), cancelled as (
        update activations set status = 'cancelled', ended_at = $1, ended_reason = $2
          from locked
         where activations.id = locked.id and status in ('waiting', 'confirmed', 'spent')
        returning activations.id, subscriber_id, provider, client_id
      )
      select id, subscriber_id, provider, client_id,
             pg_notify('challenges', subscriber_id || ' ' || id || ' cancelled')
        from cancelled`,
    values: [
      at,
      reason,
      ...('relyingParty' in what ? [what.relyingParty.provider, what.relyingParty.clientId] : [value])
    ]
  })
  return rows
}

export const cancelledOf = (row: EndedRow): CancelledActivation => ({
  id: row.id,
  subscriberId: row.subscriber_id,
  provider: row.provider,
  clientId: row.client_id
})
