import type { Queryable } from './database.js'
import { openFrom } from './uuid-time.js'

/** How a virtual phone answers a challenge. The last two send a token that the server must refuse. */
export type VirtualPhoneBehaviour = 'confirm' | 'reject' | 'ignore' | 'wrong-biometric' | 'tampered-display'
export type Biometric = 'face' | 'fingerprint'

/** One way to answer. */
export interface VirtualPhonePlan {
  behaviour: VirtualPhoneBehaviour
  /** Milliseconds from seeing a challenge to answering it, 0 to 300,000. */
  delayMs: number
  biometric: Biometric
}

/** A virtual phone as it is set. */
export interface VirtualPhone extends VirtualPhonePlan {
  subscriberId: string
  deviceId: string
  /** One plan for each of the next challenges, before the setting above applies again. */
  next: VirtualPhonePlan[]
}

/** Plans that may be queued for one phone. */
export const nextPlansMax = 100

/** Settings of the simulator. They are aids, not evidence: no seal, and no audit of what a phone chose to do. */
export interface VirtualPhones {
  find(subscriberId: string): Promise<VirtualPhone | null>
  /** Writes the setting, keeping what is queued. */
  set(phone: Omit<VirtualPhone, 'next'>): Promise<VirtualPhone>
  /** Queues a plan; members left out follow the setting. Null: no such phone; `full`: too many are queued. */
  queue(
    subscriberId: string,
    plan: Pick<VirtualPhonePlan, 'behaviour'> & Partial<VirtualPhonePlan>
  ): Promise<VirtualPhone | 'full' | null>
  /** Takes the plan for the next challenge: the first queued one, else the setting. One caller gets each. */
  takePlan(subscriberId: string): Promise<VirtualPhonePlan | null>
  /** Answers the device that played it, or null when there was none. */
  remove(subscriberId: string): Promise<{ deviceId: string } | null>
  /** Subscribers above `after`, in order, whose virtual phone has something to answer at `now`. */
  withWaiting(of: { now: Date; after: string; limit: number }): Promise<string[]>
}

interface Row {
  subscriber_id: string
  device_id: string
  behaviour: VirtualPhoneBehaviour
  delay_ms: number
  biometric: Biometric
  next: VirtualPhonePlan[]
}
const columns = 'subscriber_id, device_id, behaviour, delay_ms, biometric, next'

/** The `virtual_phones` table. */
export function createVirtualPhoneStore(db: Queryable): VirtualPhones {
  async function find(subscriberId: string): Promise<VirtualPhone | null> {
    const { rows } = await db.query<Row>({
      name: 'virtual-phones-find',
      text: `select ${columns} from virtual_phones where subscriber_id = $1`,
      values: [subscriberId]
    })
    return rows[0] === undefined ? null : phoneOf(rows[0])
  }

  return {
    find,

    async set({ subscriberId, deviceId, behaviour, delayMs, biometric }) {
      const { rows } = await db.query<Row>({
        text: `insert into virtual_phones (subscriber_id, device_id, behaviour, delay_ms, biometric)
               values ($1, $2, $3, $4, $5)
                   on conflict (subscriber_id) do update
                  set device_id = excluded.device_id, behaviour = excluded.behaviour,
                      delay_ms = excluded.delay_ms, biometric = excluded.biometric
            returning ${columns}`,
        values: [subscriberId, deviceId, behaviour, delayMs, biometric]
      })
      return phoneOf(rows[0] as Row)
    },

    async queue(subscriberId, { behaviour, delayMs = null, biometric = null }) {
      const { rows } = await db.query<Row>({
        text: `update virtual_phones
                  set next = next || jsonb_build_object('behaviour', $2::text,
                        'delayMs', coalesce($3::integer, delay_ms), 'biometric', coalesce($4::text, biometric))
                where subscriber_id = $1 and jsonb_array_length(next) < $5
            returning ${columns}`,
        values: [subscriberId, behaviour, delayMs, biometric, nextPlansMax]
      })
      if (rows[0] !== undefined) return phoneOf(rows[0])
      return (await find(subscriberId)) === null ? null : 'full'
    },

    async takePlan(subscriberId) {
      // The row is locked before it is read, so what is popped is what the update removes.
      const { rows } = await db.query<Omit<Row, 'next'> & { plan: VirtualPhonePlan | null }>({
        name: 'virtual-phones-take-plan',
        text: `with phone as (
                 select subscriber_id, behaviour, delay_ms, biometric, next->0 as plan
                   from virtual_phones where subscriber_id = $1 for update
               ), popped as (
                 update virtual_phones set next = virtual_phones.next - 0
                   from phone where virtual_phones.subscriber_id = phone.subscriber_id and phone.plan is not null
               )
               select behaviour, delay_ms, biometric, plan from phone`,
        values: [subscriberId]
      })
      const row = rows[0]
      if (row === undefined) return null
      return row.plan ?? { behaviour: row.behaviour, delayMs: row.delay_ms, biometric: row.biometric }
    },

    async remove(subscriberId) {
      const { rows } = await db.query<{ device_id: string }>({
        text: 'delete from virtual_phones where subscriber_id = $1 returning device_id',
        values: [subscriberId]
      })
      return rows[0] === undefined ? null : { deviceId: rows[0].device_id }
    },

    async withWaiting({ now, after, limit }) {
      const { rows } = await db.query<{ subscriber_id: string }>({
        name: 'virtual-phones-with-waiting',
        text: `select distinct virtual_phones.subscriber_id
                 from activations join virtual_phones using (subscriber_id)
                where activations.status = 'waiting' and activations.expires_at > $1 and activations.id >= $4
                  and virtual_phones.subscriber_id > $2
                order by virtual_phones.subscriber_id limit $3`,
        values: [now, after, limit, openFrom(now)]
      })
      return rows.map((row) => row.subscriber_id)
    }
  }
}

const phoneOf = (row: Row): VirtualPhone => ({
  subscriberId: row.subscriber_id,
  deviceId: row.device_id,
  behaviour: row.behaviour,
  delayMs: row.delay_ms,
  biometric: row.biometric,
  next: row.next
})
