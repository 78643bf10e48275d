import { Type } from 'typebox'
import type { PreparedDocument } from '../../../documents/documents.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { writeDigestInfo } from '../../dialect/digest-info.js'
import { readFile } from '../../dialect/document-text.js'
import { requireSigner } from '../../dialect/signer.js'
import { callerOf } from './client.js'
import {
  certificateFields,
  documentId,
  documentList,
  documentsBodyLimit,
  fileText,
  officeFields,
  requireDocuments
} from './document-fields.js'
import { PdfSignatureInfo, pdfSignatureInfoSpelling, readSignatureInfo } from './document-signature-info.js'
import { documentsPath } from './paths.js'
import { subscriberOf } from './signer-token.js'
import { respell } from './spelling.js'

const Body = Type.Object(
  {
    ...certificateFields,
    pdfDocs: documentList(
      Type.Object({
        DocumentId: documentId,
        FileToSign: Type.String({ minLength: 1, maxLength: fileText, description: 'The PDF in base64' }),
        SignatureInfo: Type.Optional(PdfSignatureInfo)
      })
    ),
    ...officeFields
  },
  {
    examples: [
      {
        certificate: 'MIIE…',
        certificateChain: ['MIIE…', 'MIIF…', 'MIIF…'],
        pdfDocs: [
          {
            DocumentId: '6f8a3c52-8f0b-4a39-9d5c-2f3f6b1c7e11',
            FileToSign: 'JVBERi0xLjcK…',
            SignatureInfo: {
              PositionX: 330,
              PositionY: 120,
              Width: 200,
              Height: 70,
              Page: 1,
              TextColor: '#CC0000'
            }
          }
        ]
      }
    ]
  }
)
const spelling = {
  certificate: null,
  certificateChain: null,
  pdfDocs: { DocumentId: null, FileToSign: null, SignatureInfo: pdfSignatureInfoSpelling },
  wordDocs: null,
  excelDocs: null
}

/** `documents/hash` (§5.4): gives whole documents a place for their signature, and answers what is to be signed. */
export const hashDocuments: DialectRoutes = async (app, { provider, pki, documents, ...deps }) => {
  app.post(
    `${documentsPath}/hash`,
    {
      bodyLimit: documentsBodyLimit,
      schema: {
        tags: ['MISA eSign'],
        summary: 'Prepare whole documents for their signature',
        body: Body,
        response: {
          200: Type.Object({
            pdfDocs: Type.Optional(
              Type.Array(
                Type.Object({
                  documentId: Type.String(),
                  documentBytes: Type.String({
                    description: 'The PDF with an empty place for its signature'
                  }),
                  documentHash: Type.String({ description: 'SHA-256 of its byte range' }),
                  sh: Type.String({ description: 'DER of the signed attributes' }),
                  signatureName: Type.String({ description: 'The signature field' }),
                  digest: Type.String({ description: 'FileToSign of Signing/hash' })
                })
              )
            )
          })
        }
      },
      preValidation: respell('body', spelling)
    },
    async (request) => {
      const { party } = callerOf(request)
      const { login } = subscriberOf(request)
      const { certificate, pdfDocs, wordDocs, excelDocs } = request.body
      requireDocuments({ pdfDocs, wordDocs, excelDocs })
      const sent = readFile(certificate, 'certificate')
      const { credential } = await requireSigner(
        deps,
        provider.id,
        login,
        (one) => Buffer.compare(one.certificate, sent) === 0
      )
      const signerName = pki.describe(credential.certificate).commonName
      const prepared: { documentId: string; document: PreparedDocument }[] = []
      for (const [index, { DocumentId, FileToSign, SignatureInfo = {} }] of (pdfDocs ?? []).entries()) {
        const document = await documents.prepare({
          owner: party,
          batch: null,
          certificate: credential.certificate,
          content: {
            kind: 'pdf',
            document: readFile(FileToSign, `pdfDocs[${index}].FileToSign`),
            ...readSignatureInfo(SignatureInfo, signerName, deps.now())
          }
        })
        prepared.push({ documentId: DocumentId, document })
      }
      return {
        pdfDocs: prepared.map(({ documentId, document }) => ({
          documentId,
          documentBytes: base64(document.document),
          documentHash: base64(document.documentSha256),
          sh: base64(document.toBeSigned),
          signatureName: document.signatureName,
          digest: base64(writeDigestInfo(document.digest))
        }))
      }
    }
  )
}

const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64')
