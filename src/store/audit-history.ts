import type { ChainEvent } from '../audit/chain.js'
import type { AuditSource, Evidence, HistoryEntry } from '../audit/evidence.js'
import { activationOf } from './activations.js'
import {
  type CheckpointRow,
  checkpointColumns,
  checkpointOf,
  type EventRow,
  eventColumns,
  eventOf
} from './audit.js'
import type { Queryable } from './database.js'
import { webauthnOf } from './devices.js'

const eventsPerPage = 1_000
const checkpointsPerPage = 100
const chainsPerPage = 100

/**
 * Reads the audit history of a database page by page; a server may be writing to it meanwhile.
 * @param needsEvidence The activation whose evidence is to come with an event, as `audit/` has it.
 */
export function createDatabaseHistory(
  database: Queryable,
  needsEvidence: (event: ChainEvent) => string | null
): AuditSource {
  async function* checkpoints(): AsyncGenerator<HistoryEntry> {
    for (let after = ''; ; ) {
      const { rows } = await database.query<CheckpointRow>({
        name: 'audit-history-checkpoints',
        text: `select ${checkpointColumns} from audit_checkpoints where id > $1 order by id limit $2`,
        values: [after, checkpointsPerPage]
      })
      for (const row of rows) {
        const checkpoint = checkpointOf(row)
        const place = `checkpoint ${row.id}`
        if (checkpoint !== null) yield { kind: 'checkpoint', checkpoint }
        else yield { kind: 'unreadable', place, detail: 'the row is not a checkpoint' }
        after = row.id
      }
      if (rows.length < checkpointsPerPage) return
    }
  }

  async function* firstEvents(): AsyncGenerator<HistoryEntry> {
    for (let after = ''; ; ) {
      const { rows } = await database.query<EventRow>({
        name: 'audit-history-first-events',
        text: `
          with recursive chains as (
            (select chain, 1 as number from audit_events where chain > $1 order by chain limit 1)
            union all
            select (select e.chain from audit_events e where e.chain > c.chain order by e.chain limit 1), number + 1
              from chains c where c.chain is not null and number < $2
          )
          select ${eventColumns}
            from chains c
           cross join lateral (select * from audit_events where chain = c.chain order by seq limit 1) e
           order by e.chain`,
        values: [after, chainsPerPage]
      })
      for (const row of rows) {
        yield { kind: 'event', event: eventOf(row) }
        after = row.chain
      }
      if (rows.length < chainsPerPage) return
    }
  }

  async function evidenceFor(activationIds: readonly string[]): Promise<Evidence[]> {
    const { rows } = await database.query<EvidenceRow>({
      name: 'audit-history-evidence',
      text: `
        select a.id, a.provider, a.client_id, a.subscriber_id, a.credential_id, a.kind, a.status,
               a.relying_party_name, a.hash_algorithm_oid, a.num_signatures, a.digests, a.document_names,
               a.description, a.valid_until, a.nonce, a.created_at, a.expires_at, a.confirmed_at as activation_confirmed_at,
               a.ended_at, a.ended_reason, a.occurrences,
               c.device_id, c.token, c.confirmed_at,
               d.provider as device_provider, d.subscriber_id as device_subscriber_id, d.spki as device_spki,
               d.webauthn_id, d.webauthn_spki
          from activations a
          left join confirmations c on c.activation_id = a.id
          left join devices d on d.id = c.device_id
         where a.id = any($1::text[])`,
      values: [activationIds]
    })
    return rows.map(evidenceOf)
  }

  return {
    async *claims() {
      yield* checkpoints()
      yield* firstEvents()
    },
    async *history() {
      let last = { chain: '', seq: '0' }
      for (;;) {
        const { rows } = await database.query<EventRow>({
          name: 'audit-history-events',
          text: `select ${eventColumns} from audit_events e where (e.chain, e.seq) > ($1, $2::bigint)
                  order by e.chain, e.seq limit $3`,
          values: [last.chain, last.seq, eventsPerPage]
        })
        const events = rows.map(eventOf)
        const named = new Set(events.map(needsEvidence).filter((id) => id !== null))
        if (named.size > 0) {
          for (const evidence of await evidenceFor([...named])) yield { kind: 'evidence', evidence }
        }
        for (const event of events) yield { kind: 'event', event }
        last = rows.at(-1) ?? last
        if (events.length < eventsPerPage) return
      }
    }
  }
}

type ActivationRow = Parameters<typeof activationOf>[0]

interface EvidenceRow extends Omit<ActivationRow, 'confirmed_at'> {
  activation_confirmed_at: Date | null
  device_id: string | null
  token: string | null
  confirmed_at: Date | null
  device_provider: string | null
  device_subscriber_id: string | null
  device_spki: Buffer | null
  webauthn_id: Buffer | null
  webauthn_spki: Buffer | null
}

function evidenceOf(row: EvidenceRow): Evidence {
  const { device_id: deviceId, token, confirmed_at: confirmedAt } = row
  const { device_provider: provider, device_subscriber_id: subscriberId, device_spki: spki } = row
  const webauthn = webauthnOf(row.webauthn_id, row.webauthn_spki)
  const confirmed = deviceId !== null && token !== null && confirmedAt !== null
  const registered = deviceId !== null && provider !== null && subscriberId !== null && spki !== null
  return {
    activation: activationOf({ ...row, confirmed_at: row.activation_confirmed_at }),
    confirmation: confirmed ? { deviceId, token, confirmedAt } : null,
    device: registered ? { id: deviceId, provider, subscriberId, spki, webauthn } : null
  }
}
