import { Type } from '@fastify/type-provider-typebox'
import { type Credential, credentialStatus } from '../enrolment/enrolment.js'
import { Timestamp } from '../http/schema.js'
import type { Pki } from '../pki/pki.js'

const NullableTime = Type.Union([Timestamp, Type.Null()])

export const KeyAlgorithmName = Type.Union([
  Type.Literal('RSA-2048'),
  Type.Literal('RSA-3072'),
  Type.Literal('RSA-4096'),
  Type.Literal('P-256'),
  Type.Literal('P-384')
])

const summary = {
  credentialID: Type.String({ description: 'The same in every surface' }),
  provider: Type.String(),
  subscriberId: Type.String(),
  status: Type.Union(
    [
      Type.Literal('issued'),
      Type.Literal('active'),
      Type.Literal('suspended'),
      Type.Literal('revoked'),
      Type.Literal('expired')
    ],
    { description: 'issued → active ⇄ suspended → revoked; expired by the clock' }
  ),
  algorithm: KeyAlgorithmName,
  auth: Type.Union(
    [Type.Literal('phone'), Type.Literal('pin'), Type.Literal('otp'), Type.Literal('oauth2code')],
    { description: 'What is asked for before the challenge on the device' }
  ),
  scal: Type.Union([Type.Literal('1'), Type.Literal('2')]),
  multisign: Type.Integer({ description: 'Signatures one activation may allow, at most' }),
  serialNumber: Type.String({ description: 'Upper-case hex' }),
  subject: Type.String({ description: 'RFC 4514, most specific RDN first' }),
  issuer: Type.String({ description: 'RFC 4514' }),
  notBefore: Timestamp,
  notAfter: Timestamp,
  issuedAt: Timestamp,
  publishedAt: NullableTime,
  suspendedAt: NullableTime,
  revokedAt: NullableTime,
  revocationReason: Type.Union([Type.String(), Type.Null()], { description: 'RFC 5280 §5.3.1' })
}

/** A credential in a list. */
export const CredentialSummary = Type.Object(summary)

/** A credential by itself. */
export const CredentialView = Type.Object({
  ...summary,
  certificatePem: Type.String(),
  chainPem: Type.String({ description: 'The issuing CA, then the root' })
})

/** A credential as lists show it, with its status at `now`. */
export function credentialSummary(credential: Credential, pki: Pick<Pki, 'describe'>, now: Date) {
  const { subject, issuer } = pki.describe(credential.certificate)
  return {
    credentialID: credential.id,
    provider: credential.provider,
    subscriberId: credential.subscriberId,
    status: credentialStatus(credential, now),
    algorithm: credential.algorithm,
    auth: credential.auth,
    scal: credential.scal,
    multisign: credential.multisign,
    serialNumber: credential.serialNumber,
    subject,
    issuer,
    notBefore: credential.notBefore.toISOString(),
    notAfter: credential.notAfter.toISOString(),
    issuedAt: credential.issuedAt.toISOString(),
    publishedAt: credential.publishedAt?.toISOString() ?? null,
    suspendedAt: credential.suspendedAt?.toISOString() ?? null,
    revokedAt: credential.revokedAt?.toISOString() ?? null,
    revocationReason: credential.revocationReason
  }
}

/** The same with certificate and chain. */
export function credentialView(credential: Credential, pki: Pick<Pki, 'describe' | 'chain'>, now: Date) {
  return {
    ...credentialSummary(credential, pki, now),
    certificatePem: pem(credential.certificate),
    chainPem: pki.chain(credential.provider).map(pem).join('')
  }
}

/** RFC 7468 §5. */
function pem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
