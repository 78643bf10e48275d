import type { Queryable } from './database.js'

/** A message as it would have been sent. */
export interface OutboxMessage {
  /** UUIDv7, by the time of sending. */
  id: string
  subscriberId: string
  channel: 'sms' | 'email'
  address: string | null
  text: string
  sentAt: Date
}

interface Row {
  id: string
  subscriber_id: string
  channel: OutboxMessage['channel']
  address: string | null
  text: string
  sent_at: Date
}

/** The `outbox` table of the simulation. */
export type Outbox = ReturnType<typeof createOutboxStore>

export function createOutboxStore(db: Queryable) {
  return {
    async add(message: OutboxMessage): Promise<void> {
      await db.query({
        name: 'outbox-add',
        text: `insert into outbox (id, subscriber_id, channel, address, text, sent_at)
               values ($1, $2, $3, $4, $5, $6)`,
        values: [
          message.id,
          message.subscriberId,
          message.channel,
          message.address,
          message.text,
          message.sentAt
        ]
      })
    },

    /** Those of one subscriber that were sent after `since`, latest first, beginning below the message `before`. */
    async list(of: {
      subscriberId: string
      since: Date
      before: string | null
      limit: number
    }): Promise<OutboxMessage[]> {
      const { rows } = await db.query<Row>({
        text: `select id, subscriber_id, channel, address, text, sent_at
                 from outbox
                where subscriber_id = $1 and sent_at > $2 and ($3::text is null or id < $3)
                order by id desc limit $4`,
        values: [of.subscriberId, of.since, of.before, of.limit]
      })
      return rows.map((row) => ({
        id: row.id,
        subscriberId: row.subscriber_id,
        channel: row.channel,
        address: row.address,
        text: row.text,
        sentAt: row.sent_at
      }))
    },

    /** Removes what was sent before `limit`. */
    async purge(limit: Date): Promise<void> {
      await db.query({ text: 'delete from outbox where sent_at <= $1', values: [limit] })
    }
  }
}
