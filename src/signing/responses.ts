import type { BaseLogger } from 'pino'
import { v7 as uuidv7 } from 'uuid'
import type { Access } from '../access/access.js'
import { mayCallBack } from '../access/addresses.js'
import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'
import type { Signing, SignRequest } from './signing.js'

/** How long what is over is kept beyond its time, for operators. */
const keptBeyondMs = 30 * 86_400_000

/** A request whose signatures are fetched later. */
export interface ResponseRecord {
  /** UUID version 7, also of its reservation. */
  id: string
  provider: string
  clientId: string
  /** Whose credential it is. */
  subscriberId: string
  credentialId: string
  /** Until then it can be fetched. */
  keepUntil: Date
  /** Where its end is told; null: nowhere. */
  responseUri: string | null
  createdAt: Date
}

/** How one stands. */
export type ResponseState =
  | { state: 'running' }
  | { state: 'signed'; signatures: readonly Uint8Array[] }
  /** `again`: the HSM definitely made no signature, so that the digests may be sent again. */
  | { state: 'failed'; again: boolean }

/** What this needs of the database; `store/responses.ts` provides it. */
export interface ResponseStore {
  add(record: ResponseRecord): Promise<void>
  remove(id: string): Promise<void>
  /** With what became of its reservation; null also where there is no reservation. */
  find(id: string): Promise<{ record: ResponseRecord; state: ResponseState } | null>
  /** Queues a delivery for each that has ended and is to be told, once. @returns How many. */
  queueEnded(now: Date): Promise<number>
  /** Forgets those that were kept until `before`. */
  purge(before: Date): Promise<void>
}

/** Signing whose result is fetched later (CSC API v2 §11.10, operationMode A). */
export interface Responses {
  /**
   * Checks and reserves as `Signing.sign` does, and lets the HSM work on while this resolves.
   * @param keep.forMs How long the result can be fetched.
   * @param keep.responseUri Is told of the end, without the signatures; must be among the relying party's callbacks.
   * @returns By what it is fetched.
   * @throws ServiceError as `Signing.sign`; `request_invalid` with `field` `response_uri`.
   */
  start(
    request: SignRequest,
    keep: { subscriberId: string; forMs: number; responseUri: string | null }
  ): Promise<string>
  /** Null: this relying party has none, or not for this person, or it was kept long enough. */
  find(of: {
    provider: string
    clientId: string
    /** Null: whosever. */
    subscriberId: string | null
    responseId: string
  }): Promise<ResponseState | null>
  /** Queues what is to be told; called by the server's timer, since the process that signed may be gone. */
  sweep(): Promise<void>
  /** Forgets what is over. */
  purge(): Promise<void>
  /** Waits for what is with the HSM. */
  close(): Promise<void>
}

/** See `Responses`. The result is the reservation's own record, so that any server can tell it. */
export function createResponses(deps: {
  store: ResponseStore
  signing: Pick<Signing, 'begin'>
  relyingParty: Access['relyingParty']
  now: Clock
  log: Pick<BaseLogger, 'warn'>
  /** Told when something is to be delivered. */
  onDelivery: () => void
}): Responses {
  const { store, signing, now, log } = deps
  const underWay = new Set<Promise<void>>()

  async function requireRegistered({ provider, clientId }: SignRequest, uri: string): Promise<void> {
    const party = await deps.relyingParty(provider, clientId)
    if (party === null || !mayCallBack(party, uri))
      throw new ServiceError('request_invalid', `${clientId} has not registered ${uri}`, {
        field: 'response_uri'
      })
  }

  async function sweep(): Promise<void> {
    if ((await store.queueEnded(now())) > 0) deps.onDelivery()
  }

  function follow(id: string, ended: Promise<unknown>, told: boolean): void {
    const work = ended
      .then(
        () => undefined,
        (error: unknown) =>
          log.warn({ err: error, responseId: id }, 'signatures that are to be fetched were not made')
      )
      .then(() => (told ? sweep() : undefined))
      .catch((error: unknown) => log.warn({ err: error, responseId: id }, 'an end is told later'))
      .finally(() => underWay.delete(work))
    underWay.add(work)
  }

  return {
    async start(request, { subscriberId, forMs, responseUri }) {
      if (responseUri !== null) await requireRegistered(request, responseUri)
      const { provider, clientId, credentialId } = request
      const createdAt = now()
      const id = uuidv7({ msecs: createdAt.getTime() })
      const keepUntil = new Date(createdAt.getTime() + forMs)
      // First of all: what is reserved must be found.
      await store.add({
        id,
        provider,
        clientId,
        subscriberId,
        credentialId,
        keepUntil,
        responseUri,
        createdAt
      })
      try {
        const { ended } = await signing.begin({ ...request, reservationId: id })
        follow(id, ended, responseUri !== null)
        return id
      } catch (error) {
        await store.remove(id).catch(() => undefined) // or else it is forgotten with the others
        throw error
      }
    },

    async find({ provider, clientId, subscriberId, responseId }) {
      const found = await store.find(responseId)
      if (found === null) return null
      const { record, state } = found
      const mine =
        record.provider === provider &&
        record.clientId === clientId &&
        (subscriberId === null || record.subscriberId === subscriberId)
      return mine && record.keepUntil > now() ? state : null
    },

    sweep,
    purge: () => store.purge(new Date(now().getTime() - keptBeyondMs)),
    async close() {
      await Promise.allSettled(underWay)
    }
  }
}
