/** The CMS of a PAdES baseline B-B signature (RFC 5652, ETSI EN 319 142-1 §6.3), around a signature made elsewhere. */
import { createHash } from 'node:crypto'
import * as asn1js from 'asn1js'
import * as pkijs from 'pkijs'

const oids = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha256WithRsaEncryption: '1.2.840.113549.1.1.11'
} as const

/** A CMS that waits for its signature. */
export interface PreparedCms {
  /** DER of a SET OF Attribute: what is hashed and signed (RFC 5652 §5.4). */
  signedAttributes: Uint8Array
  /** @param signature RSASSA-PKCS1-v1_5 with SHA-256 over the signed attributes. @returns DER. */
  complete(signature: Uint8Array): Uint8Array
}

/**
 * @param contentSha256 Of what is signed; the content itself stays outside.
 * @param chain DER: the signer's certificate, then the CAs above it. All of them travel along.
 */
export function prepareCms(
  contentSha256: Uint8Array,
  chain: readonly [Uint8Array, ...Uint8Array[]]
): PreparedCms {
  const certificates = chain.map((der) => pkijs.Certificate.fromBER(Uint8Array.from(der)))
  const [signer] = certificates
  if (signer === undefined) throw new TypeError('there is no certificate')
  // No signing-time: in a PDF the time is in the signature dictionary, and it must be said only once. The attributes are
  // in the order of their length, which is what DER wants of a SET OF (X.690 §11.6).
  const attributes = [
    attribute(oids.contentType, new asn1js.ObjectIdentifier({ value: oids.data })),
    attribute(oids.messageDigest, octetString(contentSha256)),
    attribute(oids.signingCertificateV2, signingCertificate(chain[0], signer))
  ]
  const set = new asn1js.Set({ value: attributes.map((one) => one.toSchema()) })

  return {
    signedAttributes: new Uint8Array(set.toBER()),
    complete(signature) {
      const signedData = new pkijs.SignedData({
        version: 1, // RFC 5652 §5.1: id-data, and the signer named by issuer and serial number
        digestAlgorithms: [sha256()],
        encapContentInfo: new pkijs.EncapsulatedContentInfo({ eContentType: oids.data }),
        certificates,
        signerInfos: [
          new pkijs.SignerInfo({
            version: 1,
            sid: new pkijs.IssuerAndSerialNumber({
              issuer: signer.issuer,
              serialNumber: signer.serialNumber
            }),
            digestAlgorithm: sha256(),
            signedAttrs: new pkijs.SignedAndUnsignedAttributes({ type: 0, attributes }),
            signatureAlgorithm: new pkijs.AlgorithmIdentifier({
              algorithmId: oids.sha256WithRsaEncryption,
              algorithmParams: new asn1js.Null() // RFC 5754 §3.2
            }),
            signature: octetString(signature)
          })
        ]
      })
      const content = signedData.toSchema(true)
      return new Uint8Array(
        new pkijs.ContentInfo({ contentType: oids.signedData, content }).toSchema().toBER()
      )
    }
  }
}

const attribute = (type: string, value: asn1js.BaseBlock) => new pkijs.Attribute({ type, values: [value] })

const octetString = (octets: Uint8Array) => new asn1js.OctetString({ valueHex: Uint8Array.from(octets) })

const sha256 = () => new pkijs.AlgorithmIdentifier({ algorithmId: oids.sha256 })

/** Binds the signature to this certificate (ESS, RFC 5035 §3). SHA-256 is the default, which DER leaves out. */
function signingCertificate(der: Uint8Array, { issuer, serialNumber }: pkijs.Certificate): asn1js.Sequence {
  const name = new pkijs.GeneralName({ type: 4, value: issuer })
  const issuerSerial = sequence(new asn1js.Sequence({ value: [name.toSchema()] }), serialNumber)
  const certificateId = sequence(octetString(createHash('sha256').update(der).digest()), issuerSerial)
  return sequence(sequence(certificateId))
}

const sequence = (...value: asn1js.BaseBlock[]) => new asn1js.Sequence({ value })
