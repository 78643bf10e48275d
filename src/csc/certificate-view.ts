import { Type } from 'typebox'
import { type Credential, credentialStatus } from '../enrolment/enrolment.js'
import type { Pki } from '../pki/pki.js'
import { keyDescription } from './algorithms.js'

/** What `describeKeyAndCertificate` answers. */
export const keyAndCertificate = {
  description: Type.String(),
  key: Type.Object({
    status: Type.String({ description: 'enabled or disabled' }),
    algo: Type.Array(Type.String()),
    len: Type.Integer(),
    curve: Type.Optional(Type.String())
  }),
  cert: Type.Object({
    status: Type.Optional(Type.String({ description: 'valid, expired, revoked or suspended' })),
    certificates: Type.Optional(Type.Array(Type.String({ description: 'DER, base64; the leaf first.' }))),
    issuerDN: Type.Optional(Type.String()),
    serialNumber: Type.Optional(Type.String()),
    subjectDN: Type.Optional(Type.String()),
    validFrom: Type.Optional(Type.String()),
    validTo: Type.Optional(Type.String())
  })
}

/** Which parts of a certificate a caller wants to see. */
export interface CertificateView {
  /** `none`, `single` (the default) or `chain`. */
  certificates?: string | undefined
  certInfo?: boolean | undefined
}

/**
 * Key and certificate of a credential as both versions describe them (CSC API v1 and v2 §11.5). One that is not
 * published yet has a disabled key and no `cert.status`.
 */
export function describeKeyAndCertificate(
  credential: Credential,
  pki: Pick<Pki, 'describe' | 'chain'>,
  now: Date,
  view: CertificateView
) {
  const status = credentialStatus(credential, now)
  const certificate = pki.describe(credential.certificate)
  const chain = view.certificates === 'chain' ? pki.chain(credential.provider) : []
  return {
    description: `${certificate.commonName}, ${credential.algorithm}`,
    key: { status: status === 'active' ? 'enabled' : 'disabled', ...keyDescription(credential.algorithm) },
    cert: {
      ...(status === 'issued' ? {} : { status: status === 'active' ? 'valid' : status }),
      ...(view.certificates === 'none'
        ? {}
        : {
            certificates: [credential.certificate, ...chain].map((der) => Buffer.from(der).toString('base64'))
          }),
      ...(view.certInfo === true
        ? {
            issuerDN: certificate.issuer,
            serialNumber: certificate.serialNumber,
            subjectDN: certificate.subject,
            validFrom: generalizedTime(certificate.notBefore),
            validTo: generalizedTime(certificate.notAfter)
          }
        : {})
    }
  }
}

/** `YYYYMMDDHHMMSSZ`, as the standard writes times. */
const generalizedTime = (at: Date): string => `${at.toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`
