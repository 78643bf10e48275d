import { hash, randomBytes, verify, X509Certificate } from 'node:crypto'
import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'
import { type Documents, documentLimits, type Place, type PreparedDocument } from './documents.js'
import type { DocumentStore, KeptDocument, StoredDocument } from './needs.js'
import { cmsOf, signedAttributes } from './pdf/cms.js'
import { digestOfRange, embedPdf } from './pdf/place.js'
import type { Workshop } from './workshop.js'
import { embedXml } from './xml/embed-xml.js'

/** What documents stand on. */
export interface DocumentsDeps {
  store: DocumentStore
  workshop: Pick<Workshop, 'run'>
  now: Clock
  /** Default: that of `documentLimits`. */
  octetsWaiting?: number
}

/** See `Documents`. What a signature covers is computed anew from what is stored, so that no row can say otherwise. */
export function createDocuments({
  store,
  workshop,
  now,
  octetsWaiting = documentLimits.octetsWaiting
}: DocumentsDeps): Documents {
  return {
    async prepare({ owner, batch, certificate, content }) {
      const { octets, waitS } = documentLimits
      const length = Buffer.byteLength(content.document)
      if (length > octets)
        throw new ServiceError('request_too_large', `a document of ${length} octets`, {
          says: `A document has at most ${octets} octets.`
        })
      const createdAt = now()
      const { original, revision, place, documentSha256 } = await workshop.run({ content })
      const toBeSigned = toBeSignedOf(documentSha256, place, certificate)
      const kept: KeptDocument = {
        id: randomBytes(32).toString('base64url'),
        owner,
        batch,
        certificate,
        original,
        revision,
        digest: hash('sha256', toBeSigned, 'buffer'),
        place,
        createdAt,
        expiresAt: new Date(createdAt.getTime() + waitS * 1000)
      }
      if (!(await store.insert(kept, octetsWaiting, createdAt)))
        throw new ServiceError('too_many_requests', `documents of ${owner.clientId} fill their room`, {
          says: `The documents of a relying party that wait for a signature have at most ${octetsWaiting} octets.`,
          retryAfterS: waitS
        })
      return {
        ...described(kept, { documentSha256, toBeSigned }),
        // Most who prepare one do not ask for it.
        get document() {
          return Buffer.concat([original, revision])
        }
      }
    },

    async find(owner, name) {
      const at = now()
      const stored =
        'id' in name ? await store.find(owner, name.id, at) : await store.findByDigest(owner, name.digest, at)
      return stored === null ? null : preparedOf(stored)
    },

    complete,
    purge: () => store.purge(now())
  }
}

/** What a signature in this place covers, and what is signed for it. */
interface Cover {
  documentSha256: Uint8Array
  toBeSigned: Uint8Array
}

function coverOf(document: Uint8Array, place: Place, certificate: Uint8Array): Cover {
  const documentSha256 =
    place.kind === 'pdf'
      ? digestOfRange([document], place)
      : hash('sha256', Buffer.from(place.signedInfo, 'utf8'), 'buffer')
  return { documentSha256, toBeSigned: toBeSignedOf(documentSha256, place, certificate) }
}

const toBeSignedOf = (documentSha256: Uint8Array, place: Place, certificate: Uint8Array): Uint8Array =>
  place.kind === 'pdf' ? signedAttributes(documentSha256, certificate) : Buffer.from(place.signedInfo, 'utf8')

function preparedOf(stored: StoredDocument): PreparedDocument {
  const { document, place, certificate } = stored
  return { ...described(stored, coverOf(document, place, certificate)), document }
}

function described(
  { id, owner, batch, certificate, place, expiresAt }: Omit<StoredDocument, 'document'>,
  { documentSha256, toBeSigned }: Cover
): Omit<PreparedDocument, 'document'> {
  return {
    id,
    owner,
    kind: place.kind,
    batch,
    certificate,
    documentSha256,
    toBeSigned,
    digest: hash('sha256', toBeSigned, 'buffer'),
    signatureName: place.kind === 'pdf' ? place.fieldName : place.signatureId,
    place,
    expiresAt
  }
}

function complete(
  { certificate, document, place }: PreparedDocument,
  signature: Uint8Array,
  chain: readonly Uint8Array[]
): Uint8Array {
  const { publicKey } = new X509Certificate(certificate)
  // Over what is sent out, not over what was sent in.
  const { documentSha256, toBeSigned } = coverOf(document, place, certificate)
  if (!verify('sha256', toBeSigned, publicKey, signature))
    throw new ServiceError('request_invalid', 'a signature over something else', {
      says: 'This is no signature over this document by the key of its certificate.',
      field: 'signature'
    })
  return place.kind === 'pdf'
    ? embedPdf(document, place, cmsOf(documentSha256, certificate, chain, signature))
    : embedXml(document, place.mark, signature)
}
