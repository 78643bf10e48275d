import { type Credential, credentialStatus } from '../../../enrolment/enrolment.js'
import type { Pki } from '../../../pki/pki.js'
import { writeNumber } from './fields.js'
import { keyAlgorithms } from './key-algorithms.js'
import { offsetTime } from './times.js'

/** What every credential is described as: the phone alone opens it. */
export const implicitDescription = 'Go>Sign mobile based implicit credential authorization'

/** `key` of a credential. */
export function describeKey(credential: Credential, now: Date, quirk: (name: string) => boolean) {
  const { oid, bits, curve } = keyAlgorithms[credential.algorithm]
  return {
    status: credentialStatus(credential, now) === 'active' ? 'enabled' : 'disabled',
    algo: [oid],
    len: writeNumber(bits, quirk),
    curve
  }
}

/** `cert` of a credential: which certificates, and whether with names, serial number and dates. */
export function describeCertificate(
  credential: Credential,
  pki: Pick<Pki, 'chain' | 'describe'>,
  now: Date,
  { certificates, certInfo }: { certificates: 'chain' | 'single' | 'none'; certInfo: boolean }
) {
  const status = credentialStatus(credential, now)
  const above = certificates === 'chain' ? pki.chain(credential.provider) : []
  const { issuer, subject, notBefore, notAfter } = pki.describe(credential.certificate)
  return {
    status: status === 'active' ? 'valid' : status,
    ...(certificates === 'none' ? {} : { certificates: [credential.certificate, ...above].map(base64) }),
    ...(certInfo
      ? {
          issuerDN: issuer,
          // In decimal, where all others write hexadecimal.
          serialNumber: BigInt(`0x${credential.serialNumber}`).toString(),
          subjectDN: subject,
          validFrom: offsetTime(notBefore),
          validTo: offsetTime(notAfter)
        }
      : {})
  }
}

const base64 = (der: Uint8Array): string => Buffer.from(der).toString('base64')
