import { v7 as uuidv7 } from 'uuid'
import type { Audit } from '../audit/audit.js'
import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'
import type { SubjectFields } from '../pki/pki.js'
import type { Seals } from '../store/seals.js'
import type { LocalDirectory } from './directory.js'
import type { SecondFactor, Subscriber } from './enrolment.js'
import type { Integrity } from './integrity.js'
import type { ProviderPolicy, SubscriberRecord, SubscriberStore } from './needs.js'
import { subscriberFields } from './sealed-fields.js'
import { invalid, isStorable, readOptionalText, readText } from './texts.js'

/**
 * Longest values, in characters. X.520 bounds what a certificate names since 2008 no more; RFC 5280 appendix A still
 * says 64, which names of Vietnamese units exceed.
 */
const lengthMax = {
  login: 128,
  password: 128,
  fullName: 128,
  nationalId: 32,
  email: 255,
  phone: 32,
  title: 128,
  organisationName: 200,
  organisationCode: 32,
  place: 128,
  query: 128
}

/** A change that others keep overtaking is given up after so many attempts. */
const attemptsMax = 5

/** What an operator tells of a person. What is null or absent the person does not have. */
export interface SubscriberInput {
  provider: string
  login: string
  /** Ignored where the provider asks none. */
  password?: string | undefined
  fullName: string
  nationalId: string
  email?: string | null | undefined
  phone?: string | null | undefined
  /** Default `none`. */
  secondFactor?: SecondFactor | undefined
  title?: string | null | undefined
  organisation?: SubjectFields['organisation'] | undefined
  locality?: string | null | undefined
  province?: string | null | undefined
  /** Of the demo seed. */
  demo?: boolean | undefined
}

/** What is given is changed, null takes away; certificates issued before stay as they are. */
export type SubscriberChanges = Partial<Omit<SubscriberInput, 'provider' | 'password' | 'demo'>>

/** What this part of enrolment stands on. */
export interface SubscribersDeps {
  subscribers: SubscriberStore
  directory: LocalDirectory
  integrity: Integrity
  seals: Seals
  audit: Audit
  now: Clock
  /** Null: no such provider. */
  providers: (id: string) => ProviderPolicy | null
  /** Whether this server has a way to send one-time codes. */
  sendsCodes: boolean
  /** @throws ServiceError `too_many_requests`. */
  hashPassword: (password: string) => Promise<string>
}

/** Subscribers come and change; they never go, since certificates and audit name them. */
export function createSubscribers(deps: SubscribersDeps) {
  const { subscribers, directory, integrity, seals, audit, now } = deps

  function policyOf(provider: string): ProviderPolicy {
    const policy = deps.providers(provider)
    if (policy === null) throw invalid('provider', 'is not one this server plays')
    if (policy.unsupported !== null) {
      throw new ServiceError('not_offered', `${provider} is not served`, {
        says: policy.unsupported,
        field: 'provider'
      })
    }
    return policy
  }

  /** @throws ServiceError `not_offered`: nobody could log in whose code is never sent. */
  function requireSender(secondFactor: SecondFactor | undefined): void {
    if (secondFactor !== 'code' || deps.sendsCodes) return
    throw new ServiceError('not_offered', 'a code as second factor, and nothing to send it', {
      says: 'This server has no way to send one-time codes, so that secondFactor can only be none.',
      field: 'secondFactor'
    })
  }

  const sealed = async (row: SubscriberRecord) => ({
    row,
    seal: await seals.seal('subscribers', subscriberFields(row))
  })

  async function found(id: string): Promise<SubscriberRecord> {
    const record = await directory.subscriberRecord(id)
    if (record === null) throw new ServiceError('not_found', `no subscriber ${id}`)
    return record
  }

  /** Writes what `next` makes of the present row, whose seal holds. */
  async function rewrite(
    id: string,
    next: (present: SubscriberRecord) => SubscriberRecord
  ): Promise<SubscriberRecord> {
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      const present = await found(id)
      const row = { ...next(present), version: present.version + 1 }
      const outcome = await subscribers.change(await sealed(row))
      directory.forget('subscriber', id)
      if (outcome === 'login_taken') throw loginTaken(row)
      if (outcome === 'changed') return row
    }
    throw new ServiceError('state_conflict', `${id} changed ${attemptsMax} times meanwhile`, {
      says: 'The subscriber is being changed by others; try again.',
      retryAfterS: 1
    })
  }

  return {
    /**
     * @param by Actor of the audit event.
     * @throws ServiceError `request_invalid`, `not_offered` (a known provider that is not served; a second factor without
     *   a way to send it), `login_taken`.
     */
    async createSubscriber(input: SubscriberInput, by: string): Promise<Subscriber> {
      const { asksPassword } = policyOf(input.provider)
      requireSender(input.secondFactor)
      const at = now()
      const password = asksPassword && input.password !== undefined ? readPassword(input.password) : null
      const record: SubscriberRecord = {
        id: uuidv7({ msecs: at.getTime() }),
        provider: input.provider,
        ...read(input),
        demo: input.demo ?? false,
        createdAt: at,
        version: 1,
        passwordHash: password === null ? null : await deps.hashPassword(password)
      }
      if (!(await subscribers.insert(await sealed(record)))) throw loginTaken(record)
      const { passwordHash, ...subscriber } = record
      const { id, provider, login, demo } = subscriber
      await audit.record({
        type: 'subscriber.created',
        actor: by,
        about: { subscriberId: id, provider, login, demo, password: passwordHash !== null }
      })
      return subscriber
    },

    /**
     * @throws ServiceError `not_found`, `request_invalid`, `not_offered` (a second factor without a way to send it),
     *   `login_taken`, `integrity_broken`, `state_conflict` under constant change.
     */
    async changeSubscriber(id: string, changes: SubscriberChanges, by: string): Promise<Subscriber> {
      requireSender(changes.secondFactor)
      const given = Object.entries(changes).filter(([, value]) => value !== undefined)
      const { passwordHash: _, ...next } = await rewrite(id, (present) => ({
        ...present,
        ...read({ ...present, ...Object.fromEntries(given) })
      }))
      const members = given.map(([member]) => member).sort()
      await audit.record({
        type: 'subscriber.changed',
        actor: by,
        about: { subscriberId: id, provider: next.provider, login: next.login, members }
      })
      return next
    },

    /**
     * In order of making (to the millisecond), beginning after the subscriber `after`. One whose seal is broken is
     * listed as such, so that an operator can see it.
     * @param of.query Substring of login, name or national id, in whatever case.
     * @param of.limit At most so many, 1 to 200.
     */
    async listSubscribers(of: {
      provider: string | null
      query: string | null
      after: string | null
      limit: number
    }): Promise<{ subscribers: { subscriber: Subscriber; intact: boolean }[]; more: boolean }> {
      if (!Number.isInteger(of.limit) || of.limit < 1 || of.limit > 200)
        throw new RangeError(`limit ${of.limit}`)
      if (!isStorable(of.after ?? '')) throw invalid('cursor', 'is not one that this list gave')
      if (!isStorable(of.provider ?? '')) throw invalid('provider', 'holds a character that cannot be seen')
      const query = of.query === null || of.query === '' ? null : readQuery(of.query)
      const rows = await subscribers.list({ ...of, query, limit: of.limit + 1 })
      const listed = rows.slice(0, of.limit).map(async ({ row, seal }) => {
        const fault = await integrity.fault('subscribers', subscriberFields(row), seal)
        const { passwordHash: _, ...subscriber } = row
        return { subscriber, intact: fault === null }
      })
      return { subscribers: await Promise.all(listed), more: rows.length > of.limit }
    },

    /**
     * Does nothing where the provider asks no password.
     * @throws ServiceError `not_found`, `request_invalid`, `too_many_requests`, `integrity_broken`, `state_conflict` under
     *   constant change.
     */
    async setPassword(id: string, password: string, by: string): Promise<void> {
      const { provider, login } = await found(id)
      if (!policyOf(provider).asksPassword) return
      const passwordHash = await deps.hashPassword(readPassword(password))
      await rewrite(id, (present) => ({ ...present, passwordHash }))
      await audit.record({
        type: 'subscriber.password-set',
        actor: by,
        about: { subscriberId: id, provider, login }
      })
    }
  }
}

