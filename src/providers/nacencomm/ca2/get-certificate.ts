import { Type } from 'typebox'
import { hasSerial } from '../../annex/asking.js'
import { certificateFields } from '../../annex/certificates.js'
import { certificateQuery, envelope } from '../../annex/fields.js'
import { authenticate } from '../../dialect/caller.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { findSigner } from '../../dialect/signer.js'
import { pathsOf } from './paths.js'

/** What is said where nothing was found (§6.1). */
const nothingFound = 'Không có dữ liệu trong hệ thống'

const Body = Type.Object(
  {
    ...certificateQuery
  },
  {
    examples: [
      {
        sp_id: 'dvctt',
        sp_password: 'dvctt-secret',
        user_id: '036090001234',
        serial_number: '',
        transaction_id: ''
      }
    ]
  }
)

/** `get_certificate` (§6.1). A person without certificates and nobody at all look alike (I6). */
export const getCertificate: DialectRoutes = async (app, { access, provider, ...deps }) => {
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
        const { sp_id, sp_password, user_id, serial_number = '', transaction_id = '' } = request.body
        await authenticate(request, access, {
          provider: provider.id,
          clientId: sp_id,
          clientSecret: sp_password
        })
        const signer = await findSigner(deps, provider.id, user_id)
        const user_certificates = (signer?.credentials ?? [])
          .filter((credential) => serial_number === '' || hasSerial(serial_number)(credential))
          .map((credential) => certificateFields(deps.pki, credential))
        const message = user_certificates.length === 0 ? nothingFound : 'Success'
        return { status_code: 200, message, data: { transaction_id, user_certificates } }
      }
    )
  }
}
