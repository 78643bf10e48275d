import type { ActivationStatus } from '../activation/activation.js'
import type { Reservation, ReservationOutcome, ReservationStore } from '../signing/needs.js'
import { batched } from './batch.js'
import type { Database } from './database.js'
import { grouped, type Months, wholeTables } from './months.js'
import { plainArray, timeArray } from './plain-array.js'
import { endingValues, endReservations } from './reservation-endings.js'
import { againAfterDeadlock, isDeadlock } from './violated-constraint.js'

/** What a statement takes from one activation, for one or more reservations that name the same SAD and credential. */
interface Claim {
  first: Reservation
  reservations: Reservation[]
  mask: bigint
  /** The latest time among them. */
  now: Date
}

/**
 * Puts together what takes from the same activation. A reservation that wants what an earlier one in the batch wants
 * is left out, and so is not granted. In order of activation, so that two statements lock rows in the same order.
 */
function claimsOf(wanted: readonly Reservation[]): Claim[] {
  const claims = new Map<string, Claim>()
  for (const one of wanted) {
    const sad = Buffer.from(one.sadSha256).toString('base64')
    const key = [
      one.activationId,
      sad,
      one.provider,
      one.clientId,
      one.credentialId,
      one.credentialVersion,
      one.usesSadUp
    ].join(' ')
    const mask = BigInt(`0b${one.mask}`)
    const claim = claims.get(key)
    if (claim === undefined) claims.set(key, { first: one, reservations: [one], mask, now: one.now })
    else if (!one.usesSadUp && (claim.mask & mask) === 0n) {
      claim.reservations.push(one)
      claim.mask |= mask
      if (one.now > claim.now) claim.now = one.now
    }
  }
  return [...claims.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, claim]) => claim)
}

/** The tables that a reservation changes. */
const tablesOf = (of: Months['of'], one: Reservation | undefined): [string, string] => [
  of('activations', one?.activationId ?? ''),
  of('reservations', one?.id ?? '')
]

