import { Type } from 'typebox'
import { ownName, SignFile, spFields, userId } from '../../annex/fields.js'
import { authenticate } from '../../dialect/caller.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { readDigest } from '../../dialect/digest-text.js'
import { requireSigner } from '../../dialect/signer.js'
import { anyId, sendBare } from './bare.js'
import { apiSignCoreId, apiSignCorePath } from './paths.js'

const Body = Type.Object(
  {
    ...spFields,
    user_id: userId,
    idcts: Type.Optional(anyId('The certificate: cert_id of get_certificate; empty: the first usable one')),
    data_to_be_signed: SignFile.properties.data_to_be_signed,
    doc_id: SignFile.properties.doc_id,
    transaction_id: Type.Optional(
      Type.Union([Type.Literal(''), ownName('Of your own; the same again is the same request')])
    ),
    transaction_desc: Type.Optional(Type.String({ maxLength: 500, description: 'Shown on the device' }))
  },
  {
    examples: [
      {
        sp_id: 'dvctt',
        sp_password: 'dvctt-secret',
        user_id: '036090001234',
        data_to_be_signed: 'sTOgwOm+474gFj0q0x1iSNspKqbcse4IeiqlDg/HWuI=',
        doc_id: 'UNC-0042'
      }
    ]
  }
)

/** `Guiyeucauky_Mobilesign` (§6.2): asks for one signature, and answers the code by which it is fetched. */
export const ask: DialectRoutes = async (app, { access, provider, transactions, ...deps }) => {
  app.post(
    `${apiSignCorePath}/Guiyeucauky_Mobilesign`,
    {
      schema: {
        tags: ['Nacencomm APISigncore'],
        summary: 'Ask for a signature',
        description: 'Answers the request code, a JSON string. All members are assumed: none is known.',
        body: Body
      }
    },
    async (request, reply) => {
      const { sp_id, sp_password, user_id, idcts = '', data_to_be_signed, doc_id, ...body } = request.body
      const { party, findings } = await authenticate(request, access, {
        provider: provider.id,
        clientId: sp_id,
        clientSecret: sp_password
      })
      const digest = readDigest(data_to_be_signed, { form: 'base64', field: 'data_to_be_signed', findings })
      const is = idcts === '' ? null : ({ id }: { id: string }) => id === idcts
      const { subscriber, credential } = await requireSigner(deps, provider.id, user_id, is)
      const { transaction } = await transactions.start({
        provider: provider.id,
        clientId: party.clientId,
        dialect: apiSignCoreId,
        name: body.transaction_id || null,
        requestId: request.id,
        subscriberId: subscriber.id,
        credentialId: credential.id,
        documents: [{ id: doc_id, name: doc_id, digest }],
        description: body.transaction_desc ?? '',
        callbackUrl: null,
        details: {}
      })
      return sendBare(reply, transaction.id)
    }
  )
}
