import { createHash } from 'node:crypto'
import * as asn1js from 'asn1js'
import * as pkijs from 'pkijs'

const oids = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  /** id-aa-signingCertificateV2, RFC 5035 §3. */
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha256WithRsa: '1.2.840.113549.1.1.11'
} as const

/**
 * The signed attributes of a PAdES baseline B-B signature (ETSI EN 319 142-1 §6.3): content type, message digest and
 * signing certificate. The time is in the PDF, not here.
 * @param documentSha256 Of the byte range.
 * @returns DER of a SET OF Attribute, which is what is hashed and signed (RFC 5652 §5.4).
 */
export function signedAttributes(documentSha256: Uint8Array, certificate: Uint8Array): Uint8Array {
  const value = attributesOf(documentSha256, certificate).map((one) => one.toSchema())
  return new Uint8Array(new asn1js.Set({ value }).toBER())
}

/** The CMS around a PKCS#1 v1.5 signature over those attributes: detached, with the certificate and its chain. DER. */
export function cmsOf(
  documentSha256: Uint8Array,
  certificate: Uint8Array,
  chain: readonly Uint8Array[],
  signature: Uint8Array
): Uint8Array {
  const leaf = pkijs.Certificate.fromBER(Uint8Array.from(certificate))
  const sha256 = new pkijs.AlgorithmIdentifier({ algorithmId: oids.sha256 })
  const signedData = new pkijs.SignedData({
    version: 1, // RFC 5652 §5.1: id-data, and the signer named by issuer and serial
    digestAlgorithms: [sha256],
    encapContentInfo: new pkijs.EncapsulatedContentInfo({ eContentType: oids.data }),
    certificates: [leaf, ...chain.map((der) => pkijs.Certificate.fromBER(Uint8Array.from(der)))],
    signerInfos: [
      new pkijs.SignerInfo({
        version: 1,
        sid: new pkijs.IssuerAndSerialNumber({ issuer: leaf.issuer, serialNumber: leaf.serialNumber }),
        digestAlgorithm: sha256,
        signedAttrs: new pkijs.SignedAndUnsignedAttributes({
          type: 0,
          attributes: attributesOf(documentSha256, certificate)
        }),
        signatureAlgorithm: new pkijs.AlgorithmIdentifier({
          algorithmId: oids.sha256WithRsa,
          algorithmParams: new asn1js.Null() // RFC 5754 §3.2
        }),
        signature: new asn1js.OctetString({ valueHex: Uint8Array.from(signature) })
      })
    ]
  })
  const content = new pkijs.ContentInfo({ contentType: oids.signedData, content: signedData.toSchema(true) })
  return new Uint8Array(content.toSchema().toBER())
}

/** From the shortest to the longest, which is their order as a SET OF in DER (X.690 §11.6). */
function attributesOf(documentSha256: Uint8Array, certificate: Uint8Array): pkijs.Attribute[] {
  return [
    attribute(oids.contentType, new asn1js.ObjectIdentifier({ value: oids.data })),
    attribute(oids.messageDigest, new asn1js.OctetString({ valueHex: Uint8Array.from(documentSha256) })),
    attribute(oids.signingCertificateV2, essCertIdV2(certificate))
  ]
}

const attribute = (type: string, value: asn1js.BaseBlock) => new pkijs.Attribute({ type, values: [value] })

/** SigningCertificateV2 of one certificate; SHA-256 is the default and therefore not named (RFC 5035 §4). */
function essCertIdV2(certificate: Uint8Array): asn1js.Sequence {
  const certHash = createHash('sha256').update(certificate).digest()
  const id = new asn1js.Sequence({ value: [new asn1js.OctetString({ valueHex: Uint8Array.from(certHash) })] })
  return new asn1js.Sequence({ value: [new asn1js.Sequence({ value: [id] })] })
}
