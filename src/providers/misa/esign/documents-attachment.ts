import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { PreparedDocument } from '../../../documents/documents.js'
import { ServiceError } from '../../../errors.js'
import { takeLargeBodies } from '../../../http/large-bodies.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { readDigest } from '../../dialect/digest-text.js'
import { fileText, readFile } from '../../dialect/document-text.js'
import { findSigner } from '../../dialect/signer.js'
import { callerOf } from './client.js'
import {
  certificateFields,
  documentId,
  documentList,
  officeFields,
  requireDocuments,
  shortText
} from './document-fields.js'
import { documentsPath } from './paths.js'
import { subscriberOf } from './signer-token.js'
import { respell } from './spelling.js'

const repeated = (maxLength: number) =>
  Type.Optional(Type.String({ maxLength, description: 'As the hash step answered it' }))

const Body = Type.Object(
  {
    ...certificateFields,
    pdfDocs: documentList(
      Type.Object({
        documentId,
        documentBytes: Type.Optional(fileText('As the hash step answered it')),
        documentHash: repeated(shortText),
        sh: repeated(shortText),
        signatureName: repeated(255),
        digest: Type.String({
          minLength: 1,
          maxLength: shortText,
          description: 'As the hash step answered it'
        }),
        signature: Type.String({ minLength: 1, maxLength: shortText, description: 'Of Signing/status' })
      })
    ),
    xmlDocs: documentList(
      Type.Object({
        documentId,
        document: Type.Optional(fileText('As the hash step answered it')),
        signatureId: repeated(128),
        sh: repeated(shortText),
        digest: Type.String({
          minLength: 1,
          maxLength: shortText,
          description: 'As the hash step answered it'
        }),
        signature: Type.String({ minLength: 1, maxLength: shortText, description: 'Of Signing/status' })
      })
    ),
    ...officeFields
  },
  {
    examples: [
      {
        certificate: 'MIIE…',
        pdfDocs: [
          {
            documentId: '6f8a3c52-8f0b-4a39-9d5c-2f3f6b1c7e11',
            digest: 'MDEwDQYJYIZIAWUDBAIBBQAEILEzoMDpvuO+IBY9KtMdYkjbKSqm3LHuCHoqpQ4Px1ri',
            signature: 'k3Jm…'
          }
        ]
      }
    ]
  }
)
const spelling = {
  certificate: null,
  certificateChain: null,
  pdfDocs: {
    documentId: null,
    documentBytes: null,
    documentHash: null,
    sh: null,
    signatureName: null,
    digest: null,
    signature: null
  },
  xmlDocs: { documentId: null, document: null, signatureId: null, sh: null, digest: null, signature: null },
  wordDocs: null,
  excelDocs: null
}

/** `documents/attachment` (§5.5): puts signatures into the documents that the hash step prepared. */
export const attachDocuments: DialectRoutes = async (app, { provider, pki, documents, ...deps }) => {
  takeLargeBodies(app, { members: ['documentBytes'] })
  app.post(
    `${documentsPath}/attachment`,
    {
      schema: {
        tags: ['MISA eSign'],
        summary: 'Put signatures into prepared documents',
        body: Body,
        response: {
          200: Type.Object({
            pdfDocs: Type.Optional(
              Type.Array(
                Type.Object({
                  documentId: Type.String(),
                  document: Type.String({ description: 'The signed document in base64' })
                })
              )
            ),
            xmlDocs: Type.Optional(
              Type.Array(Type.Object({ documentId: Type.String(), document: Type.String() }))
            )
          })
        }
      },
      preValidation: respell('body', spelling)
    },
    async (request) => {
      const { party, findings } = callerOf(request)
      const { login } = subscriberOf(request)
      const { pdfDocs, xmlDocs, wordDocs, excelDocs } = request.body
      requireDocuments({ pdfDocs, xmlDocs, wordDocs, excelDocs })
      const signer = await findSigner(deps, provider.id, login)
      /** The document of one item with its signature in it. */
      async function put(
        kind: PreparedDocument['kind'],
        item: { digest: string; signature: string },
        field: string,
        sent: (prepared: PreparedDocument) => readonly Sent[]
      ): Promise<string> {
        const digest = readDigest(item.digest, { form: 'digest-info', field: `${field}.digest`, findings })
        const prepared = await documents.find(party, { digest })
        const own = signer?.credentials.some(
          ({ certificate }) => prepared !== null && Buffer.compare(certificate, prepared.certificate) === 0
        )
        if (prepared === null || prepared.kind !== kind || own !== true)
          throw new ServiceError('not_found', 'no prepared document with this digest', {
            says: 'There is no such document: documents/hash prepares it, and keeps it for an hour.',
            field: `${field}.digest`
          })
        requireSame(sent(prepared), field, request.files)
        const signature = readFile(item.signature, `${field}.signature`)
        return Buffer.from(documents.complete(prepared, signature, pki.chain(provider.id))).toString('base64')
      }
      const pdfs: { documentId: string; document: string }[] = []
      for (const [index, item] of (pdfDocs ?? []).entries()) {
        const document = await put('pdf', item, `pdfDocs[${index}]`, (prepared) => [
          ['documentBytes', item.documentBytes, prepared.document],
          ['documentHash', item.documentHash, prepared.documentSha256],
          ['sh', item.sh, prepared.toBeSigned]
        ])
        pdfs.push({ documentId: item.documentId, document })
      }
      const xmls: { documentId: string; document: string }[] = []
      for (const [index, item] of (xmlDocs ?? []).entries()) {
        const document = await put('xml', item, `xmlDocs[${index}]`, (prepared) => [
          [
            'document',
            item.document && Buffer.from(item.document, 'utf8').toString('base64'),
            prepared.document
          ],
          ['sh', item.sh, prepared.digest]
        ])
        xmls.push({ documentId: item.documentId, document })
      }
      return { ...(pdfDocs && { pdfDocs: pdfs }), ...(xmlDocs && { xmlDocs: xmls }) }
    }
  )
}

/** A member, what was sent in it in base64, and what the hash step answered. */
type Sent = readonly [name: string, text: string | undefined, octets: Uint8Array]

/** What is sent back must be what the hash step answered: a document that was changed since is not what was signed. */
function requireSame(members: readonly Sent[], field: string, files: FastifyRequest['files']): void {
  for (const [name, text, octets] of members) {
    if (text === undefined || text === '') continue
    if (Buffer.compare(readFile(text, `${field}.${name}`, files), octets) !== 0)
      throw new ServiceError('request_invalid', `${name} was changed`, {
        says: `${name} is not what documents/hash answered.`,
        field: `${field}.${name}`
      })
  }
}
