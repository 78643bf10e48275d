import { randomBytes } from 'node:crypto'
import type { Json } from '../audit/audit.js'
import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'
import { type DocumentOwner, documentLimits } from './documents.js'
import type { UploadStore } from './needs.js'

/** Whose an uploaded file is: a relying party's, for one subscriber. */
export interface UploadOwner extends DocumentOwner {
  subscriberId: string
}

/** A file that was sent before it was said with which credential it is to be signed. */
export interface UploadedFile {
  /** 256 random bits, base64url. */
  id: string
  owner: UploadOwner
  /** As the relying party calls it. */
  name: string
  document: Uint8Array
  /** What its dialect has to remember of the request. */
  options: Json
  expiresAt: Date
}

/** Files that wait to be asked a signature for. */
export interface Uploads {
  /**
   * Keeps a file, for as long as a document waits.
   * @throws ServiceError `request_too_large`; `too_many_requests` when too much waits.
   */
  keep(file: Omit<UploadedFile, 'id' | 'expiresAt'>): Promise<UploadedFile>
  /** Null: there is none, or it is another's, or it waited too long. */
  find(owner: UploadOwner, id: string): Promise<UploadedFile | null>
  /** Notes the transaction in which files are signed; the last one counts. */
  assign(owner: UploadOwner, ids: readonly string[], transactionId: string): Promise<void>
  /** The last transaction that was noted. Null: none was, or there is no such file. */
  transactionOf(owner: UploadOwner, id: string): Promise<string | null>
  /** Forgets those that waited too long. */
  purge(): Promise<void>
}

/** See `Uploads`. */
export function createUploads({ store, now }: { store: UploadStore; now: Clock }): Uploads {
  return {
    async keep(file) {
      const { octets, octetsWaiting, waitS } = documentLimits
      if (file.document.length > octets)
        throw new ServiceError('request_too_large', `a file of ${file.document.length} octets`, {
          says: `A file has at most ${octets} octets.`
        })
      const createdAt = now()
      const kept = {
        ...file,
        id: randomBytes(32).toString('base64url'),
        expiresAt: new Date(createdAt.getTime() + waitS * 1000)
      }
      if (!(await store.insert({ ...kept, createdAt }, octetsWaiting)))
        throw new ServiceError('too_many_requests', `files of ${file.owner.clientId} fill their room`, {
          says: `The files of a relying party that wait for a signature have at most ${octetsWaiting} octets.`,
          retryAfterS: waitS
        })
      return kept
    },
    find: (owner, id) => store.find(owner, id, now()),
    assign: (owner, ids, transactionId) => store.assign(owner, ids, transactionId),
    transactionOf: (owner, id) => store.transactionOf(owner, id, now()),
    purge: () => store.purge(now())
  }
}
