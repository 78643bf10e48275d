import { type Static, Type } from 'typebox'
import type { PrepareRequest } from '../../../documents/documents.js'
import { takeLargeBodies } from '../../../http/large-bodies.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { writeDigestInfo } from '../../dialect/digest-info.js'
import { fileText, readFile } from '../../dialect/document-text.js'
import { requireSigner } from '../../dialect/signer.js'
import { callerOf } from './client.js'
import {
  certificateFields,
  documentId,
  documentList,
  officeFields,
  requireDocuments
} from './document-fields.js'
import { PdfSignatureInfo, pdfSignatureInfoSpelling, readSignatureInfo } from './document-signature-info.js'
import { documentsPath } from './paths.js'
import { subscriberOf } from './signer-token.js'
import { respell } from './spelling.js'
import { readXmlSignatureInfo, XmlSignatureInfo, xmlSignatureInfoSpelling } from './xml-signature-info.js'

const Body = Type.Object(
  {
    ...certificateFields,
    pdfDocs: documentList(
      Type.Object({
        DocumentId: documentId,
        FileToSign: fileText('The PDF in base64'),
        SignatureInfo: Type.Optional(PdfSignatureInfo)
      })
    ),
    xmlDocs: documentList(
      Type.Object({
        DocumentId: documentId,
        FileToSign: fileText('The XML as text'),
        SignatureInfo: Type.Optional(XmlSignatureInfo)
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
const Answer = Type.Object({
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
  ),
  xmlDocs: Type.Optional(
    Type.Array(
      Type.Object({
        documentId: Type.String(),
        document: Type.String({ description: 'The XML with a mark in the place of the signature' }),
        signatureId: Type.String(),
        digest: Type.String({ description: 'FileToSign of Signing/hash' }),
        sh: Type.String({ description: 'SHA-256 of the canonical SignedInfo' })
      })
    )
  )
})
type Answer = Static<typeof Answer>

const spelling = {
  certificate: null,
  certificateChain: null,
  pdfDocs: { DocumentId: null, FileToSign: null, SignatureInfo: pdfSignatureInfoSpelling },
  xmlDocs: { DocumentId: null, FileToSign: null, SignatureInfo: xmlSignatureInfoSpelling },
  wordDocs: null,
  excelDocs: null
}

/** `documents/hash` (§5.4): gives whole documents a place for their signature, and answers what is to be signed. */
export const hashDocuments: DialectRoutes = async (app, { provider, pki, documents, ...deps }) => {
  takeLargeBodies(app, { members: ['FileToSign'] })
  app.post(
    `${documentsPath}/hash`,
    {
      schema: {
        tags: ['MISA eSign'],
        summary: 'Prepare whole documents for their signature',
        body: Body,
        response: {
          200: Answer
        }
      },
      preValidation: respell('body', spelling)
    },
    async (request) => {
      const { party } = callerOf(request)
      const { login } = subscriberOf(request)
      const { certificate, pdfDocs, xmlDocs, wordDocs, excelDocs } = request.body
      requireDocuments({ pdfDocs, xmlDocs, wordDocs, excelDocs })
      const sent = readFile(certificate, 'certificate')
      const { credential } = await requireSigner(
        deps,
        provider.id,
        login,
        (one) => Buffer.compare(one.certificate, sent) === 0
      )
      const signerName = pki.describe(credential.certificate).commonName
      const prepare = (content: PrepareRequest['content']) =>
        documents.prepare({ owner: party, batch: null, certificate: credential.certificate, content })
      const pdfs: object[] = []
      for (const [index, { DocumentId, FileToSign, SignatureInfo = {} }] of (pdfDocs ?? []).entries()) {
        const one = await prepare({
          kind: 'pdf',
          document: readFile(FileToSign, `pdfDocs[${index}].FileToSign`, request.files),
          ...readSignatureInfo(SignatureInfo, signerName, deps.now())
        })
        pdfs.push({
          documentId: DocumentId,
          documentBytes: base64(one.document),
          documentHash: base64(one.documentSha256),
          sh: base64(one.toBeSigned),
          signatureName: one.signatureName,
          digest: base64(writeDigestInfo(one.digest))
        })
      }
      const xmls: object[] = []
      for (const { DocumentId, FileToSign, SignatureInfo = {} } of xmlDocs ?? []) {
        const one = await prepare({
          kind: 'xml',
          document: FileToSign,
          certificate: credential.certificate,
          ...readXmlSignatureInfo(SignatureInfo)
        })
        xmls.push({
          documentId: DocumentId,
          document: Buffer.from(one.document).toString('utf8'),
          signatureId: one.signatureName,
          digest: base64(writeDigestInfo(one.digest)),
          sh: base64(one.digest)
        })
      }
      return { ...(pdfDocs && { pdfDocs: pdfs }), ...(xmlDocs && { xmlDocs: xmls }) } as Answer
    }
  )
}

const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64')
