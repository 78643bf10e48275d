import { Type } from 'typebox'
import { ServiceError } from '../../../../errors.js'
import { spFields } from '../../../annex/fields.js'
import { authenticate } from '../../../dialect/caller.js'
import type { DialectRoutes } from '../../../dialect/dialect.js'
import { readFile } from '../../../dialect/document-text.js'
import { documentsMax, documentsPath } from './calculate-hash.js'

const Body = Type.Object(
  {
    ...spFields,
    tranId: Type.String({ minLength: 1, maxLength: 128, description: 'As calculateHash answered it' }),
    signatures: Type.Array(
      Type.Object({
        fileID: Type.String({ minLength: 1, maxLength: 128, description: 'As calculateHash answered it' }),
        signature: Type.String({ minLength: 1, maxLength: 16 * 1024, description: 'signature_value' })
      }),
      { minItems: 1, maxItems: documentsMax }
    )
  },
  {
    examples: [
      {
        sp_id: 'dvctt',
        sp_password: 'dvctt-secret',
        tranId: '6f8a3c52-8f0b-4a39-9d5c-2f3f6b1c7e11',
        signatures: [{ fileID: 'q1Zk…', signature: 'k3Jm…' }]
      }
    ]
  }
)

/** `signExternal` (§3.3): puts signatures into the PDFs that `calculateHash` prepared. */
export const signExternal: DialectRoutes = async (app, { access, provider, documents, pki }) => {
  app.post(
    `${documentsPath}/signExternal`,
    {
      schema: {
        tags: ['VNPT documents'],
        summary: 'Put signatures into prepared PDFs',
        body: Body,
        response: {
          200: Type.Object({
            tranId: Type.String(),
            signResps: Type.Array(
              Type.Object({
                code: Type.String({ description: 'sigSuccess' }),
                fileID: Type.String(),
                signedData: Type.String({ description: 'The signed PDF in base64' })
              })
            )
          })
        }
      }
    },
    async (request) => {
      const { sp_id, sp_password, tranId, signatures } = request.body
      const { party } = await authenticate(request, access, {
        provider: provider.id,
        clientId: sp_id,
        clientSecret: sp_password
      })
      const signResps: { code: string; fileID: string; signedData: string }[] = []
      for (const [index, { fileID, signature }] of signatures.entries()) {
        const prepared = await documents.find(party, { id: fileID })
        if (prepared === null || prepared.batch !== tranId)
          throw new ServiceError('not_found', 'no prepared document of this name', {
            says: 'There is no such file: calculateHash prepares it, and keeps it for an hour.',
            field: `signatures[${index}].fileID`
          })
        const octets = readFile(signature, `signatures[${index}].signature`)
        const signed = documents.complete(prepared, octets, pki.chain(provider.id))
        signResps.push({ code: 'sigSuccess', fileID, signedData: Buffer.from(signed).toString('base64') })
      }
      return { tranId, signResps }
    }
  )
}
