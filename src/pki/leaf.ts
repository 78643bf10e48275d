import type { Addresses } from './addresses.js'
import type { Authority } from './authority.js'
import type { IssuingCeremony, LeafProfile } from './ceremony.js'
import { keyIdentifier } from './certificate.js'
import { oid, sequence, tlv } from './der.js'
import { cryptoForX509 } from './engine.js'
import type { IssueRequest } from './pki.js'
import { isSerialNumber } from './serial-number.js'
import { asciiEmail, leafSubject } from './subject.js'
import * as x509 from './x509.js'

/** What every leaf says of itself to whoever opens it (RFC 5280 §4.2.1.4, userNotice). */
const notice = 'SIMULATED: issued for tests, without legal value.'

/**
 * Signs a subscriber's certificate with the provider's profile.
 * @returns The certificate in DER.
 * @throws ServiceError `request_invalid` for a subject that cannot be certified; RangeError for a serial without the
 *   provider's prefix, or for dates that are out of order or outlive the issuer.
 */
export async function issueLeaf(
  { subject, spki, serialNumber, notBefore, notAfter }: IssueRequest,
  { leaf: profile, provider }: IssuingCeremony,
  issuer: Authority,
  addresses: Addresses
): Promise<Uint8Array> {
  if (!isSerialNumber(serialNumber) || !serialNumber.startsWith(profile.serialPrefix)) {
    throw new RangeError(`serial ${serialNumber} is not one of ${provider}`)
  }
  if (!(notBefore < notAfter) || notAfter > issuer.notAfter) {
    throw new RangeError(`validity until ${notAfter.toISOString()} is empty or outlives ${provider}'s CA`)
  }
  const email = profile.email.inSan ? asciiEmail(subject.email) : null
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber,
      subject: leafSubject(profile, subject),
      issuer: new x509.Name(issuer.subjectDer),
      notBefore,
      notAfter,
      publicKey: Uint8Array.from(spki),
      signingKey: issuer.signingKey,
      extensions: [
        new x509.AuthorityKeyIdentifierExtension(issuer.keyIdentifier.toString('hex')),
        new x509.SubjectKeyIdentifierExtension(keyIdentifier(spki).toString('hex')),
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(keyUsage(profile, spki), true),
        new x509.ExtendedKeyUsageExtension(
          [...profile.extendedKeyUsage.oids],
          profile.extendedKeyUsage.critical
        ),
        new x509.Extension('2.5.29.32', false, policies(profile.policy)),
        new x509.CRLDistributionPointsExtension([addresses.list(provider)]),
        new x509.AuthorityInfoAccessExtension({
          ocsp: addresses.ocsp(provider),
          caIssuers: addresses.certificate(provider)
        }),
        ...(email === null
          ? []
          : [new x509.SubjectAlternativeNameExtension([{ type: 'email', value: email }])])
      ]
    },
    cryptoForX509
  )
  return new Uint8Array(certificate.rawData)
}

/** RFC 8813 §3: a certificate for an EC key must not claim encipherment. */
function keyUsage(profile: LeafProfile, spki: Uint8Array): x509.KeyUsageFlags {
  const ec = new x509.PublicKey(Uint8Array.from(spki)).algorithm.name === 'ECDSA'
  return profile.keyUsage
    .filter((usage) => !(ec && usage.endsWith('Encipherment')))
    .reduce((flags: number, usage) => flags | x509.KeyUsageFlags[usage], 0)
}

/** certificatePolicies with the practice statement's address where one is known, and the notice. */
function policies({ oid: policy, cps }: LeafProfile['policy']): Uint8Array<ArrayBuffer> {
  const qualifiers = [
    ...(cps === null ? [] : [sequence(oid('1.3.6.1.5.5.7.2.1'), tlv(0x16, Buffer.from(cps, 'latin1')))]),
    sequence(oid('1.3.6.1.5.5.7.2.2'), sequence(tlv(0x0c, Buffer.from(notice, 'utf8'))))
  ]
  return Uint8Array.from(sequence(sequence(oid(policy), sequence(...qualifiers))))
}
