import { Type } from 'typebox'
import { ServiceError } from '../../../errors.js'
import type { Transaction } from '../../../transactions/transaction.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { filesOf, type KeptFile, signedFiles } from '../../dialect/whole-files.js'
import { callerOf } from './caller.js'
import { envelopeOf, success } from './envelope.js'
import { credentialsPath, smartCaCscId, tag } from './paths.js'
import { standingOf } from './states.js'

const Body = Type.Object(
  { tranId: Type.String({ minLength: 1, maxLength: 128, description: 'As signhash or sign answered it' }) },
  { examples: [{ tranId: '019ab0c4-5d1e-7c3a-8f00-6b1f4f0c2d11' }] }
)

const text = Type.Union([Type.String(), Type.Null()])
const Content = Type.Object({
  refTranId: Type.String(),
  documents: Type.Array(
    Type.Object({
      name: Type.String(),
      type: text,
      size: Type.Union([Type.Integer(), Type.Null()]),
      data: text,
      hash: Type.String({ description: 'What was signed, base64' }),
      sig: Type.Union([Type.String(), Type.Null()], { description: 'base64; null unless signed' }),
      dataSigned: Type.Union([Type.String(), Type.Null()], { description: 'The signed file in base64' }),
      url: text
    })
  ),
  tranId: Type.String(),
  sub: Type.String(),
  credentialId: Type.String(),
  tranType: Type.Integer(),
  tranTypeDesc: Type.String(),
  tranStatus: Type.Integer(),
  tranStatusDesc: Type.String(),
  reqTime: Type.String()
})

/** `credentials/gettraninfo` (§3.4): how a transaction of the token's own relying party and person stands. */
export const transactionInfo: DialectRoutes = async (
  app,
  { provider, transactions, documents, pki, ...deps }
) => {
  app.post(
    `${credentialsPath}/gettraninfo`,
    {
      schema: {
        tags: [tag],
        summary: 'How a transaction stands',
        body: Body,
        response: { 200: envelopeOf(Content) }
      }
    },
    async (request) => {
      const { party, subscriber } = await callerOf(request, deps, provider.id)
      const { tranId } = request.body
      const transaction = await transactions.find(tranId, party)
      if (transaction?.dialect !== smartCaCscId || transaction.subscriberId !== subscriber.id)
        throw new ServiceError('not_found', `no transaction ${tranId} of this person`, {
          says: 'There is no such transaction.',
          field: 'tranId'
        })
      const { status, description } = standingOf(transaction)
      const files = filesOf(transaction)
      return success({
        refTranId: transaction.name ?? '',
        documents: documentsOf(transaction, files, await signedFiles({ documents, pki }, transaction)),
        tranId: transaction.id,
        sub: subscriber.id,
        credentialId: transaction.credentialId,
        tranType: files === null ? 3 : 2,
        tranTypeDesc: files === null ? 'SIGNHASH' : 'SIGN',
        tranStatus: status,
        tranStatusDesc: description,
        reqTime: transaction.createdAt.toISOString()
      })
    }
  )
}

function documentsOf(
  { documentIds, details, signatures }: Transaction,
  files: readonly KeptFile[] | null,
  signed: readonly (Uint8Array | null)[]
) {
  const hashes = Array.isArray(details.hashes) ? details.hashes : []
  return documentIds.map((name, index) => {
    const signature = signatures?.[index]
    const file = signed[index] ?? null
    return {
      name,
      type: files?.[index]?.type ?? null,
      size: files?.[index]?.size ?? null,
      data: null,
      hash: String(hashes[index] ?? ''),
      sig: signature === undefined ? null : base64(signature),
      dataSigned: file === null ? null : base64(file),
      url: null
    }
  })
}

const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64')
