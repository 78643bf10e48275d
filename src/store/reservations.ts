import type { ActivationStatus } from '../activation/activation.js'
import type { Reservation, ReservationOutcome, ReservationStore } from '../signing/needs.js'
import { batched } from './batch.js'
import type { Database } from './database.js'
import { againAfterDeadlock, isDeadlock } from './violated-constraint.js'

/** Reservations: what was taken of an activation, by which server, and how it ended. */
export function createReservationStore(database: Database): ReservationStore {
  /**
   * One statement for many requests. Of two that take from the same activation at most one finds `before` to be
   * true; an UPDATE that waited for another's row lock judges the row anew (READ COMMITTED).
   */
  async function take(wanted: readonly Reservation[]): Promise<boolean[]> {
    const sorted = [...wanted].sort((a, b) => (a.activationId < b.activationId ? -1 : 1))
    const column = <T>(read: (one: Reservation) => T): T[] => sorted.map(read)
    const { rows } = await database.query<{ id: string }>({
      name: 'reservations-take',
      text: `
        with wanted as (
          select * from unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::integer[],
                               $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::timestamptz[])
            as w (id, activation_id, sad_sha256, provider, client_id, credential_id, credential_version,
                  before, after, positions, scheme, server_id, now)
        ), taken as (
          update activations a
             set occurrences = w.after,
                 status = case when strpos(w.after, 'a') = 0 then 'spent' else a.status end,
                 ended_at = case when strpos(w.after, 'a') = 0 then w.now else a.ended_at end
            from wanted w join credentials c on c.id = w.credential_id
           where a.id = w.activation_id and a.status = 'confirmed' and a.occurrences = w.before
             and a.sad_sha256 = w.sad_sha256 and a.sad_expires_at > w.now
             and a.provider = w.provider and a.client_id = w.client_id and a.credential_id = w.credential_id
             and c.status = 'active' and c.version = w.credential_version
             and c.not_before <= w.now and c.not_after > w.now
          returning w.id, w.activation_id, w.credential_id, w.credential_version, w.server_id, w.positions, w.scheme, w.now
        )
        insert into reservations (id, activation_id, credential_id, credential_version, server_id, positions, scheme, reserved_at)
        select id, activation_id, credential_id, credential_version, server_id, positions::integer[], scheme, now from taken
        returning id`,
      values: [
        column((one) => one.id),
        column((one) => one.activationId),
        column((one) => one.sadSha256),
        column((one) => one.provider),
        column((one) => one.clientId),
        column((one) => one.credentialId),
        column((one) => one.credentialVersion),
        column((one) => one.before),
        column((one) => one.after),
        column((one) => `{${one.positions.join(',')}}`),
        column((one) => one.scheme),
        column((one) => one.serverId),
        column((one) => one.now)
      ]
    })
    const taken = new Set(rows.map((row) => row.id))
    return wanted.map((one) => taken.has(one.id))
  }

  async function takeOrSplit(wanted: readonly Reservation[]): Promise<boolean[]> {
    try {
      return await take(wanted)
    } catch (error) {
      if (!isDeadlock(error)) throw error
      const results: boolean[] = []
      for (const one of wanted) results.push(...(await againAfterDeadlock(() => take([one]))))
      return results
    }
  }

  async function record(outcomes: readonly ReservationOutcome[]): Promise<boolean[]> {
    const column = <T>(read: (one: ReservationOutcome) => T): T[] => outcomes.map(read)
    const { rows } = await database.query<{ id: string }>({
      name: 'reservations-finish',
      text: `
        update reservations r
           set outcome = o.outcome, finished_at = o.now, detail = o.detail,
               signatures = (select array_agg(case when s = '' then null else decode(s, 'base64') end order by n)
                               from unnest(string_to_array(o.signatures, ' ')) with ordinality as u (s, n))
          from unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[])
            as o (id, outcome, now, detail, signatures)
         where r.id = o.id and r.outcome is null
        returning r.id`,
      values: [
        column((one) => one.id),
        column((one) => one.outcome),
        column((one) => one.now),
        column((one) => one.detail),
        column((one) =>
          one.signatures.map((made) => (made === null ? '' : Buffer.from(made).toString('base64'))).join(' ')
        )
      ]
    })
    const finished = new Set(rows.map((row) => row.id))
    return outcomes.map((one) => finished.has(one.id))
  }

  /**
   * Rare: occurrences the HSM definitely did not sign go back, in the transaction that says so. If the credential
   * changed meanwhile they do not become usable again: a suspension ends what was confirmed before it.
   */
  async function finishReturning(outcome: ReservationOutcome): Promise<boolean> {
    return database.transaction(async (tx) => {
      const { rowCount } = await tx.query({
        text: `update reservations set outcome = $2, finished_at = $3, detail = $4, signatures = $5
                where id = $1 and outcome is null`,
        values: [outcome.id, outcome.outcome, outcome.now, outcome.detail, outcome.signatures]
      })
      if (rowCount !== 1) return false
      await tx.query({
        text: `update activations
                  set occurrences = (select string_agg(case when n - 1 = any($2::integer[]) then 'a' else letter end, '' order by n)
                                       from unnest(string_to_array(occurrences, null)) with ordinality as u (letter, n)),
                      status = case when status <> 'spent' then status when unchanged then 'confirmed' else 'cancelled' end,
                      ended_at = case when status = 'spent' and unchanged then null else ended_at end
                 from (select c.version = r.credential_version and c.status = 'active' as unchanged
                         from reservations r join credentials c on c.id = r.credential_id
                        where r.id = $3) present
                where id = $1`,
        values: [outcome.activationId, outcome.returned, outcome.id]
      })
      return true
    })
  }

  const finish = batched(record, { limit: 200, lanes: 2 })
  return {
    reserve: batched(takeOrSplit, { limit: 200, lanes: 2 }),
    finish: (outcome) => (outcome.returned.length > 0 ? finishReturning(outcome) : finish(outcome)),

    async standing(activationId) {
      const { rows } = await database.query<{
        status: ActivationStatus
        occurrences: string
        sad_sha256: Buffer | null
        sad_expires_at: Date | null
      }>({
        name: 'reservations-standing',
        text: 'select status, occurrences, sad_sha256, sad_expires_at from activations where id = $1',
        values: [activationId]
      })
      const row = rows[0]
      return row === undefined
        ? null
        : {
            status: row.status,
            occurrences: row.occurrences,
            sadSha256: row.sad_sha256,
            sadExpiresAt: row.sad_expires_at
          }
    }
  }
}
