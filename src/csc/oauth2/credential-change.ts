import { isDeepStrictEqual } from 'node:util'
import type { ChangeAsked, CredentialChange } from '../../access/oauth/oauth.js'
import { CscFault } from '../faults.js'
import { readCreationRequest } from '../v2/creation-request.js'
import { detailsFault, onlyEntry } from './authorization-details.js'
import { readNamed } from './credential-parameters.js'
import { invalidParameter, type Parameters } from './form.js'

/** Types of `authorization_details` of CSC API 2.2 (§8.4.2), and the short forms of one server. */
export const changeTypes: ReadonlyMap<unknown, CredentialChange> = new Map([
  ['https://cloudsignatureconsortium.org/2025/credential-creation', 'credential-creation'],
  ['https://cloudsignatureconsortium.org/2025/credential-deletion', 'credential-deletion'],
  ['credential_creation', 'credential-creation'],
  ['credential_deletion', 'credential-deletion']
])

/** The scope that details stand for. What cannot be read counts as `credential`, whose reader says what is wrong. */
export function scopeOfDetails(text: string): CredentialChange | 'credential' {
  try {
    return changeTypes.get(onlyEntry(text).type) ?? 'credential'
  } catch (error) {
    if (error instanceof CscFault) return 'credential'
    throw error
  }
}

/**
 * What is to be changed, by `authorization_details` or by the parameters of the request.
 * @param policy Of the provider's certificates: nobody can ask for another.
 * @throws CscFault
 */
export function readChange(
  change: CredentialChange,
  { credentialID }: Parameters,
  details: string | null,
  policy: string
): ChangeAsked {
  if (details === null) {
    const named = change === 'credential-deletion' && credentialID !== undefined
    return { credentialId: named ? readNamed({ credentialID }, parameterFaults).credentialId : null, details }
  }
  const entry = onlyEntry(details)
  if (change === 'credential-creation') {
    if (readCreationRequest(entry.credentialCreationRequest, policy) === null) throw detailsFault()
    return { credentialId: null, details }
  }
  const fault = detailsFault()
  const faults = { missing: fault, credential: fault, qualifier: fault }
  return {
    credentialId: readNamed({ credentialID: entry.credentialID ?? undefined }, faults).credentialId,
    details
  }
}

const parameterFaults = {
  missing: invalidParameter('credentialID'),
  credential: invalidParameter('credentialID'),
  qualifier: invalidParameter('credentialID')
}

/** Whether the details of an exchange are those of its request, member by member. */
export const sameChange = ({ details }: ChangeAsked, again: string): boolean =>
  details !== null && isDeepStrictEqual(onlyEntry(details), onlyEntry(again))

/** What was granted, as it was asked for; nothing where the request had no details. */
export const grantedChange = ({ details }: ChangeAsked): { authorization_details?: unknown } =>
  details === null ? {} : { authorization_details: [onlyEntry(details)] }
