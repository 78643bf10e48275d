import type { DocumentOwner, Place } from './documents.js'
import type { UploadedFile, UploadOwner } from './uploads.js'

/** What is kept of a document between its digest and its signature. */
export interface StoredDocument {
  id: string
  owner: DocumentOwner
  batch: string | null
  /** Whose signature it is to be, DER. */
  certificate: Uint8Array
  document: Uint8Array
  /** SHA-256 of what is signed. */
  digest: Uint8Array
  /** Where the signature goes, and what the place is called. */
  place: Place
  createdAt: Date
  expiresAt: Date
}

/** A document that is to be kept, in two parts that are put together there: a large one is not copied for that. */
export interface KeptDocument extends Omit<StoredDocument, 'document'> {
  original: Uint8Array
  revision: Uint8Array
}

/** What this room needs of the database; `store/prepared-documents.ts` provides it. */
export interface DocumentStore {
  /** False: those of its owner that have not expired by `now` would have more than `octetsMax` with it. */
  insert(kept: KeptDocument, octetsMax: number, now: Date): Promise<boolean>
  /** Of this owner alone, and not one that has expired by `now`. */
  find(owner: DocumentOwner, id: string, now: Date): Promise<StoredDocument | null>
  /** The latest of this owner with this digest. */
  findByDigest(owner: DocumentOwner, digest: Uint8Array, now: Date): Promise<StoredDocument | null>
  /** Removes those that have expired by `now`. */
  purge(now: Date): Promise<void>
}

/** What this room needs of the database for files that wait; `store/uploaded-files.ts` provides it. */
export interface UploadStore {
  /** False: those of its relying party that have not expired by then would have more than `octetsMax` with it. */
  insert(file: UploadedFile & { createdAt: Date }, octetsMax: number): Promise<boolean>
  /** Of this owner alone, and not one that has expired by `now`. */
  find(owner: UploadOwner, id: string, now: Date): Promise<UploadedFile | null>
  assign(owner: UploadOwner, ids: readonly string[], transactionId: string): Promise<void>
  transactionOf(owner: UploadOwner, id: string, now: Date): Promise<string | null>
  /** Removes those that have expired by `now`. */
  purge(now: Date): Promise<void>
}
