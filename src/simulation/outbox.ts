import { v7 as uuidv7 } from 'uuid'
import type { CodeSender } from '../access/needs.js'
import type { Clock } from '../clock.js'
import type { Outbox, OutboxMessage } from '../store/outbox.js'

/** How long a message can be read. */
const keptMs = 24 * 3_600_000

/** Takes what would go to people's telephones and mailboxes, for whoever tries things out to read. */
export interface SimulatedOutbox extends CodeSender {
  /** The messages of the last day, latest first, beginning below the message `before`; at most `limit`. */
  messages(of: { subscriberId: string; before: string | null; limit: number }): Promise<OutboxMessage[]>
  purge(): Promise<void>
}

/** Keeps nothing in memory: several servers share one outbox. */
export function createOutbox({ store, now }: { store: Outbox; now: Clock }): SimulatedOutbox {
  const since = () => new Date(now().getTime() - keptMs)
  return {
    async send({ subscriberId, channel, address, text }) {
      const sentAt = now()
      const id = uuidv7({ msecs: sentAt.getTime() })
      await store.add({ id, subscriberId, channel, address, text, sentAt })
    },
    messages: (of) => store.list({ ...of, since: since() }),
    purge: () => store.purge(since())
  }
}
