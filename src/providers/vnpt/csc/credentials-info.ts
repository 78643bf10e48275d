import { type Static, Type } from 'typebox'
import { type Credential, credentialStatus } from '../../../enrolment/enrolment.js'
import type { KeyAlgorithm } from '../../../hsm/hsm.js'
import type { Pki } from '../../../pki/pki.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { callerOf } from './caller.js'
import { credentialId, namedCredential } from './credential.js'
import { credentialsPath, tag } from './paths.js'

const Body = Type.Object(
  {
    credentialId,
    certificates: Type.Optional(
      Type.Union([Type.Literal('none'), Type.Literal('single'), Type.Literal('chain')], { default: 'single' })
    ),
    certInfo: Type.Optional(Type.Boolean({ description: 'Names, serial number and dates as well' })),
    authInfo: Type.Optional(Type.Boolean({ description: 'Of no effect: what it asks for is always there' }))
  },
  {
    examples: [
      {
        credentialId: '019ab0c4-5d1e-7c3a-8f00-6b1f4f0c2d11',
        certificates: 'chain',
        certInfo: true,
        authInfo: true
      }
    ]
  }
)
type Wanted = Static<typeof Body>

const rsaEncryption = '1.2.840.113549.1.1.1'
const ecPublicKey = '1.2.840.10045.2.1'
const keys: Readonly<Record<KeyAlgorithm, readonly [oid: string, bits: number]>> = {
  'RSA-2048': [rsaEncryption, 2048],
  'RSA-3072': [rsaEncryption, 3072],
  'RSA-4096': [rsaEncryption, 4096],
  'P-256': [ecPublicKey, 256],
  'P-384': [ecPublicKey, 384]
}

/** `credentials/info` (§3.4): the one answer without the envelope. */
export const credentialsInfo: DialectRoutes = async (app, { provider, pki, now, quirk, ...deps }) => {
  app.post(
    `${credentialsPath}/info`,
    {
      schema: {
        tags: [tag],
        summary: 'One credential',
        body: Body,
        response: { 200: Type.Object({}, { additionalProperties: true, description: 'Not wrapped' }) }
      }
    },
    async (request) => {
      const { subscriber } = await callerOf(request, deps, provider.id)
      const of = { ...deps, now, quirk }
      const credential = await namedCredential(of, subscriber, request.body.credentialId)
      const status = credentialStatus(credential, now())
      const [oid, len] = keys[credential.algorithm]
      return {
        key: { status: status === 'active' ? 'ENABLED' : 'DISABLED', alg: [oid], len },
        cert: describeCertificate(credential, pki, {
          status: status === 'active' ? 'VALID' : status.toUpperCase(),
          ...request.body
        }),
        authMode: 'oauth2code',
        scal: `SCAL${credential.scal}`,
        multisign: quirk('vnpt.csc-multisign-1') ? 1 : credential.multisign,
        status: status.toUpperCase(),
        servicePacks: [],
        signType: 0,
        defaultServicePackId: null
      }
    }
  )
}

function describeCertificate(
  { certificate, provider, serialNumber }: Credential,
  pki: Pick<Pki, 'chain' | 'describe'>,
  { status, certificates = 'single', certInfo = false }: Wanted & { status: string }
) {
  const above = certificates === 'chain' ? pki.chain(provider) : []
  const { issuer, subject, notBefore, notAfter } = pki.describe(certificate)
  return {
    status,
    ...(certInfo && {
      serialNumber: serialNumber.toLowerCase(),
      subjectDN: subject,
      issuerDN: issuer,
      validFrom: generalizedTime(notBefore),
      validTo: generalizedTime(notAfter)
    }),
    ...(certificates !== 'none' && { certificates: [certificate, ...above].map(base64) })
  }
}

/** 20240514073200Z. */
const generalizedTime = (at: Date): string => `${at.toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`

const base64 = (der: Uint8Array): string => Buffer.from(der).toString('base64')
