import type { Credential } from '../../../enrolment/enrolment.js'
import { compactTime } from './times.js'

type Named = Pick<Credential, 'id' | 'issuedAt'>

/**
 * `credential_id` as listed: id, a number and the time of issue, joined by `_` (§4.3). The number is the end of the id
 * read as one; nobody outside knows what the real one counts.
 */
export function credentialIdOf({ id, issuedAt }: Named): string {
  return `${id}_${Number.parseInt(id.slice(-8), 16)}_${compactTime(issuedAt)}`
}

/** Tells the credential that `credentialID` names: as listed, or by the id that it has on all surfaces. */
export const isNamed =
  (named: string) =>
  (credential: Named): boolean =>
    named === credentialIdOf(credential) || named === credential.id
