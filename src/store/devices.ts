import type { Device } from '../enrolment/enrolment.js'
import type { DeviceStore, Sealed } from '../enrolment/needs.js'
import { cancelActivations, cancelledOf } from './cancel-activations.js'
import type { Database, Queryable } from './database.js'
import { againAfterDeadlock } from './violated-constraint.js'

const columns = `id, provider, subscriber_id, name, platform, spki, webauthn_id, webauthn_spki, virtual, wrapped_key, token_key_id, created_at,
  removed_at, removed_by, version, seal`

interface Row {
  id: string
  provider: string
  subscriber_id: string
  name: string
  platform: string
  spki: Buffer
  webauthn_id: Buffer | null
  webauthn_spki: Buffer | null
  virtual: boolean
  wrapped_key: Buffer | null
  token_key_id: Buffer | null
  created_at: Date
  removed_at: Date | null
  removed_by: string | null
  version: number
  seal: Buffer
}

/** Devices. Every change is announced on `directory`, as one of the device and one of its subscriber. */
export function createDeviceStore(database: Database): DeviceStore {
  return {
    async byIds(ids) {
      const { rows } = await database.query<Row>({
        name: 'devices-by-ids',
        text: `select ${columns} from devices where id = any($1::text[])`,
        values: [ids]
      })
      return rows.map(deviceOf)
    },

    async idsOf(subscriberIds) {
      const { rows } = await database.query<{ subscriber_id: string; ids: string[] }>({
        name: 'devices-ids-of',
        text: `select subscriber_id, array_agg(id order by created_at, id) as ids
                 from devices where subscriber_id = any($1::text[]) and removed_at is null group by subscriber_id`,
        values: [subscriberIds]
      })
      const found = new Map(rows.map(({ subscriber_id, ids }) => [subscriber_id, ids]))
      return subscriberIds.map((id) => found.get(id) ?? [])
    },

    enrol: (device, code, max, record) =>
      database.transaction(async (tx) => {
        const present = await countLocked(tx, device.row.subscriberId)
        const { rowCount } = await tx.query({
          text: 'select id from activation_codes where id = $1 and seal = $2 and used_at is null for update',
          values: [code.id, code.sealBefore]
        })
        if (rowCount !== 1) return 'code_changed'
        if (present > 0 && !code.consented) return 'has_device'
        if (present >= max) return 'too_many'
        if (present === 0 && !code.consented) {
          const last = await lastRemoved(tx, device.row.subscriberId)
          if ((last?.id ?? null) !== code.after) return 'had_device'
        }
        await tx.query({
          text: 'update activation_codes set used_at = $2, used_by_device_id = $3, seal = $4 where id = $1',
          values: [code.id, code.usedAt, device.row.id, code.seal]
        })
        await insert(tx, device)
        const further = present > 0
        const { subscriberId } = device.row
        const cancelled = further
          ? await cancelActivations(tx, { subscriberId }, 'further-device', code.usedAt)
          : []
        await record(tx, { further, cancelled: cancelled.map(cancelledOf) })
        return 'enrolled'
      }),

    async lastRemovedOf(subscriberId) {
      const row = await lastRemoved(database, subscriberId)
      return row === null ? null : deviceOf(row)
    },

    insert: (device, { pendingKey, max }, record) =>
      database.transaction(async (tx) => {
        if ((await countLocked(tx, device.row.subscriberId)) >= max) return 'too_many'
        if (pendingKey) {
          const { rowCount } = await tx.query({
            text: 'delete from pending_keys where id = $1',
            values: [device.row.id]
          })
          if (rowCount !== 1) return 'key_gone'
        }
        await insert(tx, device)
        await record(tx)
        return 'inserted'
      }),

    remove: ({ row, seal }, { reason, at }, record) =>
      // The device first: a confirmation that holds its row comes before and is cancelled, any other comes too late.
      againAfterDeadlock(() =>
        database.transaction(async (tx) => {
          const { rowCount } = await tx.query({
            text: `
              with written as (
                update devices set removed_at = $2, removed_by = $5, version = $3, seal = $4
                 where id = $1 and version = $3 - 1
                returning id, subscriber_id
              )
              select pg_notify('directory', 'device ' || id), pg_notify('directory', 'subscriber ' || subscriber_id)
                from written`,
            values: [row.id, row.removedAt, row.version, seal, row.removedBy]
          })
          if (rowCount !== 1) return false
          const cancelled = await cancelActivations(tx, { confirmedBy: row.id }, reason, at)
          await record(tx, cancelled.map(cancelledOf))
          return true
        })
      )
  }
}

/** How many devices a subscriber has; none can be added by another until the transaction ends. */
async function countLocked(tx: Queryable, subscriberId: string): Promise<number> {
  await tx.query({
    text: 'select id from subscribers where id = $1 for no key update',
    values: [subscriberId]
  })
  const { rows } = await tx.query<{ present: number }>({
    text: 'select count(*)::integer as present from devices where subscriber_id = $1 and removed_at is null',
    values: [subscriberId]
  })
  return rows[0]?.present ?? 0
}

/** The device that was removed last, virtual ones aside. */
async function lastRemoved(on: Queryable, subscriberId: string): Promise<Row | null> {
  const { rows } = await on.query<Row>({
    text: `select ${columns} from devices
            where subscriber_id = $1 and removed_at is not null and not virtual
            order by removed_at desc, id desc limit 1`,
    values: [subscriberId]
  })
  return rows[0] ?? null
}

async function insert(tx: Queryable, { row, seal }: Sealed<Device>): Promise<void> {
  await tx.query({
    text: `
      with written as (
        insert into devices (${columns}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
          $15, $16)
        returning subscriber_id
      )
      select pg_notify('directory', 'subscriber ' || subscriber_id) from written`,
    values: [
      row.id,
      row.provider,
      row.subscriberId,
      row.name,
      row.platform,
      row.spki,
      row.webauthn?.credentialId ?? null,
      row.webauthn?.spki ?? null,
      row.virtual,
      row.virtualKey?.wrapped ?? null,
      row.virtualKey?.tokenKeyId ?? null,
      row.createdAt,
      row.removedAt,
      row.removedBy,
      row.version,
      seal
    ]
  })
}

/** The authenticator of a device, if it has one. */
export const webauthnOf = (credentialId: Buffer | null, spki: Buffer | null): Device['webauthn'] =>
  credentialId === null || spki === null ? null : { credentialId, spki }

function deviceOf(row: Row): Sealed<Device> {
  const { id, spki, wrapped_key: wrapped, token_key_id: tokenKeyId } = row
  const hasKey = wrapped !== null || tokenKeyId !== null
  const device: Device = {
    id,
    provider: row.provider,
    subscriberId: row.subscriber_id,
    name: row.name,
    platform: row.platform,
    spki,
    webauthn: webauthnOf(row.webauthn_id, row.webauthn_spki),
    virtualKey: hasKey ? { id, algorithm: 'P-256', spki, wrapped, tokenKeyId } : null,
    virtual: row.virtual,
    createdAt: row.created_at,
    removedAt: row.removed_at,
    removedBy: row.removed_by,
    version: row.version
  }
  return { row: device, seal: row.seal }
}
