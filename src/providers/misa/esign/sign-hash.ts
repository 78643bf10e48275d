import { Type } from 'typebox'
import { callbackFor } from '../../../access/addresses.js'
import { ServiceError } from '../../../errors.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { readDigest } from '../../dialect/digest-text.js'
import { requireSigner } from '../../dialect/signer.js'
import { callerOf } from './client.js'
import { guid, sameGuid } from './guid.js'
import { signingPath } from './paths.js'
import { plainText } from './plain-text.js'
import { subscriberOf } from './signer-token.js'
import { respell } from './spelling.js'

/** Documents in one request, at most; a credential's `multisign` may allow fewer. */
const documentsMax = 1000
/** Characters of `FileToSign`; a document sent in the place of its digest is told as such up to here. */
const digestTextMax = 256 * 1024
/** Characters of `DataToBeDisplayed`, markup included; a device shows 500 of them. */
const displayMax = 20_000

const Body = Type.Object(
  {
    DataToBeDisplayed: Type.String({
      minLength: 1,
      maxLength: displayMax,
      description: 'Shown on the device; of HTML the text alone'
    }),
    UserId: guid('userId of the certificate'),
    CertAlias: guid('keyAlias of the certificate'),
    Documents: Type.Array(
      Type.Object({
        DocumentId: Type.String({
          minLength: 1,
          maxLength: 36,
          pattern: '^\\P{C}+$',
          description: 'Of your own; repeated with the signature'
        }),
        FileToSign: Type.String({
          minLength: 1,
          maxLength: digestTextMax,
          description: 'base64 of the DER DigestInfo with SHA-256'
        }),
        DocumentName: Type.String({ minLength: 1, maxLength: 100, description: 'Shown on the device' })
      }),
      { maxItems: documentsMax }
    )
  },
  {
    examples: [
      {
        DataToBeDisplayed: '<p>Uỷ nhiệm chi <b>0042</b></p>',
        UserId: '0199a6a1-7c1e-7d3a-9a52-0f5a3b1c2d4e',
        CertAlias: '0199a6a1-8f20-7b11-8c33-5a1d2e3f4a5b',
        Documents: [
          {
            DocumentId: '6f8a3c52-8f0b-4a39-9d5c-2f3f6b1c7e11',
            FileToSign: 'MDEwDQYJYIZIAWUDBAIBBQAEILEzoMDpvuO+IBY9KtMdYkjbKSqm3LHuCHoqpQ4Px1ri',
            DocumentName: 'UNC-0042.pdf'
          }
        ]
      }
    ]
  }
)
const NullableText = Type.Union([Type.String(), Type.Null()])

/** Members in their spelling, PascalCase here alone. */
const spelling = {
  DataToBeDisplayed: null,
  UserId: null,
  CertAlias: null,
  Documents: { DocumentId: null, FileToSign: null, DocumentName: null }
}

/** `Signing/hash` (§5.5): digests in their DigestInfo, one confirmation for all of them. */
export const signHash: DialectRoutes = async (app, { provider, transactions, ...deps }) => {
  app.post(
    `${signingPath}/hash`,
    {
      schema: {
        tags: ['MISA eSign'],
        summary: 'Ask for signatures',
        body: Body,
        response: {
          200: Type.Object({
            transactionId: Type.String(),
            signingAuthorizeTimeout: Type.Integer({ description: 'Seconds the subscriber has' }),
            signatures: Type.Null(),
            status: Type.String(),
            errorCode: NullableText,
            errorDescription: NullableText,
            userSigningSession: Type.Null({
              description: 'Sessions that sign without a tap are not offered'
            }),
            sessionSigningEnabled: Type.Literal(false)
          })
        }
      },
      preValidation: respell('body', spelling)
    },
    async (request) => {
      const { party, findings } = callerOf(request)
      const { id: subscriberId, login } = subscriberOf(request)
      const { DataToBeDisplayed, UserId, CertAlias, Documents } = request.body
      if (Documents.length === 0)
        throw new ServiceError('request_invalid', 'no documents', {
          says: 'Phải có ít nhất 1 tài liệu',
          field: 'Documents'
        })
      const documents = Documents.map(({ DocumentId: id, FileToSign, DocumentName: name }, index) => {
        const field = `Documents[${index}].FileToSign`
        return { id, name, digest: readDigest(FileToSign, { form: 'digest-info', field, findings }) }
      })
      if (!sameGuid(UserId, subscriberId))
        throw new ServiceError('not_found', `UserId ${UserId} is not who logged in`)
      const { credential } = await requireSigner(deps, provider.id, login, ({ id }) =>
        sameGuid(id, CertAlias)
      )
      const { transaction } = await transactions.start({
        provider: provider.id,
        clientId: party.clientId,
        dialect: 'esign',
        name: null,
        requestId: request.id,
        subscriberId,
        credentialId: credential.id,
        documents,
        description: plainText(DataToBeDisplayed),
        callbackUrl: callbackFor(party),
        details: {}
      })
      const { id: transactionId, createdAt, expiresAt } = transaction
      return {
        transactionId,
        signingAuthorizeTimeout: Math.round((expiresAt.getTime() - createdAt.getTime()) / 1000),
        signatures: null,
        status: 'PENDING',
        errorCode: null,
        errorDescription: null,
        userSigningSession: null,
        sessionSigningEnabled: false as const
      }
    }
  )
}
