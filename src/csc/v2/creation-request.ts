import type { Subscriber } from '../../enrolment/enrolment.js'

/** What a relying party says of the credential it wants made (CSC API 2.2, credentialCreationRequest). */
export interface CreationRequest {
  subjectData: Readonly<Record<string, unknown>>
}

/**
 * Reads a credentialCreationRequest.
 * @param policy The only certificatePolicy there is.
 * @returns Null: it is not one, or asks for another policy.
 */
export function readCreationRequest(value: unknown, policy: string): CreationRequest | null {
  if (!isObject(value)) return null
  const { certificatePolicy, subjectData } = value
  if (certificatePolicy != null && certificatePolicy !== policy) return null
  if (subjectData != null && !isObject(subjectData)) return null
  return { subjectData: subjectData ?? {} }
}

/**
 * Whether what a relying party says of a person (claims of OpenID Connect Core §5.1) is what the person is registered
 * with. Certificates are by the register alone: a claim without a counterpart in it is not looked at.
 */
export function fitsSubject({ subjectData }: CreationRequest, subscriber: Subscriber): boolean {
  const { fullName, email, locality, province } = subscriber
  const { address } = subjectData
  const place = isObject(address) ? address : {}
  const name = plain(fullName)
  return (
    fits(subjectData.name, (said) => said === name) &&
    // Family names come first here; what stands between the two is the middle name.
    fits(subjectData.family_name, (said) => `${name} `.startsWith(`${said} `)) &&
    fits(subjectData.given_name, (said) => ` ${name}`.endsWith(` ${said}`)) &&
    fits(subjectData.email, (said) => email === null || said === plain(email)) &&
    (address == null || isObject(address)) &&
    fits(place.locality, (said) => locality === null || said === plain(locality)) &&
    fits(place.region, (said) => province === null || said === plain(province))
  )
}

const fits = (claim: unknown, isSo: (said: string) => boolean): boolean =>
  claim == null || (typeof claim === 'string' && plain(claim) !== '' && isSo(plain(claim)))

/** As people compare names: in one spelling, whatever the letter case. */
const plain = (text: string): string => text.normalize('NFC').toLowerCase().trim().replaceAll(/\s+/g, ' ')

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
