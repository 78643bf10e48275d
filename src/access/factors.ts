import { requireUsable } from '../activation/ask.js'
import type { Audit } from '../audit/audit.js'
import type { Clock } from '../clock.js'
import type { LocalDirectory } from '../enrolment/directory.js'
import type { Credential, CredentialAuth } from '../enrolment/enrolment.js'
import { ServiceError } from '../errors.js'
import type { Hsm } from '../hsm/hsm.js'
import type { Access } from './access.js'
import { createKeyedHash } from './keyed-hash.js'
import { createLockout } from './lockout.js'
import { createLoginCodes } from './login-codes.js'
import type { CodeSender, LockoutStore, LoginCodeStore } from './needs.js'
import type { Passwords } from './passwords.js'
import type { Refusals } from './refusals.js'

/** What a credential may ask for before its challenge. `login`: at the provider's own page. */
export type Factor = 'pin' | 'otp' | 'login'

/** The factor that each way of authorizing asks for beside the device; null: none. */
export const factorOf: Readonly<Record<CredentialAuth, Factor | null>> = {
  phone: null,
  pin: 'pin',
  otp: 'otp',
  oauth2code: 'login'
}

/** What a caller brings. `loggedIn`: the subscriber has just logged in at the provider's own page. */
export interface GivenFactors {
  pin?: string | undefined
  otp?: string | undefined
  loggedIn?: boolean | undefined
}

/** A credential that a relying party wants to use. */
interface Wanted {
  provider: string
  clientId: string
  credential: Credential
}

/**
 * What is asked for in addition to the confirmation on the device, and before it: nobody's phone rings for somebody
 * who does not know the PIN. Each relying party has a count of its own of wrong ones for each credential.
 */
export interface Factors {
  /**
   * Checks the factor of the credential; one that it does not ask for is not looked at. A one-time code is used up.
   * @throws ServiceError `factor_required` (nothing was given, or the subscriber has not logged in), `factor_wrong`,
   *   `factor_locked` with `retryAfterS`, each with `field` `PIN` or `OTP`; `too_many_requests`.
   */
  require(of: Wanted, given: GivenFactors): Promise<void>
  /**
   * Sends the subscriber a one-time code for this credential, in the place of an earlier one; good for 5 minutes.
   * @throws ServiceError `credential_unusable`, `certificate_expired`, `factor_required` (the credential asks for none),
   *   `factor_locked`, `too_many_requests` (too many were sent), `not_offered` (this server has no way to send codes).
   */
  sendOtp(of: Wanted): Promise<void>
}

/** What checking factors stands on. */
export interface FactorsDeps {
  lockoutStore: LockoutStore
  codeStore: LoginCodeStore
  /** Null: this server has no way to send codes. */
  codeSender: CodeSender | null
  directory: Pick<LocalDirectory, 'subscriber' | 'credentialRecord'>
  relyingParty: Access['relyingParty']
  passwords: Pick<Passwords, 'verify'>
  mac: Hsm['mac']
  audit: Audit
  refusals: Pick<Refusals, 'record'>
  now: Clock
  /** Wrong ones in a row before a lockout, and how long it lasts. */
  lockout: { attempts: number; lockoutS: number }
}

const fields = { pin: 'PIN', otp: 'OTP' } as const

/** Thrown to end a try that was none. */
const noTry = new Error('no try')

