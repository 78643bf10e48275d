import type { Json } from '../audit/audit.js'

/** How a transaction ended. `cancelled`: what it rests on was withdrawn, such as the credential or the device. */
export type TransactionOutcome = 'signed' | 'rejected' | 'expired' | 'cancelled' | 'failed'

/** `waiting` for the subscriber, `signing` once confirmed, then its outcome, which is final. */
export type TransactionState = 'waiting' | 'signing' | TransactionOutcome

/** A document of a transaction, as the relying party knows it. */
export interface TransactionDocument {
  /** The relying party's own name for it, which answers repeat. */
  id: string
  /** What the device shows. */
  name: string
  /** SHA-256 of what is to be signed: 32 octets. */
  digest: Uint8Array
}

/** A dialect's request to sign, read and decoded. */
export interface TransactionRequest {
  provider: string
  clientId: string
  /** Which dialect answers for it, and in whose shape its callback is. */
  dialect: string
  /** The relying party's own transaction id, unique among its transactions; null: the dialect has none. */
  name: string | null
  /** `X-Request-Id` of the request. */
  requestId: string
  subscriberId: string
  /** An RSA credential of the subscriber. */
  credentialId: string
  documents: readonly TransactionDocument[]
  /** What the device shows. */
  description: string
  /** Where the outcome is posted; checked against what the relying party registered. Null: it polls. */
  callbackUrl: string | null
  /** What the dialect repeats in its answers, beside the documents' ids. */
  details: { readonly [key: string]: Json }
}

/** One request of a dialect from asking to its outcome. */
export interface Transaction {
  /** UUID version 7, also the id of its activation and of the challenge. */
  id: string
  provider: string
  clientId: string
  dialect: string
  name: string | null
  requestId: string
  subscriberId: string
  credentialId: string
  documentIds: readonly string[]
  details: { readonly [key: string]: Json }
  callbackUrl: string | null
  createdAt: Date
  /** Until then the subscriber may answer. */
  expiresAt: Date
  state: TransactionState
  /** Null while it has no outcome. */
  endedAt: Date | null
  /** Why it has no signatures, as a word of ours: an error code, or the reason the activation ended for. */
  reason: string | null
  /** In the order of the documents, RSASSA-PKCS1-v1_5 with SHA-256; null unless `signed`. */
  signatures: readonly Uint8Array[] | null
}

/** Whose transaction: what another relying party's is looks like none (I6). */
export interface TransactionOwner {
  provider: string
  clientId: string
}

/**
 * Ask, challenge, confirm, reserve, sign, for dialects in which the confirmation itself redeems: once the subscriber
 * has confirmed, the signatures are made without a further call. Work that a crash interrupts is taken up by whatever
 * server is alive, and ends in one recorded outcome.
 */
export interface Transactions {
  /**
   * Opens a transaction and puts its challenge before the subscriber. The same request again under the same name
   * answers the transaction there is, whatever became of it.
   * @returns `repeated`: it was opened by an earlier request.
   * @throws ServiceError as `Activations.ask`; `transaction_taken` when the name is another request's.
   */
  start(request: TransactionRequest): Promise<{ transaction: Transaction; repeated: boolean }>
  /** By our id. Null: this relying party has none. */
  find(id: string, owner: TransactionOwner): Promise<Transaction | null>
  /** By the relying party's own name for it. Null: it has none. */
  findByName(name: string, owner: TransactionOwner): Promise<Transaction | null>
  /**
   * For a dialect that asks for a result without saying who asks, where the id is the secret: by our id, or by a name
   * that is a UUID and that one relying party alone has used at this provider. Null otherwise.
   */
  findUnowned(idOrName: string, provider: string): Promise<Transaction | null>
  /** The one that a request opened, by its `X-Request-Id`. Null: it opened none. */
  findByRequest(requestId: string): Promise<Transaction | null>
  /**
   * Resolves when the transaction has its outcome, or after `timeoutMs` as it stands then.
   * @param signal Gives up waiting; the transaction goes on.
   * @throws ServiceError `too_many_requests` where too many calls wait already.
   */
  wait(transaction: Transaction, timeoutMs: number, signal: AbortSignal): Promise<Transaction>
  /** Takes up what was left: called by the server's timer. Resolves to how many were brought to their outcome. */
  sweep(): Promise<number>
}
