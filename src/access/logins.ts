import type { Audit } from '../audit/audit.js'
import type { Clock } from '../clock.js'
import type { LocalDirectory } from '../enrolment/directory.js'
import type { Subscriber } from '../enrolment/enrolment.js'
import type { SubscriberRecord } from '../enrolment/needs.js'
import { ServiceError } from '../errors.js'
import type { Hsm } from '../hsm/hsm.js'
import type { Access } from './access.js'
import { createKeyedHash } from './keyed-hash.js'
import { createLockout, type TriedSecret } from './lockout.js'
import { createLoginCodes, type NewCode } from './login-codes.js'
import type { CodeSender, LockoutStore, LoginCodeStore } from './needs.js'
import type { Passwords } from './passwords.js'
import type { Refusals } from './refusals.js'

/** Subscribers who prove themselves to a relying party by their password, and where asked by a one-time code besides. */
export interface Logins {
  /**
   * Checks a password. Takes as long for a login that does not exist as for one that does, and locks both alike.
   * @throws ServiceError `authentication_failed` (unknown login or wrong password, not told apart, with `attemptsLeft`),
   *   `login_locked` (with `retryAfterS`), `second_factor_required` (the password is right; a code was sent to the
   *   subscriber), `too_many_requests` (too many checks wait, or too many codes were sent), `not_offered` (a code would
   *   have to be sent, and this server has no way to).
   */
  verify(by: {
    provider: string
    clientId: string
    login: string
    password: string
    /** Whether a code is sent where one is asked for; default true. False: `second_factor_required` and nothing more. */
    sendsCode?: boolean
  }): Promise<Subscriber>
  /**
   * Checks the code that `verify` or `sendCode` had sent; the password must have been right within the last 5 minutes.
   * @throws ServiceError `authentication_failed` (wrong or spent code, or none was asked for), `login_locked`,
   *   `too_many_requests`.
   */
  verifyCode(by: { provider: string; clientId: string; login: string; code: string }): Promise<Subscriber>
  /** Sends another code where one is waited for; says nothing about whether it did. */
  sendCode(to: { provider: string; clientId: string; login: string }): Promise<void>
}

/** What operators and the server's timer do with logins. */
export interface LoginAdministration {
  /**
   * Ends all lockouts of a subscriber's login and credentials, at every relying party, and forgets what was wrong;
   * audited.
   * @param by Actor of the audit event.
   * @throws ServiceError `not_found`.
   */
  unlock(subscriberId: string, by: string): Promise<void>
  /** Forgets counts and codes that are over. */
  purge(): Promise<void>
}

/** What logins stand on. */
export interface LoginsDeps {
  lockoutStore: LockoutStore
  codeStore: LoginCodeStore
  /** Null: this server has no way to send codes. */
  codeSender: CodeSender | null
  directory: Pick<LocalDirectory, 'subscriber' | 'subscriberByLogin' | 'subscriberRecord' | 'credentialsOf'>
  relyingParty: Access['relyingParty']
  passwords: Pick<Passwords, 'verify'>
  mac: Hsm['mac']
  audit: Audit
  refusals: Pick<Refusals, 'record'>
  now: Clock
  /** Wrong secrets in a row before a lockout, and how long it lasts. */
  lockout: { attempts: number; lockoutS: number }
}

/** Stands in for the id of a subscriber that does not exist, so that the same is asked of the database. */
const nobody = 'nobody'
/** What the codes of this file prove. */
const purpose = 'login'

