/** What the rest of the house knows of documents: they are digested, wait for their signature, and get it. */

import type { PdfPlace } from './pdf/place.js'

/** Limits of the room, each with its unit. */
export const documentLimits = {
  /** Octets of a document as it comes. */
  octets: 10 * 1024 * 1024,
  /** Octets that all documents of a relying party that wait for a signature have together. */
  octetsWaiting: 256 * 1024 * 1024,
  /** How long a prepared document waits. */
  waitS: 3600,
  /** Characters of any one text that a signature shows or names. */
  textCharacters: 255,
  /** Octets of a logo. */
  logoOctets: 256 * 1024
} as const

/** Whose a prepared document is. */
export interface DocumentOwner {
  provider: string
  clientId: string
}

/** What a visible signature shows. */
export interface SignatureAppearance {
  /** From 1. */
  page: number
  /** In points, from the lower left corner of the page. */
  rectangle: { x: number; y: number; width: number; height: number }
  /** Lines of plain text; each is broken where it is too wide. */
  lines: readonly string[]
  /** In points, at most; text that does not fit is set smaller. Null: as large as fits, up to 10. */
  fontSize: number | null
  /** Red, green and blue, each 0 to 1. */
  color: readonly [number, number, number]
  /** PNG or JPEG, left of the text or, without text, alone. */
  logo: Uint8Array | null
}

/** A PDF that is to be signed. */
export interface PdfRequest {
  kind: 'pdf'
  document: Uint8Array
  /** Name of the signature field; one that is taken gets a number. Null: a name of ours. */
  fieldName: string | null
  /** Null: the signature is not seen. */
  appearance: SignatureAppearance | null
  /** Entries of the signature dictionary (ISO 32000-1 table 252). */
  reason: string | null
  location: string | null
  contact: string | null
  /** Who signs, by name. */
  signerName: string
  /** Claimed; only a time-stamp would prove it. */
  signedAt: Date
}

/** An XML document that is to be signed, enveloped. */
export interface XmlRequest {
  kind: 'xml'
  document: string
  /** Ids, or paths of element names from the root; none: the whole document. */
  nodes: readonly string[]
  /** Path or Id of the element that the signature becomes the last child of; null: the root. */
  location: string | null
  /** Id of the signature; null: one of ours. */
  signatureId: string | null
  /** DER; goes into KeyInfo. */
  certificate: Uint8Array
}

/** A document that waits for its signature. */
export interface PreparedDocument {
  /** 256 random bits, base64url. */
  id: string
  owner: DocumentOwner
  kind: 'pdf' | 'xml'
  /** Names the request it came with, if its dialect has a name for that. */
  batch: string | null
  /** Whose signature it is to be, DER. */
  certificate: Uint8Array
  /** With the place for the signature in it, empty. */
  document: Uint8Array
  /** SHA-256 of the byte range of a PDF; of XML, of what is signed. */
  documentSha256: Uint8Array
  /** What is signed: DER of the signed attributes of a PDF, the canonical SignedInfo of XML. */
  toBeSigned: Uint8Array
  /** SHA-256 of that: what a relying party asks a signature for. */
  digest: Uint8Array
  /** The signature field of a PDF, the Id of an XML signature. */
  signatureName: string
  /** Where the signature goes. */
  place: Place
  expiresAt: Date
}

/** Where a signature goes, by the kind of document. */
export type Place =
  | ({ kind: 'pdf'; fieldName: string } & PdfPlace)
  | { kind: 'xml'; signatureId: string; signedInfo: string; mark: string }

/** A request to prepare a document. */
export interface PrepareRequest {
  owner: DocumentOwner
  batch: string | null
  /** Of a credential, DER: whoever calls has made sure of it. */
  certificate: Uint8Array
  content: PdfRequest | XmlRequest
}

/** How a prepared document is named: by its id, or by what was asked a signature for. */
export type PreparedName = { id: string } | { digest: Uint8Array }

/** Documents that are signed as a whole. Made by `createDocuments`. */
export interface Documents {
  /**
   * Makes room for a signature, and keeps the document until it comes. A PDF is handed over: its octets may be gone from
   * the array that it came in.
   * @throws ServiceError `request_invalid` for what cannot be read or does not fit, `request_too_large`,
   *   `too_many_requests` when too much waits, `not_offered` for what is known and not done.
   */
  prepare(request: PrepareRequest): Promise<PreparedDocument>
  /** Null: there is none, or it is another's, or it waited too long. */
  find(owner: DocumentOwner, name: PreparedName): Promise<PreparedDocument | null>
  /**
   * The document with its signature. May be asked again.
   * @param signature PKCS#1 v1.5, by the key of the certificate that the document was prepared for.
   * @param chain Certificates above it, DER: issuing CA first.
   * @throws ServiceError `request_invalid` when it is no signature over this document.
   */
  complete(prepared: PreparedDocument, signature: Uint8Array, chain: readonly Uint8Array[]): Uint8Array
  /** Forgets those that waited too long. */
  purge(): Promise<void>
}
