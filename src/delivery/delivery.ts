import type { Json } from '../audit/audit.js'
import type { Transaction } from '../transactions/transaction.js'

/** What came back from an address outside, as far as it was read. */
export interface CallbackAnswer {
  /** HTTP status. */
  status: number
  /** Parsed where it is JSON; null where it is not. */
  body: unknown
}

/** How the callback of a dialect looks; the dialect provides it. */
export interface CallbackShape {
  /** What is posted as JSON. The same for every attempt, so that a receiver can tell a repetition. */
  body(transaction: Transaction): Json
  /** Whether the receiver has taken it; otherwise it is posted again later. */
  acknowledges(answer: CallbackAnswer): boolean
  /** Where a token is fetched from the relying party before: how it is asked for and read. Null: none is. */
  token: CallbackToken | null
  /** Whether it is posted once, however that ends; default false: until it is acknowledged. */
  once?: boolean
}

/** The first of two steps: a bearer token from the relying party's registered `callbackAuthUrl`. */
export interface CallbackToken {
  /** Query of the GET. `clientSecret` is the secret that was registered for this purpose. */
  query(client: { clientId: string; clientSecret: string }): Readonly<Record<string, string>>
  /** The token in the answer, or null when there is none in it. */
  read(answer: CallbackAnswer): string | null
}

export type DeliveryStatus = 'waiting' | 'delivered' | 'given-up'

/** One try at a delivery. */
export interface DeliveryAttempt {
  number: number
  at: Date
  tookMs: number
  /** Null: there was no answer. */
  httpStatus: number | null
  /** What went wrong; null: it was acknowledged. */
  detail: string | null
}

/** An outcome on its way to a relying party. */
export interface Delivery {
  id: string
  /** A transaction's id, or the `responseID` of CSC. */
  transactionId: string
  provider: string
  clientId: string
  url: string
  status: DeliveryStatus
  createdAt: Date
  /** Null once it has ended. */
  nextAttemptAt: Date | null
  endedAt: Date | null
  attempts: readonly DeliveryAttempt[]
}

/** Everything we call outside. At least once: a receiver may hear of an outcome twice. */
export interface Deliveries {
  /** Tries what is due in the background. Called when something was queued, and by the server's timer every second. */
  wake(): void
  /** Tries what is due and resolves to how many attempts ended, once none is under way. No server waits for that. */
  deliverDue(): Promise<number>
  /** For operators: latest first. */
  list(of: {
    provider: string | null
    clientId: string | null
    transactionId: string | null
    status: DeliveryStatus | null
    after: string | null
    limit: number
  }): Promise<Delivery[]>
  /** Starts no more, and breaks off after a second what does not end by itself: that stays due. */
  close(): Promise<void>
}
