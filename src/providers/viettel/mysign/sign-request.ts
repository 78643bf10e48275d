import { type Static, Type } from 'typebox'
import type { TransactionDocument } from '../../../transactions/transaction.js'
import { readDigest } from '../../dialect/digest-text.js'
import type { Findings } from '../../dialect/findings.js'
import { requireAlgorithms } from './algorithms.js'
import { readDescription, readDocumentName } from './base64-text.js'
import { clientFields } from './fields.js'
import { readNumber, readSpelled } from './members.js'

/** Documents in one request, at most; a credential's `multisign` may allow fewer. */
export const documentsMax = 1000
/** Characters of whatever a digest may be written as; a document sent in its place is told as such up to here. */
export const digestTextMax = 256 * 1024

/** A document by its names; its digest is in `hash`. */
export const DocumentToSign = Type.Object({
  document_id: Type.String({
    minLength: 1,
    maxLength: 200,
    pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]+$',
    description: 'Repeated in the webhook'
  }),
  document_name: Type.String({
    minLength: 1,
    maxLength: 1000,
    description:
      'Shown on the device: base64 of UTF-8, fewer than 100 characters; or letters, digits, underscore, dash, space'
  })
})

/** How many signatures are wanted; some clients send it as text. */
export const numberOfSignatures = Type.Union([
  Type.Integer({ minimum: 1, maximum: documentsMax }),
  Type.String({ pattern: '^[0-9]{1,4}$' })
])

/** How the result comes: 0 in the answer, 1 and 2 by asking, 3 to the webhook. */
const Async = Type.Integer({ minimum: 0, maximum: 3 })

export const SignRequest = Type.Object(
  {
    ...clientFields,
    credentialID: Type.Optional(Type.String({ maxLength: 256, description: '`credential_id` as listed' })),
    numSignatures: Type.Optional(numberOfSignatures),
    description: Type.Optional(Type.String({ maxLength: 2700, description: 'base64; shown on the device' })),
    documents: Type.Array(DocumentToSign, { minItems: 1, maxItems: documentsMax }),
    hash: Type.Array(Type.String({ minLength: 1, maxLength: digestTextMax }), {
      minItems: 1,
      maxItems: documentsMax,
      description: 'Digests in base64, in the order of the documents'
    }),
    hashAlgo: Type.Optional(Type.String({ maxLength: 64, description: 'OID of SHA-256' })),
    signAlgo: Type.Optional(Type.String({ maxLength: 64, description: 'OID of rsaEncryption' })),
    async: Type.Optional(
      Type.Union([Async, Type.String({ pattern: '^[0-3]$' })], {
        description: '0 (default): the call waits; 1, 2: ask requests/status; 3: webhook'
      })
    )
  },
  {
    examples: [
      {
        client_id: 'dvctt',
        client_secret: 'dvctt-secret',
        credentialID: '019ab0c4-5d1e-7c3a-8f00-6b1f4f0c2d11_1326198033_20261122083000',
        numSignatures: 1,
        description: 'VOG7nSBraGFp',
        documents: [{ document_id: 'UNC-0042', document_name: 'VW5jIDAwNDI=' }],
        hash: ['sTOgwOm+474gFj0q0x1iSNspKqbcse4IeiqlDg/HWuI='],
        hashAlgo: '2.16.840.1.101.3.4.2.1',
        signAlgo: '1.2.840.113549.1.1.1',
        async: 1
      }
    ]
  }
)

/** A request to sign, decoded. */
export interface SignOrder {
  /** As the client named it. */
  credentialId: string
  documents: TransactionDocument[]
  description: string
  async: number
}

/** @throws ServiceError `request_invalid`, `hash_algorithm_refused`, `sign_algorithm_refused`, `digest_length_wrong`. */
export function readSignRequest(body: Static<typeof SignRequest>, findings: Findings): SignOrder {
  const credentialId = readSpelled(body, 'credentialID', findings)
  requireAlgorithms(body, findings)
  requireCounts(body, findings)
  const documents = body.documents.map(({ document_id: id, document_name }, index) => ({
    id,
    name: readDocumentName(document_name, `documents[${index}].document_name`, findings),
    digest: readDigest(body.hash[index] ?? '', { form: 'base64', field: `hash[${index}]`, findings })
  }))
  return {
    credentialId,
    documents,
    description: readDescription(body.description ?? '', findings),
    async: readNumber(body.async ?? 0, 'async', findings)
  }
}

/** Which digest is whose is told by the order alone. @throws ServiceError `request_invalid`. */
export function requireCounts(
  {
    numSignatures,
    documents,
    hash
  }: { numSignatures?: number | string | undefined; documents: readonly unknown[]; hash: readonly unknown[] },
  findings: Findings
): void {
  const numbers = { documents: documents.length, hash: hash.length }
  const differ = (field: string, found: string): never =>
    findings.refuse({
      code: 'counts_differ',
      field,
      found,
      remedy:
        'Send one entry in hash for each one in documents, in the same order, and their number in numSignatures.'
    })
  if (numbers.documents !== numbers.hash)
    differ('hash', `There are ${numbers.hash} digests for ${numbers.documents} documents.`)
  if (numSignatures === undefined) {
    findings.forgive({
      code: 'number_of_signatures_missing',
      field: 'numSignatures',
      found: 'numSignatures is missing.',
      remedy: 'Send the number of digests.'
    })
    return
  }
  const asked = readNumber(numSignatures, 'numSignatures', findings)
  if (asked !== numbers.hash)
    differ('numSignatures', `numSignatures is ${asked}, for ${numbers.hash} digests.`)
}
