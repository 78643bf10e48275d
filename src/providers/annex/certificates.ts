import type { Credential } from '../../enrolment/enrolment.js'
import type { Pki } from '../../pki/pki.js'

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
