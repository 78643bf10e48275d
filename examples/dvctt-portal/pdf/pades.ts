/** PAdES baseline B-B signatures by a remote key (ETSI EN 319 142-1 §6): prepared here, signed there, completed here. */
import { createHash, verify, X509Certificate } from 'node:crypto'
import { prepareCms } from './cms.js'
import type { Place } from './places.js'
import { addSignatureField } from './revision.js'
import { shownTime } from './times.js'

/** What a signature shows and says. */
export interface PadesRequest {
  /** The PDF as it is, with the signatures it already has. */
  pdf: Uint8Array
  /** DER: the signer's own first. */
  chain: readonly Uint8Array[]
  /** Claimed signing time, shown with its zone. */
  signedAt: Date
  /** Name of the organisation, shown as "Cơ quan". */
  organisation: string
  /** The signer, as shown: name and title. */
  signer: string
  reason: string
  /** Where the visible signature stands, on the last page: one of the places that the forms leave free. */
  place: Place
}

/** A PDF with an empty place for one signature. */
export interface PreparedPdf {
  /** SHA-256 of the DER of the CMS signed attributes, 32 octets: what the signer is asked to sign. */
  digest: Uint8Array
  /**
   * The signed PDF. What was there before is a prefix of it, octet by octet.
   * @param signature RSASSA-PKCS1-v1_5 over `digest`. @throws Error when the certificate's key did not make it.
   */
  complete(signature: Uint8Array): Uint8Array
}

/** Portals send larger files rarely; a PDF is read into memory whole. */
const pdfOctetsMax = 20 * 1024 * 1024

/**
 * Adds an empty signature to a PDF, as a further revision.
 * @throws RangeError for a PDF that is too large or without a certificate of an RSA key; Error for one
 * that cannot be read.
 */
export async function preparePades(request: PadesRequest): Promise<PreparedPdf> {
  const { pdf, chain, signedAt, signer, organisation, reason, place } = request
  if (pdf.length > pdfOctetsMax) throw new RangeError(`the PDF has more than ${pdfOctetsMax} octets`)
  const [certificate, ...above] = chain
  if (certificate === undefined) throw new RangeError('there is no certificate')
  const lines = [`Ký bởi: ${signer}`, `Cơ quan: ${organisation}`, `Thời gian ký: ${shownTime(signedAt)}`]
  const revision = await addSignatureField(pdf, { signedAt, reason, signer, place, lines })
  const content = createHash('sha256').update(revision.before).update(revision.after).digest()
  const cms = prepareCms(content, [certificate, ...above])
  const { publicKey } = new X509Certificate(certificate)
  if (publicKey.asymmetricKeyType !== 'rsa') throw new RangeError('the certificate is not of an RSA key')

  return {
    digest: createHash('sha256').update(cms.signedAttributes).digest(),
    complete(signature) {
      if (!verify('sha256', cms.signedAttributes, publicKey, signature))
        throw new Error('the signature was not made by the key of the certificate')
      return revision.with(cms.complete(signature))
    }
  }
}
