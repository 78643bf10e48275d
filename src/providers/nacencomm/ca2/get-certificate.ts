import { Type } from 'typebox'
import { askedCredentials, certificateFields } from '../../annex/certificates.js'
import { certificateQuery, envelope } from '../../annex/fields.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { pathsOf } from './paths.js'

/** What is said where nothing was found (§6.1). */
const nothingFound = 'Không có dữ liệu trong hệ thống'

const Body = Type.Object(certificateQuery, {
  examples: [
    {
      sp_id: 'dvctt',
      sp_password: 'dvctt-secret',
      user_id: '036090001234',
      serial_number: '',
      transaction_id: ''
    }
  ]
})

/** `get_certificate` (§6.1). A person without certificates and nobody at all look alike (I6). */
export const getCertificate: DialectRoutes = async (app, { provider, ...deps }) => {
  for (const path of pathsOf('get_certificate')) {
    app.post(
      path,
      {
        schema: {
          tags: ['Nacencomm CA2'],
          summary: 'Certificates of a subscriber',
          body: Body,
          response: {
            200: Type.Object({ ...envelope, data: Type.Object({}, { additionalProperties: true }) })
          }
        }
      },
      async (request) => {
        const { transaction_id = '' } = request.body
        const { credentials } = await askedCredentials(request, deps, provider.id, request.body)
        const user_certificates = credentials.map((credential) => certificateFields(deps.pki, credential))
        const message = user_certificates.length === 0 ? nothingFound : 'Success'
        return { status_code: 200, message, data: { transaction_id, user_certificates } }
      }
    )
  }
}
