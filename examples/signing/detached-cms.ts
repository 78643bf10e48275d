/**
 * A detached CMS signature (RFC 5652) around a signature that somebody else makes: first the signed attributes, whose
 * digest goes to the signing service, then the envelope around what it answers. `openssl cms -verify` reads the result.
 */
import { Crypto } from '@peculiar/webcrypto'
import * as asn1js from 'asn1js'
import * as pkijs from 'pkijs'

const { subtle } = new Crypto()

const oids = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
  sha256: '2.16.840.1.101.3.4.2.1',
  rsaEncryption: '1.2.840.113549.1.1.1',
  sha256WithRsaEncryption: '1.2.840.113549.1.1.11',
  ecdsaWithSha256: '1.2.840.10045.4.3.2'
} as const

/** What is signed, by whose certificate, when. */
export interface CmsContent {
  document: Uint8Array
  /** The subscriber's certificate, DER. */
  certificate: Uint8Array
  /** Claimed by the signer; only a time-stamp would prove it. Whole seconds. */
  signingTime: Date
}

/** A CMS that waits for its signature. */
export interface PreparedCms {
  /** SHA-256 of the signed attributes: what the signing service signs. */
  digest: Uint8Array
  /** The signed attributes as they are hashed: DER of a SET OF Attribute. */
  signedAttributes: Uint8Array
  /**
   * Puts the signature in.
   * @param signature RSA as PKCS#1 v1.5 made it, ECDSA as DER.
   * @param chain Further certificates to carry, DER: the issuing CA. The root is better known to the verifier.
   * @returns ContentInfo, DER.
   */
  complete(signature: Uint8Array, chain: readonly Uint8Array[]): Uint8Array
}

/** Builds the signed attributes. Everything hashed here is SHA-256. */
export async function prepareDetachedCms(content: CmsContent): Promise<PreparedCms> {
  const { document, certificate, signingTime } = content
  const signer = pkijs.Certificate.fromBER(certificate)
  const attributes = inDerOrder([
    attribute(oids.contentType, new asn1js.ObjectIdentifier({ value: oids.data })),
    attribute(oids.messageDigest, new asn1js.OctetString({ valueHex: await sha256(document) })),
    attribute(oids.signingTime, time(signingTime)),
    attribute(oids.signingCertificateV2, signingCertificateV2(signer, await sha256(certificate)))
  ])
  // RFC 5652 §5.4: hashed as a SET OF, not under the [0] of the SignerInfo.
  const signedAttributes = new Uint8Array(
    new asn1js.Set({ value: attributes.map((one) => one.toSchema()) }).toBER()
  )

  return {
    digest: new Uint8Array(await sha256(signedAttributes)),
    signedAttributes,
    complete(signature, chain) {
      const signedData = new pkijs.SignedData({
        version: 1, // RFC 5652 §5.1: id-data, and the signer named by issuer and serial
        digestAlgorithms: [sha256Identifier()],
        encapContentInfo: new pkijs.EncapsulatedContentInfo({ eContentType: oids.data }), // detached: no content
        certificates: [signer, ...chain.map((der) => pkijs.Certificate.fromBER(der))],
        signerInfos: [
          new pkijs.SignerInfo({
            version: 1,
            sid: new pkijs.IssuerAndSerialNumber({
              issuer: signer.issuer,
              serialNumber: signer.serialNumber
            }),
            digestAlgorithm: sha256Identifier(),
            signedAttrs: new pkijs.SignedAndUnsignedAttributes({ type: 0, attributes }),
            signatureAlgorithm: signatureIdentifier(signer),
            signature: new asn1js.OctetString({ valueHex: bufferOf(signature) })
          })
        ]
      })
      const contentInfo = new pkijs.ContentInfo({
        contentType: oids.signedData,
        content: signedData.toSchema(true)
      })
      return new Uint8Array(contentInfo.toSchema().toBER())
    }
  }
}

function attribute(type: string, value: asn1js.BaseBlock): pkijs.Attribute {
  return new pkijs.Attribute({ type, values: [value] })
}

/** DER sorts the members of a SET OF by their encodings (X.690 §11.6); pkijs keeps the order it is given. */
function inDerOrder(attributes: readonly pkijs.Attribute[]): pkijs.Attribute[] {
  return attributes
    .map((one) => ({ one, der: Buffer.from(one.toSchema().toBER()) }))
    .sort((a, b) => Buffer.compare(a.der, b.der))
    .map(({ one }) => one)
}

/** RFC 5652 §11.3: UTCTime to the end of 2049, GeneralizedTime from then on. */
function time(at: Date): asn1js.BaseBlock {
  const seconds = new Date(Math.floor(at.getTime() / 1000) * 1000)
  return seconds.getUTCFullYear() < 2050
    ? new asn1js.UTCTime({ valueDate: seconds })
    : new asn1js.GeneralizedTime({ valueDate: seconds })
}

/**
 * RFC 5035 §3: binds the signature to this certificate. The hash is SHA-256, the default, so DER leaves the
 * algorithm out.
 */
function signingCertificateV2(signer: pkijs.Certificate, certificateSha256: ArrayBuffer): asn1js.Sequence {
  const issuer = new pkijs.GeneralName({ type: 4, value: signer.issuer })
  const issuerSerial = new asn1js.Sequence({
    value: [new asn1js.Sequence({ value: [issuer.toSchema()] }), signer.serialNumber]
  })
  const essCertId = new asn1js.Sequence({
    value: [new asn1js.OctetString({ valueHex: certificateSha256 }), issuerSerial]
  })
  return new asn1js.Sequence({ value: [new asn1js.Sequence({ value: [essCertId] })] })
}

const sha256Identifier = () => new pkijs.AlgorithmIdentifier({ algorithmId: oids.sha256 })

/** RFC 5754 §3: RSA with a NULL parameter, ECDSA with none. */
function signatureIdentifier(signer: pkijs.Certificate): pkijs.AlgorithmIdentifier {
  const rsa = signer.subjectPublicKeyInfo.algorithm.algorithmId === oids.rsaEncryption
  return rsa
    ? new pkijs.AlgorithmIdentifier({
        algorithmId: oids.sha256WithRsaEncryption,
        algorithmParams: new asn1js.Null()
      })
    : new pkijs.AlgorithmIdentifier({ algorithmId: oids.ecdsaWithSha256 })
}

const sha256 = (octets: Uint8Array): Promise<ArrayBuffer> => subtle.digest('SHA-256', octets)

const bufferOf = (octets: Uint8Array): ArrayBuffer => Uint8Array.from(octets).buffer
