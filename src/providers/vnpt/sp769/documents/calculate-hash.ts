import { randomUUID } from 'node:crypto'
import { Type } from 'typebox'
import { displayText } from '../../../../activation/display-text.js'
import { documentLimits } from '../../../../documents/documents.js'
import { ServiceError } from '../../../../errors.js'
import { takeLargeBodies } from '../../../../http/large-bodies.js'
import { ownName, spFields } from '../../../annex/fields.js'
import { authenticate } from '../../../dialect/caller.js'
import type { DialectRoutes } from '../../../dialect/dialect.js'
import { fileText, readFile } from '../../../dialect/document-text.js'
import { readOptions, SignatureOptions } from './signature-options.js'
import { readSignerCertificate } from './signer-certificate.js'

/** Where documents are hashed and put together; no sp769 before it. */
export const documentsPath = '/rest/v2/signature'
/** Documents in one request. */
export const documentsMax = 10

const Body = Type.Object(
  {
    ...spFields,
    transaction_id: Type.Optional(Type.Union([Type.Literal(''), ownName('Of your own; answered as tranId')])),
    signerCert: Type.String({
      minLength: 1,
      maxLength: 16 * 1024,
      description: 'cert_data of get_certificate'
    }),
    digestAlgorithm: Type.Optional(Type.String({ maxLength: 16, description: 'sha256' })),
    sign_files: Type.Array(
      Type.Object({
        storage_file_name: Type.Optional(Type.String({ maxLength: 255 })),
        name: Type.Optional(Type.String({ maxLength: 255 })),
        pdfContent: fileText('The PDF in base64'),
        sigOptions: Type.Optional(SignatureOptions)
      }),
      { minItems: 1, maxItems: documentsMax }
    )
  },
  {
    examples: [
      {
        sp_id: 'dvctt',
        sp_password: 'dvctt-secret',
        transaction_id: '6f8a3c52-8f0b-4a39-9d5c-2f3f6b1c7e11',
        signerCert: 'MIIE…',
        digestAlgorithm: 'sha256',
        sign_files: [
          {
            name: 'to-khai.pdf',
            pdfContent: 'JVBERi0xLjcK…',
            sigOptions: {
              renderMode: 0,
              fontColor: '#0000FF',
              signatures: [{ page: 1, rectangle: '330,120,530,190' }]
            }
          }
        ]
      }
    ]
  }
)

/** `calculateHash` (§3.3): gives PDFs a place for their signature. Its hash is in base64; `sign` wants it in hexadecimal. */
export const calculateHash: DialectRoutes = async (app, { access, provider, documents, pki, now }) => {
  takeLargeBodies(app, { members: ['pdfContent'] })
  app.post(
    `${documentsPath}/calculateHash`,
    {
      schema: {
        tags: ['VNPT documents'],
        summary: 'Prepare whole PDFs for their signature',
        body: Body,
        response: {
          200: Type.Object({
            tranId: Type.String(),
            hashResps: Type.Array(
              Type.Object({
                code: Type.String({ description: 'sigSuccess' }),
                hash: Type.String({ description: 'SHA-256 of the signed attributes, base64' }),
                fileID: Type.String()
              })
            )
          })
        }
      }
    },
    async (request) => {
      const { sp_id, sp_password, signerCert, digestAlgorithm = 'sha256', sign_files } = request.body
      const { party } = await authenticate(request, access, {
        provider: provider.id,
        clientId: sp_id,
        clientSecret: sp_password
      })
      if (!/^(sha-?256)?$/i.test(digestAlgorithm))
        throw new ServiceError('hash_algorithm_refused', `PDF by ${digestAlgorithm}`, {
          says: 'digestAlgorithm is sha256.',
          field: 'digestAlgorithm'
        })
      const certificate = readSignerCertificate(signerCert, pki.chain(provider.id))
      const signerName = displayText(pki.describe(certificate).commonName, documentLimits.textCharacters)
      const tranId = request.body.transaction_id || randomUUID()
      const hashResps: { code: string; hash: string; fileID: string }[] = []
      for (const [index, { pdfContent, sigOptions = {} }] of sign_files.entries()) {
        const signedAt = now()
        const { id, digest } = await documents.prepare({
          owner: party,
          batch: tranId,
          certificate,
          content: {
            kind: 'pdf',
            document: readFile(pdfContent, `sign_files[${index}].pdfContent`, request.files),
            fieldName: null,
            appearance: readOptions(sigOptions, signerName, signedAt),
            reason: null,
            location: null,
            contact: null,
            signerName,
            signedAt
          }
        })
        hashResps.push({ code: 'sigSuccess', hash: Buffer.from(digest).toString('base64'), fileID: id })
      }
      return { tranId, hashResps }
    }
  )
}
