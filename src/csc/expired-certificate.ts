import type { Directory } from '../enrolment/enrolment.js'
import { ServiceError } from '../errors.js'
import type { Pki } from '../pki/pki.js'
import { invalidRequest } from './faults.js'

/** The one text of the tables that names a certificate: of signHash, CSC API v1 §11.9, v2 §11.10. */
export function namingExpired(
  { directory, pki }: { directory: Pick<Directory, 'credential'>; pki: Pick<Pki, 'describe'> },
  credentialId: string
): (error: unknown) => Promise<never> {
  return async (error) => {
    if (!(error instanceof ServiceError) || error.code !== 'certificate_expired') throw error
    const credential = await directory.credential(credentialId)
    if (credential === null) throw error
    const { organisation, commonName } = pki.describe(credential.certificate)
    throw invalidRequest(`Signing certificate 'O=${organisation},CN=${commonName}' is expired.`)
  }
}
