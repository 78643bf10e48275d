import type { Options } from '../options.js'
import { type Fields, isFields, said, success, textOf } from '../reading/values.js'
import { Failure, NotOffered, type Version } from '../rule.js'
import { type Approvals, createApprovals } from './approvals.js'
import { type Credential, describeCredentials } from './credentials.js'
import { type Answer, send } from './http.js'
import { createOAuth, type OAuth } from './oauth.js'
import type { Person } from './person.js'

/** Names that differ between the versions. */
export interface Names {
  hashes: 'hash' | 'hashes'
  hashAlgorithm: 'hashAlgo' | 'hashAlgorithmOID'
}

/** How a method is called, beside its body. */
export interface Calling {
  /** The whole Authorization header; null: none; undefined: the service token. */
  authorization?: string | null
  contentType?: string | null
}

/** The server that is tried. What is asked once is remembered; what fails once fails everyone who needs it. */
export interface Target {
  readonly options: Options
  readonly version: Version
  readonly names: Names
  readonly person: Person
  readonly approvals: Approvals
  readonly oauth: OAuth
  /** `performance.now()` at which the run should have ended. */
  readonly endsAt: number

  /** A method with a JSON body. */
  call(method: string, body: unknown, calling?: Calling): Promise<Answer>
  /** A method with a body that may be no JSON. */
  post(method: string, body: string | undefined, calling?: Calling): Promise<Answer>

  info(): Promise<Fields>
  /** Whether `info.methods` has it. */
  offers(method: string): Promise<boolean>
  /** @throws NotOffered unless `info.methods` has it. */
  needs(method: string): Promise<void>
  authTypes(): Promise<string[]>
  /** `info.specs` as numbers. */
  atLeast(major: number, minor: number): Promise<boolean>

  /** A service access token and whether it speaks for one user. */
  serviceToken(): Promise<{ token: string; userSpecific: boolean }>
  /** A service access token that speaks for the user, of a login by itself. */
  userToken(): Promise<string>
  /** `{userID}` where the service token needs one. */
  userParameter(): Promise<{ userID?: string }>

  /** All of the user's credentials. */
  credentials(): Promise<Credential[]>
  /** The one to sign with. */
  credential(): Promise<Credential>
  /** The one for scope `credential`: of that mode, else the one to sign with. @throws NotOffered without such a login. */
  oauthCredential(): Promise<Credential>
}

/** Opens nothing yet: everything is asked when it is needed first. */
export function createTarget(options: Options, person: Person, endsAt: number): Target {
  const { version, base } = options
  const target: Target = {
    ...{ options, version, person, endsAt },
    names:
      version === 'v1'
        ? { hashes: 'hash', hashAlgorithm: 'hashAlgo' }
        : { hashes: 'hashes', hashAlgorithm: 'hashAlgorithmOID' },
    approvals: createApprovals(() => target),
    oauth: createOAuth(() => target),

    call: (method, body, calling) => target.post(method, JSON.stringify(body), calling),

    async post(method, body, { authorization, contentType = 'application/json' } = {}) {
      const open = method === 'info' || method === 'auth/login'
      const header =
        authorization === undefined && !open ? `Bearer ${(await target.serviceToken()).token}` : authorization
      return send(`${base}/${method}`, {
        headers: {
          accept: 'application/json',
          ...(contentType === null ? {} : { 'content-type': contentType }),
          ...(header === undefined || header === null ? {} : { authorization: header })
        },
        ...(body === undefined ? {} : { body })
      })
    },

    info: once(async () => success(await target.call('info', {}))),

    async offers(method) {
      const { methods } = await target.info()
      return Array.isArray(methods) && methods.includes(method)
    },
    async needs(method) {
      if (!(await target.offers(method))) throw new NotOffered(`${method} is not among info.methods`)
    },
    async authTypes() {
      const { authType } = await target.info()
      return Array.isArray(authType) ? authType.filter((one) => typeof one === 'string') : []
    },
    async atLeast(major, minor) {
      const [first = 0, second = 0] = String((await target.info()).specs)
        .split('.')
        .map(Number)
      return first > major || (first === major && second >= minor)
    },

    serviceToken: once(() => serviceToken(target)),
    userToken: once(() => userToken(target)),
    async userParameter() {
      const { userSpecific } = await target.serviceToken()
      if (userSpecific) return {}
      if (options.user === null) throw new NotOffered('--user is needed')
      return { userID: options.user }
    },

    credentials: once(() => describeCredentials(target)),
    credential: once(async () => {
      const wanted = options.credential
      const all = await target.credentials()
      const found = all.find(({ id, enabled }) => (wanted === null ? enabled : id === wanted))
      if (found !== undefined) return found
      throw wanted === null
        ? new NotOffered('the user has no enabled credential')
        : new Failure(`credentials/list has no ${wanted}`)
    }),
    oauthCredential: once(async () => {
      const all = await target.credentials()
      const own = all.find(({ mode, enabled }) => enabled && mode === 'oauth2code')
      const offered = own !== undefined || (await target.authTypes()).includes('oauth2code')
      if (!offered) throw new NotOffered('oauth2code is neither in authType nor the mode of a credential')
      return own ?? target.credential()
    })
  }
  return target
}

