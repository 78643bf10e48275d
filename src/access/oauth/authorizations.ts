import { v7 as uuidv7 } from 'uuid'
import type { Activation, Activations } from '../../activation/activation.js'
import type { Audit } from '../../audit/audit.js'
import type { Clock } from '../../clock.js'
import type { Directory } from '../../enrolment/enrolment.js'
import { type ErrorCode, ServiceError } from '../../errors.js'
import type { Access } from '../access.js'
import { newSecret } from '../client-secret.js'
import type { Logins } from '../logins.js'
import { askRequestOf, chooseCredential } from './credential-request.js'
import type { AuthorizationRecord, AuthorizationStore } from './needs.js'
import type {
  Authorization,
  AuthorizationAsked,
  Authorizations,
  InBrowser,
  OAuthApi,
  OAuthClient
} from './oauth.js'
import { isSecretOf, secretForm, sha256 } from './secrets.js'

/** Between a push and the browser (RFC 9126 §2.2 leaves it to us; the standard's sample has 90 s). */
const pushedTtlS = 90
/** From the browser's arrival until the person is known. */
const loginTtlMs = 10 * 60_000
/** Between the person's consent and the browser's way back with it, and between that and its exchange. */
const answerTtlMs = 10 * 60_000
/** Life of a code, unless its API has another one. */
const codeTtlDefaultS = 60
/** How long an exchanged code is remembered, so that one that comes again is known for what it is. */
const codeRememberedMs = 60 * 60_000
/** Requests of one relying party that were made within `loginTtlMs`: whoever opens more must wait. */
const openMax = 5_000

const requestUriPrefix = 'urn:ietf:params:oauth:request_uri:'

/** Stands in for the person of a login that nobody has, where a login alone is asked for: nothing tells them apart. */
export const nobody = 'nobody'

/** What requests stand on. */
export interface AuthorizationsDeps {
  store: AuthorizationStore
  relyingParty: Access['relyingParty']
  logins: Logins
  directory: Pick<Directory, 'subscriberByLogin' | 'credential' | 'credentialsOf'>
  activations: Pick<Activations, 'ask' | 'answered' | 'withdraw'>
  activationOf: (id: string) => Promise<Activation | null>
  /** Whether a provider asks for a password besides the login. */
  asksPassword: (provider: string) => boolean
  audit: Pick<Audit, 'record'>
  now: Clock
}

