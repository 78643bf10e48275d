import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Credential } from '../../enrolment/enrolment.js'
import { ServiceError } from '../../errors.js'
import { askedCredentials, certificateFields, listedCredentials } from '../annex/certificates.js'
import { certificateQuery, envelope } from '../annex/fields.js'
import { caName, providerOf } from './authority.js'
import type { GatewayOptions } from './gateway.js'
import { callerByToken, carriesToken } from './token.js'

const Body = Type.Object(
  {
    ...certificateQuery,
    sp_id: Type.Optional(certificateQuery.sp_id),
    sp_password: Type.Optional(certificateQuery.sp_password),
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

/** `/sign_v2/get_certificate` (§7), by token or with sp_id and sp_password. Nobody known: an empty list (I6). */
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
      const { sp_id, sp_password, ca_name, transaction_id = '', ...query } = request.body
      const provider = providerOf(ca_name, options).id
      if (carriesToken(request)) {
        await callerByToken(request, options.access, provider)
        return listed(await listedCredentials(options, provider, query), transaction_id)
      }
      if (sp_id === undefined || sp_password === undefined)
        throw new ServiceError('request_invalid', 'nobody says who asks', {
          says: 'Send sp_id and sp_password, or the header Authorization with a token.',
          field: sp_id === undefined ? 'sp_id' : 'sp_password'
        })
      const proved = { sp_id, sp_password, ...query }
      return listed(await askedCredentials(request, options, provider, proved), transaction_id)
    }
  )

  function listed({ credentials }: { credentials: readonly Credential[] }, transaction_id: string) {
    const user_certificates = credentials.map((credential) => ({
      ...certificateFields(options.pki, credential),
      transaction_id
    }))
    return { status_code: 200, message: 'Success', data: { transaction_id, user_certificates } }
  }
}
