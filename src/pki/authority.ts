import { StartError } from '../errors.js'
import type { TokenKey } from '../hsm/hsm.js'
import type { Addresses } from './addresses.js'
import type { CaName } from './ceremony.js'
import { keyIdentifier, subjectDer } from './certificate.js'
import { cryptoForX509, type HsmCryptoKey, hsmCryptoKey } from './engine.js'
import { randomSerialNumber } from './serial-number.js'
import { caName } from './subject.js'
import * as x509 from './x509.js'

/** A CA that can sign: its certificate as it stands and its key in the HSM. */
export interface Authority {
  /** `root`, a provider's name or `tsa`. */
  name: string
  certificate: Uint8Array
  /** The subject, DER: what is the issuer in what it signs. */
  subjectDer: Uint8Array<ArrayBuffer>
  keyIdentifier: Buffer
  spki: Uint8Array
  notAfter: Date
  key: TokenKey
  signingKey: HsmCryptoKey
}

/** Clocks of relying parties may be behind ours by this much, in milliseconds. */
export const backdatedMs = 10 * 60_000

/**
 * Joins a stored certificate with its key.
 * @throws StartError when they do not belong together: database and HSM are then of different installations.
 */
export function authority(name: string, certificate: Uint8Array, key: TokenKey): Authority {
  const parsed = new x509.X509Certificate(Uint8Array.from(certificate))
  const spki = new Uint8Array(parsed.publicKey.rawData)
  if (!Buffer.from(spki).equals(key.spki)) {
    throw new StartError(
      `The certificate of the CA "${name}" in the database is not for the key "${key.label}" in the HSM: ` +
        'database and token belong to different installations.'
    )
  }
  return {
    name,
    certificate,
    subjectDer: subjectDer(parsed),
    keyIdentifier: keyIdentifier(spki),
    spki,
    notAfter: parsed.notAfter,
    key,
    signingKey: hsmCryptoKey(key)
  }
}

/** What a CA certificate is made from. */
export interface AuthorityRequest {
  name: CaName
  validYears: number
  key: TokenKey
  now: Date
}

/** The self-signed root (RFC 5280 §4.2.1.9: no path length, the national root may sign what it likes). */
export async function makeRootCertificate(request: AuthorityRequest): Promise<Uint8Array> {
  const subject = caName(request.name)
  return generate(request, {
    subject,
    issuer: subject,
    signingKey: hsmCryptoKey(request.key),
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true), ...caExtensions(request.key)]
  })
}

/** An issuing CA's certificate, signed by the root. No CA stands below it. */
export async function makeIssuingCertificate(
  request: AuthorityRequest,
  root: Authority,
  addresses: Addresses
): Promise<Uint8Array> {
  return generate(request, {
    subject: caName(request.name),
    issuer: new x509.Name(root.subjectDer),
    signingKey: root.signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      ...caExtensions(request.key),
      new x509.AuthorityKeyIdentifierExtension(root.keyIdentifier.toString('hex')),
      new x509.CertificatePolicyExtension(['2.5.29.32.0']), // anyPolicy, RFC 5280 §4.2.1.4
      new x509.CRLDistributionPointsExtension([addresses.list('root')]),
      new x509.AuthorityInfoAccessExtension({ caIssuers: addresses.certificate('root') })
    ]
  })
}

/**
 * The certificate of the time-stamping authority, signed by the root. Its one purpose is critical, and the only one
 * (RFC 3161 §2.3).
 */
export async function makeTimestampCertificate(
  request: AuthorityRequest,
  root: Authority,
  addresses: Addresses
): Promise<Uint8Array> {
  return generate(request, {
    subject: caName(request.name),
    issuer: new x509.Name(root.subjectDer),
    signingKey: root.signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.8'], true), // id-kp-timeStamping
      new x509.SubjectKeyIdentifierExtension(keyIdentifier(request.key.spki).toString('hex')),
      new x509.AuthorityKeyIdentifierExtension(root.keyIdentifier.toString('hex')),
      new x509.CRLDistributionPointsExtension([addresses.list('root')]),
      new x509.AuthorityInfoAccessExtension({ caIssuers: addresses.certificate('root') })
    ]
  })
}

/**
 * A certificate by which an issuing CA delegates the signing of its OCSP responses (RFC 6960 §4.2.2.2). It is
 * short-lived and says itself that nobody need check its revocation (§4.2.2.2.1).
 */
export async function makeResponderCertificate(
  request: { key: TokenKey; validDays: number; now: Date; serialNumber: string },
  issuer: Authority
): Promise<Uint8Array> {
  const name = new x509.Name(issuer.subjectDer).toJSON()
  const subject = name.map((rdn) =>
    Object.fromEntries(
      Object.entries(rdn).map(([type, values]) => [
        type,
        values.map((value) =>
          type === 'C' ? { printableString: value } : { utf8String: type === 'CN' ? `${value} OCSP` : value }
        )
      ])
    )
  )
  const notBefore = new Date(request.now.getTime() - backdatedMs)
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: request.serialNumber,
      subject: new x509.Name(subject),
      issuer: new x509.Name(issuer.subjectDer),
      notBefore,
      notAfter: earlier(new Date(request.now.getTime() + request.validDays * 86_400_000), issuer.notAfter),
      publicKey: Uint8Array.from(request.key.spki),
      signingKey: issuer.signingKey,
      extensions: [
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.9']), // id-kp-OCSPSigning
        new x509.Extension('1.3.6.1.5.5.7.48.1.5', false, Uint8Array.of(5, 0)), // id-pkix-ocsp-nocheck, NULL
        new x509.SubjectKeyIdentifierExtension(keyIdentifier(request.key.spki).toString('hex')),
        new x509.AuthorityKeyIdentifierExtension(issuer.keyIdentifier.toString('hex'))
      ]
    },
    cryptoForX509
  )
  return new Uint8Array(certificate.rawData)
}

function caExtensions(key: TokenKey): x509.Extension[] {
  return [
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    new x509.SubjectKeyIdentifierExtension(keyIdentifier(key.spki).toString('hex'))
  ]
}

/** A CA certificate, of `validYears` from now. */
export async function generate(
  { validYears, key, now }: Omit<AuthorityRequest, 'name'>,
  parts: { subject: x509.Name; issuer: x509.Name; signingKey: HsmCryptoKey; extensions: x509.Extension[] }
): Promise<Uint8Array> {
  const notBefore = new Date(now.getTime() - backdatedMs)
  const notAfter = new Date(notBefore)
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + validYears)
  const certificate = await x509.X509CertificateGenerator.create(
    {
      ...parts,
      serialNumber: randomSerialNumber(),
      notBefore,
      notAfter,
      publicKey: Uint8Array.from(key.spki)
    },
    cryptoForX509
  )
  return new Uint8Array(certificate.rawData)
}

/** The first of two times. */
export function earlier(a: Date, b: Date): Date {
  return a < b ? a : b
}