/** See `Authorizations`. Every step is one conditional statement, so that any server can take it, and one does. */
export function createAuthorizations(deps: AuthorizationsDeps): Authorizations {
  const { store, logins, activations, now } = deps

  const later = (ms: number) => new Date(now().getTime() + ms)

  async function add(
    client: OAuthClient,
    asked: AuthorizationAsked,
    as: Pick<AuthorizationRecord, 'status' | 'requestUriSha256' | 'bindingSha256' | 'expiresAt'>
  ): Promise<string> {
    const { provider, audience, clientId } = client
    const createdAt = now()
    const id = uuidv7({ msecs: createdAt.getTime() })
    const record: AuthorizationRecord = {
      ...{ id, provider, audience, clientId, asked, createdAt, ...as },
      ...{
        login: null,
        subscriberId: null,
        activationId: null,
        refusal: null,
        codeExpiresAt: null,
        grantId: null
      }
    }
    const since = new Date(createdAt.getTime() - loginTtlMs)
    if (!(await store.add(record, { max: openMax, since })))
      throw new ServiceError('too_many_requests', `${clientId} has too many authorization requests open`, {
        retryAfterS: 30
      })
    return id
  }

  /** @throws ServiceError `not_found`. */
  async function inBrowser({ requestId, binding, ...api }: InBrowser): Promise<AuthorizationRecord> {
    const record = await store.find(requestId)
    if (record === null || !isOf(api, record) || !isSecretOf(binding, record.bindingSha256))
      throw new ServiceError('not_found', `no authorization request ${requestId} in this browser`)
    return record
  }

  /** One that still wants to know who the person is. @throws ServiceError `not_found`. */
  async function unknownPerson(at: InBrowser): Promise<AuthorizationRecord> {
    const record = await inBrowser(at)
    const open = (record.status === 'login' || record.status === 'code') && record.expiresAt > now()
    if (!open) throw new ServiceError('not_found', `${record.id} is ${record.status}, or too old`)
    return record
  }

  /** How it stands now, whatever the row says that nobody has touched since. */
  async function standing(record: AuthorizationRecord): Promise<Authorization> {
    const { id, clientId, provider, asked, status, refusal, expiresAt, activationId } = record
    const party = await deps.relyingParty(provider, clientId)
    const view = { id, clientId, relyingPartyName: party?.name ?? clientId, asked, expiresAt }
    const as = (status: Authorization['status'], more: Partial<Authorization> = {}): Authorization => ({
      ...{ ...view, status, refusal: null, activation: null, ...more }
    })
    const denied = (code: ErrorCode) => as('denied', { refusal: code })
    if (status === 'denied') return denied(refusal ?? 'internal')
    if (status === 'answered' || status === 'redeemed') return as('answered')
    if (party === null) return denied('permission_denied')
    if (status === 'phone') {
      const activation = activationId === null ? null : await deps.activationOf(activationId)
      const why = activation === null ? 'activation_cancelled' : endOf(activation, now())
      if (why === 'confirmed') return as('approved')
      return why === 'waiting' ? as('phone', { activation }) : denied(why)
    }
    if (expiresAt <= now()) return denied('activation_expired')
    return as(status === 'pushed' ? 'login' : status)
  }

  /** The person is known. */
  async function proceed(record: AuthorizationRecord, subscriberId: string): Promise<void> {
    const { id, provider, clientId, asked } = record
    const taken = new ServiceError('not_found', `${id} went on meanwhile`)
    if (asked.credential === null) {
      if (!(await store.approve({ id, subscriberId, at: now() }))) throw taken
      return
    }
    try {
      const credential = await chooseCredential(deps.directory, subscriberId, asked.credential, now())
      const request = askRequestOf({ provider, clientId, subscriberId }, asked.credential, credential)
      await activations.ask(request, async (transaction, activation) => {
        const of = { id, subscriberId, activationId: activation.id, at: now() }
        const expiresAt = new Date(activation.expiresAt.getTime() + answerTtlMs)
        if (!(await store.attach(transaction, { ...of, expiresAt }))) throw taken
      })
    } catch (error) {
      if (error === taken || !(error instanceof ServiceError) || !decides.has(error.code)) throw error
      await deny(record, error.code)
    }
  }

  async function deny(record: AuthorizationRecord, refusal: ErrorCode): Promise<void> {
    const { id, provider, clientId, audience, subscriberId, activationId, asked } = record
    if (!(await store.deny({ id, refusal }))) return
    if (activationId !== null)
      await activations.withdraw({ provider, clientId, activationId, reason: refusal })
    await deps.audit.record({
      type: 'authorization.denied',
      actor: `relying-party:${provider}/${clientId}`,
      about: { provider, clientId, audience, requestId: id, scope: asked.scope, subscriberId, code: refusal }
    })
  }

  return {
    async push(client, asked) {
      const secret = newSecret()
      await add(client, asked, {
        status: 'pushed',
        requestUriSha256: sha256(secret),
        bindingSha256: null,
        expiresAt: later(pushedTtlS * 1000)
      })
      return { requestUri: `${requestUriPrefix}${secret}`, expiresInS: pushedTtlS }
    },

    async open(client, asked) {
      const binding = newSecret()
      const requestId = await add(client, asked, {
        status: 'login',
        requestUriSha256: null,
        bindingSha256: sha256(binding),
        expiresAt: later(loginTtlMs)
      })
      return { requestId, binding }
    },

    async openPushed(client, { requestUri, state, binding: bindingOf }) {
      const secret = requestUri.startsWith(requestUriPrefix) ? requestUri.slice(requestUriPrefix.length) : ''
      if (!secretForm.test(secret)) return null
      const record = await store.findPushed(sha256(secret))
      if (record === null || !isOf(client, record) || record.clientId !== client.clientId) return null
      const { id } = record
      if (isSecretOf(bindingOf(id), record.bindingSha256)) return { requestId: id, binding: null }
      const binding = newSecret()
      const opened = await store.open({
        ...{ id, at: now(), bindingSha256: sha256(binding), expiresAt: later(loginTtlMs) },
        state: record.asked.state === null ? state : null
      })
      return opened ? { requestId: id, binding } : null
    },

    async find(at) {
      const record = await inBrowser(at).catch((error: unknown) => {
        if (error instanceof ServiceError && error.code === 'not_found') return null
        throw error
      })
      return record === null ? null : standing(record)
    },

    async logIn(at, { login, password }) {
      const record = await unknownPerson(at)
      const { id, provider, clientId } = record
      if (!deps.asksPassword(provider)) {
        const subscriber = await deps.directory.subscriberByLogin(provider, login)
        return proceed(record, subscriber?.id ?? nobody)
      }
      try {
        const subscriber = await logins.verify({ provider, clientId, login, password })
        return await proceed(record, subscriber.id)
      } catch (error) {
        if (!(error instanceof ServiceError) || error.code !== 'second_factor_required') throw error
        if (!(await store.awaitCode({ id, login, at: now() })))
          throw new ServiceError('not_found', `${id} went on meanwhile`)
      }
    },

    async enterCode(at, code) {
      const record = await unknownPerson(at)
      const { provider, clientId, login } = record
      if (login === null) throw new ServiceError('not_found', `${record.id} waits for no code`)
      const subscriber = await logins.verifyCode({ provider, clientId, login, code })
      return proceed(record, subscriber.id)
    },

    async sendCode(at) {
      const { provider, clientId, login } = await unknownPerson(at)
      if (login !== null) await logins.sendCode({ provider, clientId, login })
    },

    deny: async (at) => deny(await inBrowser(at), 'activation_rejected'),

    async answer(at, codeTtlS = codeTtlDefaultS) {
      const record = await inBrowser(at)
      const { id, asked, provider, audience, clientId, subscriberId, activationId } = record
      const { status, refusal } = await standing(record)
      if (status === 'denied') return { asked, code: null, refusal }
      if (status !== 'approved') return null
      const code = newSecret()
      const answered = await store.answer({
        ...{
          id,
          codeSha256: sha256(code),
          codeExpiresAt: later(codeTtlS * 1000),
          expiresAt: later(codeRememberedMs)
        }
      })
      if (!answered) return null
      await deps.audit.record({
        type: 'authorization.granted',
        actor: `relying-party:${provider}/${clientId}`,
        about: { provider, clientId, audience, requestId: id, scope: asked.scope, subscriberId, activationId }
      })
      return { asked, code, refusal: null }
    },

    async changed({ activation, status }, timeoutMs, signal) {
      if (status === 'phone' && activation !== null)
        await activations.answered({ activationId: activation.id, timeoutMs, signal })
    }
  }
}

/** Failures of an ask that the relying party is told; others are ours, and the person may try again. */
const decides: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...(['not_found', 'credential_unusable', 'certificate_expired', 'request_invalid'] as const),
  ...(['signatures_too_many', 'digest_length_wrong', 'factor_required', 'challenges_too_many'] as const)
])

const isOf = (api: OAuthApi, record: AuthorizationRecord): boolean =>
  record.provider === api.provider && record.audience === api.audience

/** How an activation stands for whoever waits for it. */
function endOf({ status, expiresAt }: Activation, at: Date): 'waiting' | 'confirmed' | ErrorCode {
  switch (status) {
    case 'waiting':
      return expiresAt > at ? 'waiting' : 'activation_expired'
    case 'confirmed':
      return 'confirmed'
    case 'rejected':
      return 'activation_rejected'
    case 'expired':
      return 'activation_expired'
    case 'cancelled':
    case 'spent':
      return 'activation_cancelled'
  }
}