/** See `Factors`. */
export function openFactors(deps: FactorsDeps): Factors {
  const { directory, passwords, codeSender, now } = deps
  const keyedHash = createKeyedHash(deps)
  const lockout = createLockout({ store: deps.lockoutStore, keyedHash, now, ...deps.lockout })
  const codes = createLoginCodes({ store: deps.codeStore, keyedHash, now })

  const ownerOf = ({ provider, clientId, credential: { id, subscriberId } }: Wanted) => ({
    provider,
    clientId,
    subscriberId,
    purpose: id
  })

  async function refuse(of: Wanted, kind: 'pin' | 'otp', failure: ServiceError): Promise<never> {
    const { provider, clientId, credential } = of
    const { code } = failure
    await deps.refusals.record(`factors at ${provider}`, `${clientId} ${credential.id} ${kind} ${code}`, {
      type: 'factor.refused',
      actor: `relying-party:${provider}/${clientId}`,
      about: {
        provider,
        clientId,
        subscriberId: credential.subscriberId,
        credentialID: credential.id,
        kind,
        code
      }
    })
    throw failure
  }

  const locked = (error: ServiceError, field: string) =>
    new ServiceError('factor_locked', error.message, { field, retryAfterS: error.retryAfterS ?? 1 })
  const isLocked = (error: unknown): error is ServiceError =>
    error instanceof ServiceError && error.code === 'login_locked'

  /** Under the credential's own count, whoever's login it is. */
  async function judged(of: Wanted, kind: 'pin' | 'otp', judge: () => Promise<boolean>): Promise<void> {
    const { provider, clientId, credential } = of
    const field = fields[kind]
    let right: true | null
    try {
      right = await lockout.guard({ provider, clientId, kind, login: credential.id }, async () =>
        (await judge()) ? true : null
      )
    } catch (error) {
      if (isLocked(error)) return refuse(of, kind, locked(error, field))
      throw error
    }
    if (right === null)
      await refuse(of, kind, new ServiceError('factor_wrong', `wrong ${kind} of ${credential.id}`, { field }))
  }

  /** Who may not try a code is sent none. */
  async function requireUnlocked(of: Wanted): Promise<void> {
    const { provider, clientId, credential } = of
    try {
      await lockout.guard({ provider, clientId, kind: 'otp', login: credential.id }, () =>
        Promise.reject(noTry)
      )
    } catch (error) {
      if (error === noTry) return
      if (isLocked(error)) await refuse(of, 'otp', locked(error, fields.otp))
      throw error
    }
  }

  async function sendCode(of: Wanted, sender: CodeSender): Promise<void> {
    const { provider, clientId, credential } = of
    const made = await codes.start(ownerOf(of))
    if (made === null)
      throw new ServiceError('too_many_requests', `too many codes for ${credential.id}`, {
        says: 'Too many one-time codes were sent to this subscriber.',
        retryAfterS: 300
      })
    const [subscriber, party] = await Promise.all([
      directory.subscriber(credential.subscriberId),
      deps.relyingParty(provider, clientId)
    ])
    if (subscriber === null) throw new ServiceError('not_found', `no subscriber ${credential.subscriberId}`)
    const { id: subscriberId, phone, email } = subscriber
    const channel = phone === null && email !== null ? 'email' : 'sms'
    await sender.send({
      provider,
      subscriberId,
      channel,
      address: channel === 'email' ? email : phone,
      text: `${made.code} là mã để ${party?.name ?? clientId} yêu cầu chữ ký số của bạn, có hiệu lực trong 5 phút. Không đưa mã này cho người khác.`
    })
  }

  return {
    async require(of, { pin, otp, loggedIn }) {
      const { credential } = of
      const factor = factorOf[credential.auth]
      if (factor === null) return
      const given = { pin, otp, login: loggedIn === true ? '' : undefined }[factor]
      if (given === undefined)
        throw new ServiceError('factor_required', `${credential.id} asks for ${factor}`, {
          ...(factor === 'login' ? {} : { field: fields[factor] })
        })
      if (factor === 'pin') {
        // As the row says now: a PIN that was replaced is wrong from that moment.
        await judged(of, 'pin', async () =>
          passwords.verify(given, (await directory.credentialRecord(credential.id))?.pinHash ?? null)
        )
      }
      if (factor === 'otp') await judged(of, 'otp', () => codes.take(ownerOf(of), given))
    },

    async sendOtp(of) {
      const { credential } = of
      requireUsable(credential, now())
      if (factorOf[credential.auth] !== 'otp')
        throw new ServiceError('factor_required', `${credential.id} asks for no one-time code`)
      if (codeSender === null)
        throw new ServiceError('not_offered', 'a one-time code, and nothing to send it')
      await requireUnlocked(of)
      await sendCode(of, codeSender)
    }
  }
}
