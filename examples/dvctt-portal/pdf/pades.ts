/** PAdES baseline B-B signatures by a remote key (ETSI EN 319 142-1 §6): prepared here, signed there, completed here. */

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
  place: 'left' | 'right'
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
