import { randomBytes } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import type { Audit } from '../audit/audit.js'
import type { Clock } from '../clock.js'
import type { Directory, Subscriber } from '../enrolment/enrolment.js'
import { ServiceError } from '../errors.js'
import type { Hsm } from '../hsm/hsm.js'
import { createKeyedHash } from './keyed-hash.js'
import { createLockout } from './lockout.js'
import type { LockoutStore, TotpRecord, TotpStore } from './needs.js'
import type { Refusals } from './refusals.js'
import { stepOfCode, totpUri } from './totp-code.js'

/** Octets of a secret (RFC 4226 §4, R6). */
const secretOctets = 20

/** One-time codes that a generator of the subscriber's makes from the time (RFC 6238): asked in addition, never instead. */
export interface Totp {
  /**
   * Checks a code and uses its time step up. Each relying party has a count of its own of wrong ones; a code that was
   * used before, on whatever server and for whomever, is wrong.
   * @throws ServiceError `factor_required` (the subscriber has no secret), `factor_wrong`, `factor_locked` with
   *   `retryAfterS`, each with `field` `otp`; `too_many_requests`, `hsm_unavailable`, `integrity_broken`.
   */
  require(of: { clientId: string; subscriber: Subscriber }, otp: string): Promise<void>
}

/** What operators do with them. Each change is audited. */
export interface TotpAdministration {
  /**
   * Gives a subscriber a secret; an earlier one is refused from now on.
   * @returns The only time that the secret is told: in base64, and as an address that generators read.
   * @throws ServiceError `not_found`.
   */
  start(subscriberId: string, by: string): Promise<{ secret: string; uri: string }>
  /** Also where there is none. @throws ServiceError `not_found`. */
  remove(subscriberId: string, by: string): Promise<void>
}

/** What codes by time stand on. */
export interface TotpDeps {
  store: TotpStore
  lockoutStore: LockoutStore
  directory: Pick<Directory, 'subscriber'>
  secrets: Hsm['secrets']
  mac: Hsm['mac']
  audit: Audit
  refusals: Pick<Refusals, 'record'>
  now: Clock
  /** Wrong ones in a row before a lockout, and how long it lasts. */
  lockout: { attempts: number; lockoutS: number }
  /** What generators call a provider. */
  issuerOf: (provider: string) => string
}

/** See `Totp` and `TotpAdministration`. */
export function openTotp(deps: TotpDeps): Totp & TotpAdministration {
  const { store, directory, secrets, audit, now } = deps
  const lockout = createLockout({
    store: deps.lockoutStore,
    keyedHash: createKeyedHash(deps),
    now,
    ...deps.lockout
  })

  async function subscriberOf(id: string): Promise<Subscriber> {
    const subscriber = await directory.subscriber(id)
    if (subscriber === null) throw new ServiceError('not_found', `no subscriber ${id}`)
    return subscriber
  }

  async function judge(kept: TotpRecord, otp: string): Promise<true | null> {
    const secret = await secrets.decrypt(kept.secretEncrypted, placeOf(kept))
    const step = stepOfCode(secret, otp, now())
    return step !== null && (await store.use(kept.id, step)) ? true : null
  }

  async function refuse(clientId: string, of: Subscriber, failure: ServiceError): Promise<never> {
    const { provider, id: subscriberId } = of
    const { code } = failure
    await deps.refusals.record(`factors at ${provider}`, `${clientId} ${subscriberId} totp ${code}`, {
      type: 'factor.refused',
      actor: `relying-party:${provider}/${clientId}`,
      about: { provider, clientId, subscriberId, kind: 'totp', code }
    })
    throw failure
  }

  return {
    async require({ clientId, subscriber }, otp) {
      const { provider, id, login } = subscriber
      const kept = await store.find(id)
      if (kept === null)
        return refuse(
          clientId,
          subscriber,
          new ServiceError('factor_required', `${id} has no TOTP secret`, { field: 'otp' })
        )
      let right: true | null
      try {
        right = await lockout.guard({ provider, clientId, kind: 'totp', login }, () => judge(kept, otp))
      } catch (error) {
        if (!(error instanceof ServiceError) || error.code !== 'login_locked') throw error
        const { message, retryAfterS = 1 } = error
        return refuse(
          clientId,
          subscriber,
          new ServiceError('factor_locked', message, {
            field: 'otp',
            retryAfterS,
            says: 'Too many wrong one-time codes: no code is taken for a while.'
          })
        )
      }
      if (right === null)
        return refuse(
          clientId,
          subscriber,
          new ServiceError('factor_wrong', `wrong TOTP of ${id}`, {
            field: 'otp',
            says: 'The one-time code is wrong, was used before, or its time is over.'
          })
        )
    },

    async start(subscriberId, by) {
      const { provider, login } = await subscriberOf(subscriberId)
      const createdAt = now()
      const secret = randomBytes(secretOctets)
      const id = uuidv7({ msecs: createdAt.getTime() })
      const secretEncrypted = await secrets.encrypt(secret, placeOf({ id, subscriberId }))
      await audit.recordWith((record) =>
        store.set({ id, subscriberId, secretEncrypted, createdAt }, (transaction) =>
          record(transaction, {
            type: 'subscriber.totp-set',
            actor: by,
            about: { subscriberId, provider, totpId: id }
          })
        )
      )
      const uri = totpUri(secret, { issuer: deps.issuerOf(provider), login })
      return { secret: secret.toString('base64'), uri }
    },

    async remove(subscriberId, by) {
      const { provider } = await subscriberOf(subscriberId)
      await audit.recordWith((record) =>
        store.remove(subscriberId, (transaction) =>
          record(transaction, {
            type: 'subscriber.totp-removed',
            actor: by,
            about: { subscriberId, provider }
          })
        )
      )
    }
  }
}

/** The one row that a secret belongs to, and the one person. */
const placeOf = ({ id, subscriberId }: Pick<TotpRecord, 'id' | 'subscriberId'>): string =>
  `totp_secrets/${id}/${subscriberId}/secret`