/** The members an operator may set, in the form they are stored in. */
function read(input: Omit<SubscriberInput, 'provider' | 'password' | 'demo'>) {
  const { organisation } = input
  return {
    login: readText('login', input.login, lengthMax.login),
    fullName: readText('fullName', input.fullName, lengthMax.fullName),
    nationalId: readText('nationalId', input.nationalId, lengthMax.nationalId),
    email: readEmail(input.email),
    phone: readOptionalText('phone', input.phone, lengthMax.phone),
    secondFactor: input.secondFactor ?? 'none',
    title: readOptionalText('title', input.title, lengthMax.title),
    organisation: organisation === null || organisation === undefined ? null : readOrganisation(organisation),
    locality: readOptionalText('locality', input.locality, lengthMax.place),
    province: readOptionalText('province', input.province, lengthMax.place)
  }
}

function readOrganisation({ name, taxCode, budgetUnitCode }: NonNullable<SubjectFields['organisation']>) {
  const max = lengthMax.organisationCode
  return {
    name: readText('organisation.name', name, lengthMax.organisationName),
    ...(taxCode === undefined ? {} : { taxCode: readText('organisation.taxCode', taxCode, max) }),
    ...(budgetUnitCode === undefined
      ? {}
      : { budgetUnitCode: readText('organisation.budgetUnitCode', budgetUnitCode, max) })
  }
}

/** An rfc822Name is an IA5String (RFC 5280 §4.2.1.6): ASCII. */
function readEmail(value: string | null | undefined): string | null {
  const email = readOptionalText('email', value, lengthMax.email)
  if (email !== null && !/^[!-?A-~]+@[!-?A-~]+$/.test(email))
    throw invalid('email', 'is not an address in ASCII')
  return email
}

/** Any characters: what counts is that the same keys give the same password. */
function readPassword(password: string): string {
  const length = [...password].length
  if (length < 1 || length > lengthMax.password) {
    throw invalid('password', `must have 1 to ${lengthMax.password} characters`)
  }
  return password
}

function readQuery(value: string): string {
  const query = value.normalize('NFC')
  if (query.length > lengthMax.query) throw invalid('query', `has more than ${lengthMax.query} characters`)
  if (!isStorable(query)) throw invalid('query', 'holds a character that cannot be seen')
  return query
}

function loginTaken({ login }: { login: string }): ServiceError {
  return new ServiceError('login_taken', `login ${login} is taken`, { field: 'login' })
}
