import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { askedCredentials, certificateFields } from '../annex/certificates.js'
import { certificateQuery, envelope } from '../annex/fields.js'
import { caName, providerOf } from './authority.js'
import type { GatewayOptions } from './gateway.js'

const Body = Type.Object(
  {
    ...certificateQuery,
    ca_name: caName
  },
  {
    examples: [
      {
        sp_id: 'dvctt',
        sp_password: 'dvctt-secret',
        user_id: '036090001234',
        ca_name: 'CA2',
        serial_number: ''
      }
    ]
  }
)

/** `/sign_v2/get_certificate` (§7). Nobody known: an empty list (I6). */
export const getCertificate: FastifyPluginAsyncTypebox<GatewayOptions> = async (app, options) => {
  app.post(
    '/sign_v2/get_certificate',
    {
      schema: {
        tags: ['NEAC gateway'],
        summary: 'Certificates of a subscriber at a CA',
        body: Body,
        response: { 200: Type.Object({ ...envelope, data: Type.Object({}, { additionalProperties: true }) }) }
      }
    },
    async (request) => {
      const { ca_name, transaction_id = '' } = request.body
      const provider = providerOf(ca_name, options).id
      const { credentials } = await askedCredentials(request, options, provider, request.body)
      const user_certificates = credentials.map((credential) => ({
        ...certificateFields(options.pki, credential),
        transaction_id
      }))
      return { status_code: 200, message: 'Success', data: { transaction_id, user_certificates } }
    }
  )
}
