import type { CancelledActivation } from '../enrolment/needs.js'
import type { Queryable } from './database.js'
import { reservationsOpenFrom } from './servers.js'
import { openAtMostMs, openFrom } from './uuid-time.js'

/** Whose activations end: SQL over the columns of `activations` a, with the values from $6 on. */
const conditions = {
  subscriberId: 'a.subscriber_id = $6',
  // By way of the owner, whose activations have an index.
  credentialId:
    'a.credential_id = $6 and a.subscriber_id = (select subscriber_id from credentials where id = $6)',
  confirmedBy: `a.subscriber_id = (select subscriber_id from devices where id = $6)
                and exists (select from confirmations c where c.activation_id = a.id and c.device_id = $6)`,
  relyingParty: 'a.provider = $6 and a.client_id = $7'
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
        select a.id from activations a
         where ${conditions[name]} and a.id >= $3 and a.expires_at > $4
           and (a.status in ('waiting', 'confirmed')
             or (a.status = 'spent'
                 and a.id in (select activation_id from reservations where id >= $5 and outcome is null)))
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
      openFrom(at),
      new Date(at.getTime() - openAtMostMs),
      await reservationsOpenFrom(tx),
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
