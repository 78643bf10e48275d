import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { displayText } from '../../../activation/display-text.js'
import { documentLimits } from '../../../documents/documents.js'
import type { UploadedFile } from '../../../documents/uploads.js'
import { ServiceError } from '../../../errors.js'
import type { TransactionDocument } from '../../../transactions/transaction.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { requireSigner } from '../../dialect/signer.js'
import { readDescription } from '../mysign/base64-text.js'
import { callerOfToken } from '../mysign/caller.js'
import { isNamed } from '../mysign/credential-id.js'
import { readSpelled } from '../mysign/members.js'
import { gateway } from '../mysign/paths.js'
import { mySignId } from '../mysign/sign-hash.js'
import { fileId, filesMax } from './file-id.js'
import { appearanceOf, UploadRequest } from './upload-request.js'

const Body = Type.Object(
  {
    file_id: Type.Array(fileId, { minItems: 1, maxItems: filesMax, uniqueItems: true }),
    credential_id: Type.Optional(Type.String({ maxLength: 256, description: 'As listed' })),
    description: Type.Optional(Type.String({ maxLength: 2700, description: 'base64; shown on the device' }))
  },
  {
    examples: [
      {
        file_id: ['q1Zk3u8Yw2hT5nB7cX9vL0mR4sD6fG1jK3pQ8aE2oIU'],
        credential_id: '019ab0c4-5d1e-7c3a-8f00-6b1f4f0c2d11_1326198033_20261122083000',
        description: 'VOG7nSBraGFp'
      }
    ]
  }
)

/** `external/signing` (§4.3): one confirmation for all files of the request; asked about by `external/file/status`. */
export const signing: DialectRoutes = async (
  app,
  { access, provider, uploads, documents, transactions, pki, quirk, ...deps }
) => {
  app.post(
    `${gateway}/external/signing`,
    {
      schema: {
        tags: ['Viettel MySign files'],
        summary: 'Ask for signatures in uploaded PDFs',
        body: Body,
        response: { 200: Type.Object({ transactionId: Type.String() }) }
      }
    },
    async (request) => {
      const { party, findings, subscriber } = await callerOfToken(request, { access, ...deps }, provider.id)
      const named = isNamed(readSpelled(request.body, 'credential_id', findings))
      const { credential } = await requireSigner({ ...deps, quirk }, provider.id, subscriber.login, named)
      const description = readDescription(request.body.description ?? '', findings)
      const { clientId } = party
      const owner = { provider: provider.id, clientId, subscriberId: subscriber.id }
      const files: UploadedFile[] = []
      for (const [index, id] of request.body.file_id.entries()) {
        const file = await uploads.find(owner, id)
        if (file === null)
          throw new ServiceError('not_found', 'no uploaded file of this name', {
            says: `There is no such file: external/upload keeps one for an hour (file_id[${index}]).`,
            field: 'file_id'
          })
        files.push(file)
      }
      const signerName = displayText(
        pki.describe(credential.certificate).commonName,
        documentLimits.textCharacters
      )
      const asked: TransactionDocument[] = []
      const kept: { fileId: string; documentId: string }[] = []
      for (const { id, name, document, options } of files) {
        if (!Value.Check(UploadRequest, options)) throw new TypeError(`options of file ${id}`)
        const signedAt = deps.now()
        const { id: documentId, digest } = await documents.prepare({
          owner: party,
          batch: id,
          certificate: credential.certificate,
          content: {
            kind: 'pdf',
            document,
            fieldName: null,
            appearance: appearanceOf(options, signerName, signedAt),
            reason: options.reason ?? null,
            location: options.location ?? null,
            contact: null,
            signerName,
            signedAt
          }
        })
        asked.push({ id, name, digest })
        kept.push({ fileId: id, documentId })
      }
      const { transaction } = await transactions.start({
        provider: provider.id,
        clientId,
        dialect: mySignId,
        name: null,
        requestId: request.id,
        subscriberId: subscriber.id,
        credentialId: credential.id,
        documents: asked,
        description,
        callbackUrl: null,
        details: { files: kept }
      })
      await uploads.assign(owner, request.body.file_id, transaction.id)
      return { transactionId: transaction.id }
    }
  )
}