/** Reservations: what was taken of an activation, by which server, and how it ended. */
export function createReservationStore(
  database: Database,
  months: Months = wholeTables,
  gatherMs: () => number = () => 0
): ReservationStore {
  /**
   * One statement for many requests; an activation's row is touched once, however many of them take from it. Of two
   * that take the same occurrence at most one finds it free: an UPDATE that waited for another's row lock judges the
   * row anew (READ COMMITTED).
   */
  async function take(wanted: readonly Reservation[]): Promise<boolean[]> {
    const taken = new Set<string>()
    for (const group of grouped(wanted, (one) => tablesOf(months.of, one).join(' '))) {
      const ids = await months.over(
        ({ of }) => tablesOf(of, group[0]),
        (activations, reservations) => takeFrom(activations, reservations, group)
      )
      for (const id of ids) taken.add(id)
    }
    return wanted.map((one) => taken.has(one.id))
  }

  async function takeFrom(
    activations: string,
    reservations: string,
    wanted: readonly Reservation[]
  ): Promise<string[]> {
    const claims = claimsOf(wanted)
    const chosen = claims.flatMap(({ reservations }, claim) => reservations.map((one) => ({ claim, one })))
    const ofClaim = <T>(read: (one: Claim) => T): T[] => claims.map(read)
    const ofChosen = <T>(read: (one: Reservation, claim: number) => T): T[] =>
      chosen.map(({ claim, one }) => read(one, claim))
    const { rows } = await database.query<{ id: string }>({
      name: `${activations}-take-${reservations}`,
      text: `
        with claims as (
          select * from unnest($1::integer[], $2::text[], $3::bytea[], $4::text[], $5::text[], $6::text[],
                               $7::integer[], $8::bit varying[], $9::timestamptz[], $16::boolean[])
            as c (claim, activation_id, sad_sha256, provider, client_id, credential_id, credential_version, mask, now,
                  uses_sad_up)
        ), taken as (
          update ${activations} a
             set occurrences = a.occurrences | w.mask,
                 sad_used = w.uses_sad_up,
                 status = case when bit_count(a.occurrences | w.mask) = a.num_signatures then 'spent' else a.status end,
                 ended_at = case when bit_count(a.occurrences | w.mask) = a.num_signatures then w.now else a.ended_at end
            from claims w join credentials c on c.id = w.credential_id
           where a.id = w.activation_id and a.status = 'confirmed'
             and length(w.mask) = a.num_signatures and bit_count(a.occurrences & w.mask) = 0
             and a.sad_sha256 = w.sad_sha256 and a.sad_expires_at > w.now and not a.sad_used
             and a.provider = w.provider and a.client_id = w.client_id and a.credential_id = w.credential_id
             and c.status = 'active' and c.version = w.credential_version
             and c.not_before <= w.now and c.not_after > w.now
          returning w.claim, w.activation_id, w.credential_id, w.credential_version
        )
        insert into ${reservations}
          (id, activation_id, credential_id, credential_version, server_id, positions, scheme, reserved_at)
        select r.id, t.activation_id, t.credential_id, t.credential_version, r.server_id, r.positions::integer[],
               r.scheme, r.now
          from unnest($10::integer[], $11::text[], $12::text[], $13::text[], $14::text[], $15::timestamptz[])
            as r (claim, id, server_id, positions, scheme, now)
          join taken t using (claim)
        returning id`,
      values: [
        plainArray(claims.map((_, claim) => claim)),
        plainArray(ofClaim(({ first }) => first.activationId)),
        ofClaim(({ first }) => first.sadSha256),
        plainArray(ofClaim(({ first }) => first.provider)),
        ofClaim(({ first }) => first.clientId),
        plainArray(ofClaim(({ first }) => first.credentialId)),
        plainArray(ofClaim(({ first }) => first.credentialVersion)),
        plainArray(ofClaim(({ mask, first }) => mask.toString(2).padStart(first.mask.length, '0'))),
        timeArray(ofClaim(({ now }) => now)),
        plainArray(ofChosen((_, claim) => claim)),
        plainArray(ofChosen((one) => one.id)),
        plainArray(ofChosen((one) => one.serverId)),
        ofChosen((one) => `{${one.positions.join(',')}}`),
        plainArray(ofChosen((one) => one.scheme)),
        timeArray(ofChosen((one) => one.now)),
        plainArray(ofClaim(({ first }) => String(first.usesSadUp)))
      ]
    })
    return rows.map((row) => row.id)
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

  async function end(outcome: ReservationOutcome): Promise<boolean> {
    const table = months.of('reservations', outcome.id)
    const { rowCount } = await database.query({
      name: `${table}-end`,
      text: endReservations(table),
      values: endingValues([outcome])
    })
    return rowCount === 1
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
                  set occurrences = occurrences & ~$2::bit varying,
                      sad_used = sad_used and $4,
                      status = case when status <> 'spent' then status when unchanged then 'confirmed' else 'cancelled' end,
                      ended_at = case when status = 'spent' and unchanged then null else ended_at end
                 from (select c.version = r.credential_version and c.status = 'active' as unchanged
                         from reservations r join credentials c on c.id = r.credential_id
                        where r.id = $3) present
                where id = $1`,
        // A SAD that brought nothing is as good as before.
        values: [outcome.activationId, outcome.returned, outcome.id, outcome.outcome !== 'refused']
      })
      return true
    })
  }

  return {
    // One statement at a time: what arrives meanwhile makes the next one larger, which costs less than two smaller ones.
    reserve: batched(takeOrSplit, { limit: 200, lanes: 1, gatherMs }),
    finish: (outcome) => (outcome.returned !== null ? finishReturning(outcome) : end(outcome)),

    async standing(activationId) {
      const { rows } = await months.over(
        ({ of }) => [of('activations', activationId)],
        (table) =>
          database.query<{
            status: ActivationStatus
            occurrences: string
            sad_sha256: Buffer | null
            sad_expires_at: Date | null
            sad_used: boolean
          }>({
            name: `${table}-standing`,
            text: `select status, occurrences, sad_sha256, sad_expires_at, sad_used from ${table} where id = $1`,
            values: [activationId]
          })
      )
      const row = rows[0]
      return row === undefined
        ? null
        : {
            status: row.status,
            occurrences: row.occurrences,
            sadSha256: row.sad_sha256,
            sadExpiresAt: row.sad_expires_at,
            sadUsed: row.sad_used
          }
    }
  }
}
