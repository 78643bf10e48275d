import { createHash } from 'node:crypto'
import * as asn1js from 'asn1js'
import { LRUCache } from 'lru-cache'
import { type NameAttribute, printName, readName } from './distinguished-name.js'
import type { CertificateDescription } from './pki.js'
import * as x509 from './x509.js'

/** Certificates whose description is remembered. One costs about 1 KB and 1 ms. */
const rememberedCertificates = 4096

/**
 * Reads certificates for `Pki.describe`.
 * @throws Error on bytes that are no certificate.
 */
export function certificateReader(): (certificate: Uint8Array) => CertificateDescription {
  const known = new LRUCache<string, CertificateDescription>({ max: rememberedCertificates })
  return (certificate) => {
    const name = createHash('sha256').update(certificate).digest('base64')
    const remembered = known.get(name)
    if (remembered !== undefined) return remembered
    const description = readCertificate(certificate)
    known.set(name, description)
    return description
  }
}

function readCertificate(der: Uint8Array): CertificateDescription {
  const certificate = new x509.X509Certificate(Uint8Array.from(der))
  const subject = readName(subjectDer(certificate))
  const description = {
    subject: printName(subject),
    issuer: printName(readName(new Uint8Array(certificate.issuerName.toArrayBuffer()))),
    commonName: lastOf(subject, '2.5.4.3'),
    organisation: lastOf(subject, '2.5.4.10'),
    serialNumber: certificate.serialNumber.toUpperCase(),
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    spki: new Uint8Array(certificate.publicKey.rawData)
  }
  return Object.freeze(description)
}

/** The most specific value of a type, which is what a reader takes for the name. */
function lastOf(name: readonly (readonly NameAttribute[])[], oid: string): string {
  return name.flat().findLast((attribute) => attribute.oid === oid)?.text ?? ''
}

/** The subject of a certificate, DER. */
export function subjectDer(certificate: x509.X509Certificate): Uint8Array<ArrayBuffer> {
  return new Uint8Array(certificate.subjectName.toArrayBuffer())
}

/** The BIT STRING's octets of a SubjectPublicKeyInfo: what key identifiers and OCSP's issuerKeyHash are hashes of. */
export function publicKeyOctets(spki: Uint8Array): Uint8Array {
  const { result } = asn1js.fromBER(spki)
  const key = result instanceof asn1js.Sequence ? result.valueBlock.value[1] : undefined
  if (!(key instanceof asn1js.BitString)) throw new RangeError('not a SubjectPublicKeyInfo')
  return key.valueBlock.valueHexView
}

/** RFC 5280 §4.2.1.2 (1): SHA-1 of the public key's octets, as a name, not for security. */
export function keyIdentifier(spki: Uint8Array): Buffer {
  return createHash('sha1').update(publicKeyOctets(spki)).digest()
}
