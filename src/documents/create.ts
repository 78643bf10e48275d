import { hash, randomBytes, verify, X509Certificate } from 'node:crypto'
import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'
import { type DocumentSigner, type Documents, documentLimits, type PreparedDocument } from './documents.js'
import type { DocumentStore, StoredDocument } from './needs.js'
import { cmsOf, signedAttributes } from './pdf/cms.js'
import { digestOfRange, embedPdf } from './pdf/place.js'
import type { Workshop } from './workshop.js'

/** What documents stand on. */
export interface DocumentsDeps {
  store: DocumentStore
  workshop: Pick<Workshop, 'run'>
  /** The certificate of a credential, DER; null: it is gone. */
  certificateOf: (credentialId: string) => Promise<Uint8Array | null>
  now: Clock
}

/** See `Documents`. What a signature covers is computed anew from what is stored, so that no row can say otherwise. */
export function createDocuments({ store, workshop, certificateOf, now }: DocumentsDeps): Documents {
  return {
    async prepare({ owner, credentialId, signer, content }) {
      const { octets, octetsWaiting, waitS } = documentLimits
      if (content.document.length > octets)
        throw new ServiceError('request_too_large', `a document of ${content.document.length} octets`, {
          says: `A document has at most ${octets} octets.`
        })
      const createdAt = now()
      const { document, place, fieldName } = await workshop.run({ content })
      const attributes = signedAttributes(digestOfRange(document, place), signer.certificate)
      const stored: StoredDocument = {
        id: randomBytes(32).toString('base64url'),
        owner,
        credentialId,
        document,
        digest: hash('sha256', attributes, 'buffer'),
        place: { kind: 'pdf', fieldName, ...place },
        createdAt,
        expiresAt: new Date(createdAt.getTime() + waitS * 1000)
      }
      if (!(await store.insert(stored, octetsWaiting, createdAt)))
        throw new ServiceError('too_many_requests', `documents of ${owner.clientId} fill their room`, {
          says: `The documents of a relying party that wait for a signature have at most ${octetsWaiting} octets.`,
          retryAfterS: waitS
        })
      return preparedOf(stored, signer.certificate)
    },

    async find(owner, name) {
      const at = now()
      const stored =
        'id' in name ? await store.find(owner, name.id, at) : await store.findByDigest(owner, name.digest, at)
      const certificate = stored === null ? null : await certificateOf(stored.credentialId)
      return stored === null || certificate === null ? null : preparedOf(stored, certificate)
    },

    complete,
    purge: () => store.purge(now())
  }
}

function preparedOf(stored: StoredDocument, certificate: Uint8Array): PreparedDocument {
  const { id, owner, credentialId, document, place, expiresAt } = stored
  const documentSha256 = digestOfRange(document, place)
  const toBeSigned = signedAttributes(documentSha256, certificate)
  return {
    id,
    owner,
    kind: place.kind,
    credentialId,
    document,
    documentSha256,
    toBeSigned,
    digest: hash('sha256', toBeSigned, 'buffer'),
    signatureName: place.fieldName,
    place,
    expiresAt
  }
}

function complete(prepared: PreparedDocument, signer: DocumentSigner, signature: Uint8Array): Uint8Array {
  const { publicKey } = new X509Certificate(signer.certificate)
  const { document, documentSha256, place } = prepared
  // Over the attributes of what is sent out, not of what was sent in.
  const toBeSigned = signedAttributes(documentSha256, signer.certificate)
  if (!verify('sha256', toBeSigned, publicKey, signature))
    throw new ServiceError('request_invalid', 'a signature over something else', {
      says: 'This is no signature over this document by the key of its certificate.',
      field: 'signature'
    })
  return embedPdf(document, place, cmsOf(documentSha256, signer, signature))
}
