import { createHash } from 'node:crypto'
import * as asn1js from 'asn1js'
import * as pkijs from 'pkijs'
import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'
import { hashes } from '../hsm/hashes.js'
import type { Authority } from './authority.js'
import type { Ceremony } from './ceremony.js'
import { engine } from './engine.js'
import type { TimestampRequest, Timestamps } from './pki.js'
import { randomSerialNumber } from './serial-number.js'
import { createTurns, LineFull } from './turns.js'

/** id-ct-TSTInfo, RFC 3161 §2.4.2. */
const tstInfoType = '1.2.840.113549.1.9.16.1.4'
const signedDataType = '1.2.840.113549.1.7.2'
const contentTypeAttribute = '1.2.840.113549.1.9.3'
const messageDigestAttribute = '1.2.840.113549.1.9.4'
/** id-aa-signingCertificateV2, RFC 5816 §2.2.1 and RFC 5035 §3. */
const signingCertificateV2 = '1.2.840.113549.1.9.16.2.47'

/** Octets of a nonce, at most. */
export const nonceOctetsMax = 32

/** Few at a time, and a line that is worked off within a second: each takes the HSM from those who sign. */
const limits = { atOnce: 4, waitingAtMost: 64 }

/**
 * The time-stamping authority of RFC 3161, profile of RFC 5816: tokens name the certificate by ESSCertIDv2 over
 * SHA-256 and carry it. Times are whole seconds, so that the one encoding of GeneralizedTime is never in question.
 */
export function timestamps(deps: {
  tsa: Authority
  ceremony: Ceremony['timestamp']
  now: Clock
}): Timestamps {
  const { tsa, ceremony, now } = deps
  const turns = createTurns(limits)
  const certificate = pkijs.Certificate.fromBER(Uint8Array.from(tsa.certificate))
  const certificateId = essCertIdV2(tsa.certificate)
  const stats = { made: 0, refused: 0 }

  function infoOf({ hash, digest, nonce }: TimestampRequest, at: Date): Uint8Array {
    const info = new pkijs.TSTInfo({
      version: 1,
      policy: ceremony.policy,
      messageImprint: new pkijs.MessageImprint({
        hashAlgorithm: new pkijs.AlgorithmIdentifier({ algorithmId: hashes[hash].oid }),
        hashedMessage: new asn1js.OctetString({ valueHex: Uint8Array.from(digest) })
      }),
      serialNumber: asn1js.Integer.fromBigInt(`0x${randomSerialNumber()}`),
      genTime: new Date(Math.floor(at.getTime() / 1000) * 1000),
      accuracy: new pkijs.Accuracy({ seconds: ceremony.accuracyS }),
      ...(nonce === null ? {} : { nonce: asn1js.Integer.fromBigInt(nonce) })
    })
    return new Uint8Array(info.toSchema().toBER())
  }

  async function make(request: TimestampRequest): Promise<Uint8Array> {
    const at = now()
    if (at >= tsa.notAfter)
      throw new ServiceError('internal', 'the certificate of the time-stamping authority is over')
    const content = infoOf(request, at)
    const { hash } = tsa.signingKey
    const messageDigest = createHash(hash).update(content).digest()
    const encapContentInfo = new pkijs.EncapsulatedContentInfo({ eContentType: tstInfoType })
    // Set afterwards: what is given to the constructor is cut into pieces, which DER forbids.
    encapContentInfo.eContent = new asn1js.OctetString({ valueHex: content })
    const signed = new pkijs.SignedData({
      version: 3, // RFC 5652 §5.1: the content is not id-data
      encapContentInfo,
      certificates: [certificate],
      signerInfos: [
        new pkijs.SignerInfo({
          version: 1,
          sid: new pkijs.IssuerAndSerialNumber({
            issuer: certificate.issuer,
            serialNumber: certificate.serialNumber
          }),
          signedAttrs: new pkijs.SignedAndUnsignedAttributes({
            type: 0,
            // From the shortest to the longest, which is the order of a SET OF in DER (X.690 §11.6).
            attributes: [
              attribute(contentTypeAttribute, new asn1js.ObjectIdentifier({ value: tstInfoType })),
              attribute(messageDigestAttribute, new asn1js.OctetString({ valueHex: messageDigest })),
              attribute(signingCertificateV2, certificateId)
            ]
          })
        })
      ]
    })
    await signed.sign(tsa.signingKey as never, 0, hash, undefined, engine)
    const token = new pkijs.ContentInfo({ contentType: signedDataType, content: signed.toSchema(true) })
    return new Uint8Array(token.toSchema().toBER())
  }

  return {
    async stamp(request) {
      if (request.digest.length !== hashes[request.hash].octets)
        throw new RangeError(`a digest of ${request.digest.length} octets is not ${request.hash}`)
      if (request.nonce !== null && (request.nonce < 0n || request.nonce >> BigInt(8 * nonceOctetsMax) > 0n))
        throw new RangeError('a nonce out of bounds')
      try {
        const token = await turns(() => make(request))
        stats.made += 1
        return token
      } catch (error) {
        stats.refused += 1
        if (error instanceof LineFull)
          throw new ServiceError('hsm_busy', 'the line for time-stamps is full', { retryAfterS: 1 })
        throw error
      }
    },
    stats: () => ({ ...stats })
  }
}

const attribute = (type: string, value: asn1js.BaseBlock) => new pkijs.Attribute({ type, values: [value] })

/** SigningCertificateV2 of one certificate; SHA-256 is the default and therefore not named (RFC 5035 §4). */
function essCertIdV2(certificate: Uint8Array): asn1js.Sequence {
  const certHash = createHash('sha256').update(certificate).digest()
  const id = new asn1js.Sequence({ value: [new asn1js.OctetString({ valueHex: certHash })] })
  return new asn1js.Sequence({ value: [new asn1js.Sequence({ value: [id] })] })
}