/** Asks once, and remembers also what went wrong. */
export function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | null = null
  return () => {
    answer ??= ask()
    return answer
  }
}

async function serviceToken(target: Target): Promise<{ token: string; userSpecific: boolean }> {
  const { options } = target
  if (options.token !== null) return { token: options.token, userSpecific: options.user === null }
  const types = await target.authTypes()
  if (types.includes('oauth2client') && options.clientId !== null) {
    const fields = success(await target.oauth.token({ grant_type: 'client_credentials', scope: 'service' }))
    const token = textOf(fields, 'access_token')
    target.oauth.issued(token)
    return { token, userSpecific: false }
  }
  if (types.includes('basic') || types.includes('oauth2code')) {
    return { token: await target.userToken(), userSpecific: true }
  }
  throw new NotOffered(
    `no way to a service token: authType is ${types.join(', ') || 'empty'}; --token gives one`
  )
}

async function userToken(target: Target): Promise<string> {
  const types = await target.authTypes()
  if (types.includes('oauth2code') && target.options.clientId !== null) {
    const redeemed = await target.oauth.serviceCode().then(
      (code) => target.oauth.redeem(code),
      (error: unknown) => {
        if (error instanceof NotOffered && types.includes('basic')) return null
        throw error
      }
    )
    if (redeemed !== null) return target.oauth.issued(textOf(success(redeemed), 'access_token'))
  }
  if (types.includes('basic')) {
    const answer = await target.call('auth/login', {}, { authorization: basicOf(target) })
    return target.oauth.issued(textOf(success(answer), 'access_token'))
  }
  throw new NotOffered('no login of a user is offered (oauth2code, basic)')
}

/** The user's login and password as a header (RFC 7617). @throws NotOffered */
export function basicOf({ options: { user, password } }: Target): string {
  if (user === null) throw new NotOffered('--user is needed')
  return `Basic ${Buffer.from(`${user}:${password ?? ''}`).toString('base64')}`
}

/** Whether an answer says that a method does not exist here. */
export const isAbsent = ({ status }: Answer): boolean => status === 404 || status === 405 || status === 501

/** @throws NotOffered for an answer of a method that does not exist. */
export function present(answer: Answer): Answer {
  if (isAbsent(answer)) throw new NotOffered(said(answer))
  return answer
}

/** Auth objects of a v2 credential. */
export function authObjectsOf({ fields }: Credential): Fields[] {
  const auth = isFields(fields.auth) ? fields.auth : {}
  return Array.isArray(auth.objects) ? auth.objects.filter(isFields) : []
}

/** What a credential calls its PIN (`PIN` in v1, the object's id in v2). @throws NotOffered where it has none. */
export function pinned({ version, options }: Target, credential: Credential): unknown {
  if (options.pin === null) throw new NotOffered('--pin is needed')
  const { PIN } = credential.fields
  const found =
    version === 'v1'
      ? isFields(PIN) && PIN.presence === 'true' && 'PIN'
      : authObjectsOf(credential).find(({ type }) => type === 'Password')?.id
  if (typeof found !== 'string') throw new NotOffered('the credential asks for no PIN')
  return found
}
