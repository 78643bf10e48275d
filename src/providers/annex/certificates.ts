import type { FastifyRequest } from 'fastify'
import type { Credential } from '../../enrolment/enrolment.js'
import type { Pki } from '../../pki/pki.js'
import { authenticate } from '../dialect/caller.js'
import type { DialectDeps } from '../dialect/dialect.js'
import { findSigner, type Signer } from '../dialect/signer.js'
import { hasSerial } from './asking.js'

/** What `get_certificate` is sent, but for the CA. */
export interface CertificateQuery {
  sp_id: string
  sp_password: string
  user_id: string
  serial_number?: string
}

/**
 * The credentials that `get_certificate` asks for. Nobody, and somebody who has none, both have none (I6).
 * @throws ServiceError `authentication_failed`.
 */
export async function askedCredentials(
  request: FastifyRequest,
  deps: Pick<DialectDeps, 'access' | 'directory' | 'now' | 'quirk'>,
  provider: string,
  { sp_id: clientId, sp_password: clientSecret, ...query }: CertificateQuery
): Promise<{ signer: Signer | null; credentials: readonly Credential[] }> {
  await authenticate(request, deps.access, { provider, clientId, clientSecret })
  return listedCredentials(deps, provider, query)
}

/** The same for a relying party that has proved itself. */
export async function listedCredentials(
  deps: Pick<DialectDeps, 'directory' | 'now' | 'quirk'>,
  provider: string,
  { user_id, serial_number = '' }: Pick<CertificateQuery, 'user_id' | 'serial_number'>
): Promise<{ signer: Signer | null; credentials: readonly Credential[] }> {
  const signer = await findSigner(deps, provider, user_id)
  const all = signer?.credentials ?? []
  return { signer, credentials: serial_number === '' ? all : all.filter(hasSerial(serial_number)) }
}

/** Certificate and chain of a credential as the annex dialects list them: DER in base64, without PEM lines. */
export function certificateFields(
  pki: Pick<Pki, 'chain'>,
  { id, provider, certificate, serialNumber }: Credential
) {
  const [ca, root] = pki.chain(provider)
  return {
    cert_id: id,
    cert_data: base64(certificate),
    serial_number: serialNumber.toLowerCase(),
    chain_data: {
      ca_cert: ca === undefined ? null : base64(ca),
      root_cert: root === undefined ? null : base64(root)
    }
  }
}

export const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64')