export function openLogins(deps: LoginsDeps): Logins & LoginAdministration {
  const { directory, passwords, codeSender, now } = deps
  const keyedHash = createKeyedHash(deps)
  const lockout = createLockout({ store: deps.lockoutStore, keyedHash, now, ...deps.lockout })
  const codes = createLoginCodes({ store: deps.codeStore, keyedHash, now })

  /**
   * Has a secret judged, and audits it when it is refused.
   * @param judge Gets the subscriber as the row says now; null where there is none, for the same work.
   */
  async function judged(
    tried: TriedSecret,
    judge: (record: SubscriberRecord | null) => Promise<boolean>
  ): Promise<Subscriber> {
    const { provider, clientId, kind, login } = tried
    const known = directory.subscriberByLogin(provider, login)
    known.catch(() => undefined) // met below, or not at all where it is locked
    async function refuse(failure: ServiceError): Promise<never> {
      const { code } = failure
      // A login that is unknown is not written down: it is a stranger's text, and may be a password in the wrong field.
      const subscriberId = (await known)?.id ?? null
      await deps.refusals.record(
        `login at ${provider}`,
        `${clientId} ${subscriberId ?? ''} ${kind} ${code}`,
        {
          type: 'login.refused',
          actor: `relying-party:${provider}/${clientId}`,
          about: { provider, clientId, subscriberId, kind, code }
        }
      )
      throw failure
    }
    let found: SubscriberRecord | null
    let attemptsLeft = 0
    try {
      found = await lockout.guard(
        tried,
        async () => {
          const record = await directory.subscriberRecord((await known)?.id ?? nobody)
          return (await judge(record)) ? record : null
        },
        (left) => {
          attemptsLeft = left
        }
      )
    } catch (error) {
      if (error instanceof ServiceError && error.code === 'login_locked') return refuse(error)
      throw error
    }
    if (found === null)
      return refuse(new ServiceError('authentication_failed', `wrong ${kind}`, { attemptsLeft }))
    const { passwordHash: _, ...subscriber } = found
    return subscriber
  }

  async function send(sender: CodeSender, to: Subscriber, clientId: string, { code }: NewCode) {
    const { provider, id: subscriberId, phone, email } = to
    const party = await deps.relyingParty(provider, clientId)
    const channel = phone === null && email !== null ? 'email' : 'sms'
    await sender.send({
      provider,
      subscriberId,
      channel,
      address: channel === 'email' ? email : phone,
      text: `${code} là mã đăng nhập của bạn tại ${party?.name ?? clientId}, có hiệu lực trong 5 phút. Không đưa mã này cho bất kỳ ai.`
    })
  }

  return {
    async verify({ provider, clientId, login, password, sendsCode = true }) {
      const tried = { provider, clientId, kind: 'password', login } as const
      const subscriber = await judged(tried, (record) =>
        passwords.verify(password, record?.passwordHash ?? null)
      )
      if (subscriber.secondFactor === 'none') return subscriber
      if (!sendsCode)
        throw new ServiceError('second_factor_required', `${subscriber.id} needs a code besides`)
      if (codeSender === null)
        throw new ServiceError('not_offered', `a code for ${subscriber.id}, and nothing to send it`, {
          says: 'This login asks for a one-time code, and this server has no way to send one.'
        })
      const made = await codes.start({ provider, clientId, subscriberId: subscriber.id, purpose })
      if (made === null)
        throw new ServiceError('too_many_requests', `too many codes were sent to ${subscriber.id}`, {
          says: 'Too many one-time codes were sent to this subscriber.',
          retryAfterS: 300
        })
      await send(codeSender, subscriber, clientId, made)
      throw new ServiceError('second_factor_required', `a code was sent to ${subscriber.id}`)
    },

    async verifyCode({ provider, clientId, login, code }) {
      const tried = { provider, clientId, kind: 'code', login } as const
      return judged(tried, (record) =>
        codes.take({ provider, clientId, subscriberId: record?.id ?? nobody, purpose }, code)
      )
    },

    async sendCode({ provider, clientId, login }) {
      const subscriber = await directory.subscriberByLogin(provider, login)
      const made = await codes.replace({
        provider,
        clientId,
        subscriberId: subscriber?.id ?? nobody,
        purpose
      })
      if (made !== null && subscriber !== null && codeSender !== null)
        await send(codeSender, subscriber, clientId, made)
    },

    async unlock(subscriberId, by) {
      const subscriber = await directory.subscriber(subscriberId)
      if (subscriber === null) throw new ServiceError('not_found', `no subscriber ${subscriberId}`)
      const { provider, login } = subscriber
      const credentials = await directory.credentialsOf(subscriberId)
      let locked = 0
      for (const name of [login, ...credentials.map(({ id }) => id)])
        locked += await lockout.unlock({ provider, login: name })
      await deps.audit.record({
        type: 'subscriber.unlocked',
        actor: by,
        about: { subscriberId, provider, login, locked }
      })
    },

    async purge() {
      await lockout.purge()
      await codes.purge()
    }
  }
}
