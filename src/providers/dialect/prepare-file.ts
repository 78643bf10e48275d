import { hash, randomUUID } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { RelyingParty } from '../../access/access.js'
import type { Documents, PreparedDocument, PrepareRequest } from '../../documents/documents.js'
import type { Credential } from '../../enrolment/enrolment.js'
import { ServiceError } from '../../errors.js'
import { readFile } from './document-text.js'
import { type FileType, fileTypeOf, type KeptFile } from './whole-files.js'

/** A file as it was sent, decoded. */
export interface SentFile {
  name: string
  type: FileType
  octets: Uint8Array
  /** base64. */
  sha256: string
  /** Of its content, as the dialect calls it. */
  field: string
}

/**
 * @param of.fields Members of name and content, as the dialect calls them.
 * @param of.digests The call that signs digests of other files.
 * @param of.files Those of the body that are decoded already.
 * @throws ServiceError `not_offered` for a file of another kind, `request_invalid`.
 */
export function readSentFile(
  { name, base64 }: { name: string; base64: string },
  of: { fields: { name: string; content: string }; digests: string; files: FastifyRequest['files'] }
): SentFile {
  const { fields, digests, files } = of
  const type = fileTypeOf(name)
  if (type === null)
    throw new ServiceError('not_offered', `a file called ${name}`, {
      says: `Files whose names end in .pdf or .xml are signed; of others send the digest to ${digests}.`,
      field: fields.name
    })
  const octets = readFile(base64, fields.content, files)
  return { name, type, octets, sha256: hash('sha256', octets, 'base64'), field: fields.content }
}

/**
 * Gives a file a place for its signature: in a PDF one that is not seen, in XML the last child of the root.
 * @throws ServiceError as `Documents.prepare`, with the file's field.
 */
export async function prepareFile(
  documents: Pick<Documents, 'prepare'>,
  owner: RelyingParty,
  { certificate }: Pick<Credential, 'certificate'>,
  { type, octets, sha256, field }: SentFile,
  by: { signerName: string; signedAt: Date }
): Promise<{ prepared: PreparedDocument; kept: KeptFile }> {
  const content: PrepareRequest['content'] =
    type === 'pdf'
      ? {
          ...{ kind: 'pdf', document: octets, fieldName: null, appearance: null },
          ...{ reason: null, location: null, contact: null, ...by }
        }
      : {
          ...{ kind: 'xml', document: textOf(octets, field), certificate },
          ...{ nodes: [], location: null, signatureId: null }
        }
  // Afterwards a PDF has been handed over.
  const size = octets.length
  try {
    const prepared = await documents.prepare({ owner, batch: randomUUID(), certificate, content })
    return { prepared, kept: { documentId: prepared.id, type, size, sha256 } }
  } catch (error) {
    throw error instanceof ServiceError ? refusedFile(error, field) : error
  }
}

function textOf(octets: Uint8Array, field: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(octets)
  } catch {
    throw new ServiceError('request_invalid', 'XML that is not UTF-8', {
      says: 'The XML is not UTF-8.',
      field
    })
  }
}

const refusedFile = ({ code, message, says, retryAfterS }: ServiceError, field: string): ServiceError =>
  new ServiceError(code, message, { says, field, ...(retryAfterS !== undefined && { retryAfterS }) })
