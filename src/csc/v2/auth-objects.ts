import type { GivenFactors } from '../../access/factors.js'
import type { CredentialAuth } from '../../enrolment/enrolment.js'
import { CscFault } from '../faults.js'

/** A factor as CSC API v2 §8.3 describes it. Those out of band have no value: the answer comes another way. */
export interface AuthObject {
  type: 'Password' | 'PasswordOOB' | 'ChallengeResponse' | 'ChallengeResponseOOB'
  id: string
  /** `N`: digits alone; absent: any character. */
  format?: 'A' | 'N'
  label: string
  description: string
}

/** What stands for a credential: its factors, and which of them are needed together. */
export interface AuthTerms {
  objects: readonly AuthObject[]
  /** Of the ids; `AND`, `OR`, `XOR` and parentheses. */
  expression: string
}

/** One answer of a client. */
export interface AuthDatum {
  id: string
  value?: string
}

/** The challenge goes to the phone and is answered there. Every credential has it. */
export const biometricObject = {
  type: 'ChallengeResponseOOB',
  id: 'biometric',
  label: 'Xác nhận trên điện thoại',
  description: 'Open the provider’s app on the registered device and confirm with face or fingerprint.'
} as const satisfies AuthObject

const pinObject: AuthObject = {
  type: 'Password',
  id: 'PIN',
  label: 'Mã PIN',
  description: 'The PIN of this certificate.'
}
const otpObject: AuthObject = {
  type: 'ChallengeResponse',
  id: 'OTP',
  format: 'N',
  label: 'Mã OTP',
  description: 'The code that credentials/getChallenge has sent.'
}

/** Null: mode `oauth2code`, which has none. */
export function authTermsOf(auth: CredentialAuth): AuthTerms | null {
  if (auth === 'oauth2code') return null
  const before = { phone: [], pin: [pinObject], otp: [otpObject] }[auth]
  const objects = [...before, biometricObject]
  return { objects, expression: objects.map(({ id }) => id).join(' AND ') }
}

/**
 * Reads `authData`: each object at most once, with a value where it is answered in band and none where it is not, and
 * together what the expression asks for. Whether a value is right is not decided here.
 * @returns The values by id.
 * @throws CscFault `invalid_authentication_data`.
 */
export function readAuthData(terms: AuthTerms, given: readonly AuthDatum[]): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const { id, value } of given) {
    const object = terms.objects.find((one) => one.id === id)
    const outOfBand = object?.type.endsWith('OOB') === true
    const fits = outOfBand ? (value ?? '') === '' : value !== undefined && value !== ''
    if (object === undefined || values.has(id) || !fits) throw refused()
    values.set(id, value ?? '')
  }
  if (!holds(terms.expression, new Set(values.keys()))) throw refused()
  return values
}

/** What the middle floor asks for of them. */
export function factorsIn(values: ReadonlyMap<string, string>): GivenFactors {
  return { pin: values.get(pinObject.id), otp: values.get(otpObject.id) }
}

/** Whether an object is one whose challenge is sent by credentials/getChallenge. */
export const isChallenged = (auth: CredentialAuth, authObjectId: string): boolean =>
  authObjectId === otpObject.id && auth === 'otp'

/**
 * Evaluates an expression, `AND` before `XOR` before `OR`, as the standard does not say. An empty one holds.
 * @throws SyntaxError
 */
export function holds(expression: string, present: ReadonlySet<string>): boolean {
  const tokens = expression.match(/[()]|[^\s()]+/g) ?? []
  if (tokens.length === 0) return true
  let at = 0

  /** Both sides are read whatever the first one says. */
  function chain(
    operator: string,
    next: () => boolean,
    join: (a: boolean, b: boolean) => boolean
  ): () => boolean {
    return () => {
      let value = next()
      while (tokens[at] === operator) {
        at += 1
        value = join(value, next())
      }
      return value
    }
  }
  function primary(): boolean {
    const token = tokens[at]
    at += 1
    if (token === '(') {
      const value = whole()
      if (tokens[at] !== ')') throw new SyntaxError(`no ) at ${at} of ${expression}`)
      at += 1
      return value
    }
    if (token === undefined || token === ')') throw new SyntaxError(`nothing at ${at - 1} of ${expression}`)
    return present.has(token)
  }
  const all = chain('AND', primary, (a, b) => a && b)
  const odd = chain('XOR', all, (a, b) => a !== b)
  const whole = chain('OR', odd, (a, b) => a || b)

  const value = whole()
  if (at !== tokens.length) throw new SyntaxError(`${tokens[at]} at ${at} of ${expression}`)
  return value
}

const refused = (): CscFault =>
  new CscFault(400, 'invalid_authentication_data', 'The authentication data is invalid')
