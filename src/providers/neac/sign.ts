import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { askToSign } from '../annex/asking.js'
import { envelope, signFields } from '../annex/fields.js'
import { authenticate } from '../dialect/caller.js'
import { caName, providerOf } from './authority.js'
import type { GatewayOptions } from './gateway.js'
import { gatewayId } from './paths.js'

const Body = Type.Object(
  {
    ...signFields,
    ca_name: caName
  },
  {
    examples: [
      {
        sp_id: 'dvctt',
        sp_password: 'dvctt-secret',
        user_id: '036090001234',
        ca_name: 'CA2',
        transaction_id: '3c0c27a3-4d0a-4c43-8e4b-5b8f7f0a9d21',
        serial_number: '',
        sign_files: [
          {
            data_to_be_signed: 'sTOgwOm+474gFj0q0x1iSNspKqbcse4IeiqlDg/HWuI=',
            doc_id: 'UNC-0042',
            file_type: 'pdf',
            sign_type: 'hash'
          }
        ]
      }
    ]
  }
)

/**
 * `/sign_v2/sign` (§7): base64, whatever the CA's own dialect wants. The one client that is known sends no
 * transaction_id.
 */
export const sign: FastifyPluginAsyncTypebox<GatewayOptions> = async (app, options) => {
  app.post(
    '/sign_v2/sign',
    {
      schema: {
        tags: ['NEAC gateway'],
        summary: 'Ask a CA for signatures',
        body: Body,
        response: {
          200: Type.Object({
            ...envelope,
            data: Type.Object({ transaction_id: Type.String(), tran_code: Type.String() })
          })
        }
      }
    },
    async (request) => {
      const { sp_id, sp_password, ca_name, ...body } = request.body
      const provider = providerOf(ca_name, options).id
      const of = { provider, clientId: sp_id, clientSecret: sp_password }
      const caller = await authenticate(request, options.access, of)
      const manners = {
        provider,
        dialect: gatewayId,
        form: 'base64',
        requiresName: false,
        callbackUrl: null
      } as const
      const { id, name } = await askToSign(options, request, caller, body, manners)
      return {
        status_code: 200,
        message: 'Success',
        data: { transaction_id: name ?? id, tran_code: id }
      }
    }
  )
}
