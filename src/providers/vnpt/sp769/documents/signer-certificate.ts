import { X509Certificate } from 'node:crypto'
import { ServiceError } from '../../../../errors.js'
import { readFile } from '../../../dialect/document-text.js'

/**
 * The certificate that a request names the signer by: one that this provider's CA has issued, for nobody else's keys
 * sign here.
 * @param chain Of the provider, DER: its issuing CA first.
 * @throws ServiceError `request_invalid`; `sign_algorithm_refused` for one that is not RSA.
 */
export function readSignerCertificate(text: string, chain: readonly Uint8Array[]): Uint8Array {
  const der = readFile(text.replace(/-----(BEGIN|END) CERTIFICATE-----/g, ''), 'signerCert')
  const [issuer] = chain
  const certificate = parse(der)
  const ours =
    certificate !== null &&
    issuer !== undefined &&
    certificate.raw.equals(der) &&
    !certificate.ca &&
    certificate.verify(new X509Certificate(issuer).publicKey)
  if (!ours)
    throw new ServiceError('request_invalid', 'a certificate that was not issued here', {
      says: 'signerCert is no certificate of this provider: send cert_data of get_certificate.',
      field: 'signerCert'
    })
  if (certificate.publicKey.asymmetricKeyType !== 'rsa')
    throw new ServiceError('sign_algorithm_refused', 'a certificate of a key that is not RSA')
  return der
}

function parse(der: Uint8Array): X509Certificate | null {
  try {
    return new X509Certificate(der)
  } catch {
    return null
  }
}
