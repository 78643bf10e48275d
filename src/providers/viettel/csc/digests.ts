import { type Static, Type } from 'typebox'
import { readDigest } from '../../dialect/digest-text.js'
import type { Findings } from '../../dialect/findings.js'
import { readDocumentName } from '../mysign/base64-text.js'
import {
  DocumentToSign,
  digestTextMax,
  documentsMax,
  numberOfSignatures,
  requireCounts
} from '../mysign/sign-request.js'

/** Digests, and what the documents they are of are called (§4.4). */
export const digestFields = {
  numSignatures: Type.Optional(numberOfSignatures),
  documents: Type.Optional(
    Type.Array(DocumentToSign, { maxItems: documentsMax, description: 'None: the device numbers them' })
  ),
  hash: Type.Array(Type.String({ minLength: 1, maxLength: digestTextMax }), {
    minItems: 1,
    maxItems: documentsMax,
    description: 'SHA-256 digests in base64, in the order of the documents'
  })
}

const Digests = Type.Object(digestFields)

/** @throws ServiceError `request_invalid`, `digest_length_wrong`, `hash_algorithm_refused`. */
export function readDigests(
  { numSignatures, documents = [], hash }: Static<typeof Digests>,
  findings: Findings
): { digests: Uint8Array[]; documentNames: string[] } {
  requireCounts({ numSignatures, documents: documents.length === 0 ? hash : documents, hash }, findings)
  return {
    digests: hash.map((text, index) =>
      readDigest(text, { form: 'base64', field: `hash[${index}]`, findings })
    ),
    documentNames: documents.map(({ document_name }, index) =>
      readDocumentName(document_name, `documents[${index}].document_name`, findings)
    )
  }
}
